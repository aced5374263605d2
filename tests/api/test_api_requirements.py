"""Requirements and links through the API."""

import pytest

from tests.support.cast import add_item
from tests.support.requirements import COMPLETE
from tests.support.requirements import add as added

HERE = "/v1/projects/BRIDGE/requirements"


async def test_a_requirement_is_added_as_an_internal_draft(api):
    response = await api.call("POST", HERE, json={"title": "Search"}, by="dan", expect=201)
    assert response.headers["location"] == f"/api{HERE}/1"
    assert response.json() | {"created_at": "", "updated_at": ""} == {
        "number": 1, "version": 1, "latest": 1, "kind": "functional", "title": "Search", "description": "",
        "priority": None, "criteria": [], "measure": None, "state": "draft", "decision": None, "settled_at": None,
        "confirmed_version": None, "audience": "internal", "external_ref": None, "created_at": "", "updated_at": "",
    }  # fmt: skip
    assert (await api.call("GET", f"{HERE}/1")).headers["etag"] == response.headers["etag"]


async def test_its_whole_life(api):
    await api.post(HERE, COMPLETE | {"kind": "non_functional"})
    measure = {"metric": "Time", "target": "1 s", "how_measured": "A test"}
    shown = await api.patch(f"{HERE}/1", {"measure": measure})
    assert shown["measure"] == measure
    assert (await api.post(f"{HERE}/1/publication", expect=200))["audience"] == "client"
    asked = await api.post(f"{HERE}/confirmations", {"numbers": [1], "due_on": "2090-01-31", "holds_up": "All"})
    assert [(one["number"], one["kind"], one["subject_version"]) for one in asked["items"]] == [(1, "requirement", 1)]
    assert (await api.get(f"{HERE}/1"))["state"] == "offered"
    shown = await api.patch(f"{HERE}/1", {"title": "Find by product", "reason": "The word is clearer."})
    assert (shown["version"], shown["state"]) == (2, "draft")
    versions = (await api.get(f"{HERE}/1/versions"))["items"]
    assert [(one["version"], one["title"], one["state"]) for one in versions] == [
        (2, "Find by product", "draft"), (1, "Search by product", "withdrawn"),
    ]  # fmt: skip
    assert (await api.get(f"{HERE}/1/versions/1"))["title"] == "Search by product"
    assert await api.kinds() == [
        "requirement.added", "requirement.changed", "requirement.published", "decision.asked", "decision.withdrawn",
        "requirement.revised",
    ]  # fmt: skip


async def test_an_edit_needs_what_was_read(api):
    await api.post(HERE, COMPLETE)
    etag = (await api.call("GET", f"{HERE}/1")).headers["etag"]
    await api.patch(f"{HERE}/1", {"title": "First"}, match=etag)
    await api.call("PATCH", f"{HERE}/1", json={"title": "Second"}, match=etag, expect=412)
    await api.call("PATCH", f"{HERE}/1", json={"title": "Second"}, expect=428)


async def test_being_asked_changes_the_tag_so_that_no_edit_withdraws_a_question_unseen(api):
    await api.post(HERE, COMPLETE | {"audience": "client"})
    etag = (await api.call("GET", f"{HERE}/1")).headers["etag"]
    await api.post(f"{HERE}/confirmations", {"numbers": [1]})
    await api.call("PATCH", f"{HERE}/1", json={"title": "Late"}, match=etag, expect=412)


async def test_what_is_missing_is_told_whole(api):
    await api.post(HERE, {"title": "Fast", "kind": "non_functional"})
    response = await api.call("POST", f"{HERE}/confirmations", json={"numbers": [1]}, expect=422)
    faults = response.json()["errors"]
    assert {(one["field"], one["value"]) for one in faults} == {("/numbers/0", 1)}
    assert len(faults) == 7


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"title": "x", "state": "confirmed"}, "/state"),
        ({"title": "x", "priority": "urgent"}, "/priority"),
        ({"title": "x", "kind": None}, "/kind"),
        ({"title": "x" * 161}, "/title"),
        ({"title": "x", "criteria": [""]}, "/criteria/0"),
        ({"title": "x", "criteria": "one"}, "/criteria"),
        ({"title": "x", "measure": {"unit": "s"}}, "/measure/unit"),
        ({"title": "x", "audience": "billing"}, "/audience"),
        ({}, "/title"),
    ],
)
async def test_a_wrong_field_is_named(api, body, at):
    response = await api.call("POST", HERE, json=body, expect=422)
    assert [one["field"] for one in response.json()["errors"]] == [at]


async def test_the_list_is_narrowed_and_paged(api):
    for title in ("One", "Two", "Three"):
        await api.post(HERE, {"title": title, "priority": "could" if title == "Two" else "must"})
    page = await api.call("GET", f"{HERE}?priority=must&limit=1")
    assert [one["title"] for one in page.json()["items"]] == ["One"]
    following = page.links["next"]["url"].partition("/api")[2]
    assert [one["title"] for one in (await api.get(following))["items"]] == ["Three"]
    assert [one["title"] for one in (await api.get(f"{HERE}?text=tWO&state=draft&kind=functional"))["items"]] == ["Two"]
    await api.call("GET", f"{HERE}?state=new", expect=422)


async def test_many_come_at_once_by_their_references(api):
    rows = [{"external_ref": "doc:1", **COMPLETE}, {"external_ref": "doc:2", "title": "Second"}]
    done = await api.post(f"{HERE}/upsert", {"requirements": rows}, expect=200)
    assert [(one["external_ref"], one["number"], one["did"]) for one in done["items"]] == [
        ("doc:1", 1, "created"), ("doc:2", 2, "created"),
    ]  # fmt: skip
    rows[1]["title"] = "Renamed"
    done = await api.post(f"{HERE}/upsert", {"requirements": rows}, expect=200)
    assert [one["did"] for one in done["items"]] == ["unchanged", "changed"]
    wrong = await api.call(
        "POST", f"{HERE}/upsert", json={"requirements": [*rows, {"external_ref": "doc:3"}]}, expect=422
    )
    assert [one["field"] for one in wrong.json()["errors"]] == ["/requirements/2/title"]


async def test_links_lead_one_step_each_way(api, database, cast):
    await added(database, cast)
    await add_item(database, cast, title="Build the search")
    ends = {"one": {"kind": "item", "number": 1}, "other": {"kind": "requirement", "number": 1}}
    there = {"kind": "requirement", "number": 1, "title": "Search by product", "state": "draft", "version": None}
    assert await api.post("/v1/projects/BRIDGE/links", ends, by="dan") == {"items": [there]}
    assert await api.get("/v1/projects/BRIDGE/items/1/links") == {"items": [there]}
    (back,) = (await api.get(f"{HERE}/1/links"))["items"]
    assert (back["kind"], back["number"], back["title"]) == ("item", 1, "Build the search")
    assert await api.get(f"{HERE}/orphans") == {"requirements": [], "designs": [], "items": [], "more": []}
    away = "/v1/projects/BRIDGE/links/item/1/requirement/1"
    await api.call("DELETE", away, expect=204)
    await api.call("DELETE", away, expect=404)
    found = await api.get(f"{HERE}/orphans")
    assert ([one["number"] for one in found["requirements"]], [one["number"] for one in found["items"]]) == ([1], [1])


@pytest.mark.parametrize("path", ["requirements/9", "designs/9", "items/9", "changes/9"])
async def test_what_is_not_there_has_no_links(api, path):
    await api.call("GET", f"/v1/projects/BRIDGE/{path}/links", expect=404)


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"one": {"kind": "item", "number": 7}, "other": {"kind": "requirement", "number": 1}}, "/one"),
        ({"one": {"kind": "requirement", "number": 1}, "other": {"kind": "design", "number": 7}}, "/other"),
        ({"one": {"kind": "requirement", "number": 1}, "other": {"kind": "requirement", "number": 2}}, "/other/kind"),
        ({"one": {"kind": "invoice", "number": 1}, "other": {"kind": "requirement", "number": 1}}, "/one/kind"),
    ],
)
async def test_a_wrong_end_is_named(api, database, cast, body, at):
    await added(database, cast)
    response = await api.call("POST", "/v1/projects/BRIDGE/links", json=body, expect=422)
    assert [one["field"] for one in response.json()["errors"]] == [at]
