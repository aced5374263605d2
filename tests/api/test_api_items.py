"""Backlog items through the API."""

from typing import Any

import pytest

from api.item_shapes import ItemFull, ItemPage
from tests.support.statements import counting

ITEMS = "/v1/projects/BRIDGE/items"


async def test_a_new_item_can_be_read_where_its_location_says(api: Any) -> None:
    made = await api.call("POST", ITEMS, json={"title": "Lift the bridge", "points": "2.50"}, expect=201)
    read = await api.call("GET", made.headers["location"].removeprefix("/api"))
    assert read.json() == made.json()
    assert read.headers["etag"] == made.headers["etag"]
    assert ItemFull.model_validate_json(read.content).points == 2.5
    assert read.json()["points"] == "2.5"
    assert await api.kinds() == ["item.added"]


async def test_an_item_is_internal_unless_said_otherwise(api: Any) -> None:
    assert (await api.post(ITEMS, {"title": "A"}))["audience"] == "internal"
    assert (await api.post(ITEMS, {"title": "B", "audience": "client"}))["audience"] == "client"


async def test_the_list_tells_of_each_item_what_its_description_promises(api: Any) -> None:
    await api.post("/v1/projects/BRIDGE/iterations", {"name": "Sprint 1"})
    await api.post(ITEMS, {"title": "A", "iteration": 1, "hours": "0.5", "labels": ["b", "a"]})
    page = await api.call("GET", ITEMS)
    (line,) = ItemPage.model_validate_json(page.content).items
    assert (line.number, line.title, line.status, line.iteration_name) == (1, "A", "To do", "Sprint 1")
    assert (page.json()["items"][0]["hours"], line.labels) == ("0.5", ["a", "b"])


@pytest.mark.parametrize("rows", [1, 3])
async def test_the_list_costs_two_statements_whatever_its_length(api: Any, rows: int) -> None:
    for title in "ABC"[:rows]:
        await api.post(ITEMS, {"title": title})
    await api.get(f"{ITEMS}?limit=7")
    with counting(api.database) as first:
        await api.get(ITEMS)
    with counting(api.database) as again:
        await api.get(ITEMS)
    assert (len(first), len(again)) == (2, 1)


async def test_a_list_that_was_just_read_shows_what_changed_since(api: Any) -> None:
    await api.get(ITEMS)
    await api.post(ITEMS, {"title": "New"})
    assert [item["title"] for item in (await api.get(ITEMS))["items"]] == ["New"]


async def test_the_list_is_read_page_by_page_and_once_each(api: Any) -> None:
    for title in "ABCDE":
        await api.post(ITEMS, {"title": title})
    seen, address = [], f"{ITEMS}?limit=2"
    while address:
        page = await api.call("GET", address)
        seen.append([item["title"] for item in page.json()["items"]])
        following = page.links.get("next", {}).get("url", "")
        address = following.partition("/api")[2]
        assert bool(address) == bool(page.json()["next"])
    assert seen == [["A", "B"], ["C", "D"], ["E"]]


async def test_filters_narrow_the_list(api: Any) -> None:
    await api.post(ITEMS, {"title": "Paint the bridge", "type": "task", "labels": ["red"]})
    await api.post(ITEMS, {"title": "Broken lamp", "type": "bug", "blocked_on": "client", "blocked_reason": "Which?"})

    async def titles(query: str) -> list[str]:
        return [item["title"] for item in (await api.get(f"{ITEMS}?{query}"))["items"]]

    assert await titles("type=bug") == ["Broken lamp"]
    assert await titles("label=red") == ["Paint the bridge"]
    assert await titles("waiting_on=client") == ["Broken lamp"]
    assert await titles("text=bridges") == ["Paint the bridge"]
    assert await titles("status=To%20do") == ["Paint the bridge", "Broken lamp"]
    assert await titles("status=Nowhere") == []
    assert await titles("iteration=77") == []


async def test_an_empty_backlog_is_an_empty_page(api: Any) -> None:
    assert await api.get(ITEMS) == {"items": [], "next": None}


async def test_a_change_needs_the_version_that_was_read_and_gives_the_next(api: Any) -> None:
    made = await api.call("POST", ITEMS, json={"title": "A"}, expect=201)
    first = made.headers["etag"]
    changed = await api.call("PATCH", f"{ITEMS}/1", json={"title": "B"}, match=first)
    assert changed.json()["title"] == "B"
    assert changed.headers["etag"] != first
    await api.call("PATCH", f"{ITEMS}/1", json={"title": "C"}, match=first, expect=412)
    assert (await api.get(f"{ITEMS}/1"))["title"] == "B"
    assert await api.kinds() == ["item.added", "item.changed"]


@pytest.mark.parametrize("header", [None, 'W/"x"', '"x"', "x", '"', '"a", "b"'])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_change_without_the_right_version_changes_nothing(api: Any, header: str | None) -> None:
    await api.post(ITEMS, {"title": "A"})
    await api.call("PATCH", f"{ITEMS}/1", json={"title": "B"}, match=header, expect=428 if header is None else 412)
    assert await api.kinds() == ["item.added"]


async def test_a_weak_form_of_the_right_version_is_refused(api: Any) -> None:
    tag = (await api.call("POST", ITEMS, json={"title": "A"}, expect=201)).headers["etag"]
    await api.call("PATCH", f"{ITEMS}/1", json={"title": "B"}, match=f"W/{tag}", expect=412)
    await api.call("PATCH", f"{ITEMS}/1", json={"title": "B"}, match=f'"other", {tag}')


async def test_null_empties_a_field_and_absence_leaves_it(api: Any) -> None:
    await api.post(ITEMS, {"title": "A", "points": "3", "hours": "4"})
    changed = await api.patch(f"{ITEMS}/1", {"points": None})
    assert (changed["points"], changed["hours"]) == (None, "4")
    refused = await api.call("PATCH", f"{ITEMS}/1", json={"title": None}, match="*", expect=422)
    assert refused.json()["errors"][0]["field"] == "/title"


async def test_a_removed_item_is_gone_until_it_is_brought_back(api: Any) -> None:
    await api.post(ITEMS, {"title": "A"})
    await api.call("DELETE", f"{ITEMS}/1?reason=twice", match="*", expect=204)
    await api.call("GET", f"{ITEMS}/1", expect=404)
    assert (await api.get(ITEMS))["items"] == []
    await api.call("DELETE", f"{ITEMS}/1", match="*", expect=404)
    assert (await api.post(f"{ITEMS}/1/restoration", expect=200))["title"] == "A"
    await api.post(f"{ITEMS}/1/restoration", expect=409)
    assert await api.kinds() == ["item.added", "item.removed", "item.restored"]


async def test_a_thousand_items_are_added_then_recognised_by_their_references(api: Any) -> None:
    rows = [{"external_ref": f"crm:{at}", "title": f"Item {at}", "points": "1"} for at in range(1000)]
    first = await api.post(f"{ITEMS}/upsert", {"items": rows}, expect=200)
    assert [(one["external_ref"], one["number"], one["did"]) for one in first["items"]] == [
        (f"crm:{at}", at + 1, "created") for at in range(1000)
    ]
    rows[7]["points"] = "2"
    again = await api.post(f"{ITEMS}/upsert", {"items": rows}, expect=200)
    assert [at for at, one in enumerate(again["items"]) if one["did"] != "unchanged"] == [7]
    assert len(await api.kinds()) == 100  # of 1,001: a page of events is bounded


async def test_one_wrong_row_refuses_all_of_an_upsert_and_says_where(api: Any) -> None:
    rows = [{"external_ref": "a", "title": "A"}, {"external_ref": "b", "title": "B", "status": "Nowhere"}]
    refused = await api.call("POST", f"{ITEMS}/upsert", json={"items": rows}, expect=422)
    assert [one["field"] for one in refused.json()["errors"]] == ["/items/1/status"]
    assert await api.kinds() == []
    assert (await api.get(ITEMS))["items"] == []


async def test_an_upsert_with_one_reference_twice_is_refused(api: Any) -> None:
    rows = [{"external_ref": "a", "title": "A"}, {"external_ref": "a", "title": "B"}]
    refused = await api.call("POST", f"{ITEMS}/upsert", json={"items": rows}, expect=422)
    assert [one["field"] for one in refused.json()["errors"]] == ["/items/1/external_ref"]


@pytest.mark.parametrize("rows", [[], [{"title": "A"}], [{"external_ref": "a", "title": "A"}] * 2001])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_an_upsert_of_nothing_of_too_much_or_without_reference_is_refused(api: Any, rows: list[Any]) -> None:
    await api.call("POST", f"{ITEMS}/upsert", json={"items": rows}, expect=422)


WRONG = [
    ({}, "/title"),
    ({"title": ""}, "/title"),
    ({"title": " "}, "/title"),
    ({"title": "a\nb"}, "/title"),
    ({"title": "x" * 501}, "/title"),
    ({"title": 5}, "/title"),
    ({"title": "A", "colour": "red"}, "/colour"),
    ({"title": "A", "points": 3}, "/points"),
    ({"title": "A", "points": "-1"}, "/points"),
    ({"title": "A", "points": "1e3"}, "/points"),
    ({"title": "A", "points": "NaN"}, "/points"),
    ({"title": "A", "points": "999999999"}, "/points"),
    ({"title": "A", "points": "100001"}, "/points"),
    ({"title": "A", "points": "1.2345"}, "/points"),
    ({"title": "A", "points": True}, "/points"),
    ({"title": "A", "type": "epic"}, "/type"),
    ({"title": "A", "audience": "billing"}, "/audience"),
    ({"title": "A", "iteration": 7}, "/iteration"),
    ({"title": "A", "iteration": True}, "/iteration"),
    ({"title": "A", "iteration": 2**40}, "/iteration"),
    ({"title": "A", "milestone": "1"}, "/milestone"),
    ({"title": "A", "assignee": "00000000-0000-4000-8000-000000000000"}, "/assignee"),
    ({"title": "A", "status": "Nowhere"}, "/status"),
    ({"title": "A", "blocked_on": "client"}, "/blocked_reason"),
    ({"title": "A", "external_url": "javascript:alert(1)"}, "/external_url"),
    ({"title": "A", "project_id": "00000000-0000-4000-8000-000000000000"}, "/project_id"),
    ({"title": "A", "number": 1}, "/number"),
]


@pytest.mark.parametrize(("body", "field"), WRONG)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_wrong_item_is_refused_by_field_and_nothing_is_written(api: Any, body: Any, field: str) -> None:
    refused = await api.call("POST", ITEMS, json=body, expect=422)
    assert [one["field"] for one in refused.json()["errors"]] == [field]
    assert await api.kinds() == []


@pytest.mark.parametrize("number", ["0", "-1", "99", str(2**31), str(2**70), "abc", "1.0", "%00", "%F0%9F"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_number_that_is_no_item_is_not_found_in_any_way_of_asking(api: Any, number: str) -> None:
    await api.post(ITEMS, {"title": "A"})
    await api.call("GET", f"{ITEMS}/{number}", expect=404)
    await api.call("PATCH", f"{ITEMS}/{number}", json={"title": "B"}, match="*", expect=404)
    await api.call("DELETE", f"{ITEMS}/{number}", match="*", expect=404)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "limit=1&limit=2", "colour=red", "type=epic", "iteration=0", "cursor=",
     "cursor=x", "waiting_on=nobody", "iteration=99999999999999999999", "cursor=" + "A" * 2000],
)  # fmt: skip
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_query_that_is_not_understood_is_refused(api: Any, query: str) -> None:
    refused = await api.call("GET", f"{ITEMS}?{query}", expect=422)
    assert [one["field"] for one in refused.json()["errors"]] == [query.partition("=")[0]]


async def test_a_cursor_is_good_for_its_own_list_and_filters_alone(api: Any) -> None:
    for key in ("BRIDGE", "HARBOUR"):
        for title in "AB":
            await api.post(f"/v1/projects/{key}/items", {"title": title})
    cursor = (await api.get(f"{ITEMS}?limit=1"))["next"]
    assert [item["title"] for item in (await api.get(f"{ITEMS}?limit=1&cursor={cursor}"))["items"]] == ["B"]
    await api.call("GET", f"{ITEMS}?type=bug&cursor={cursor}", expect=422)
    await api.call("GET", f"/v1/projects/HARBOUR/items?cursor={cursor}", expect=422)
    await api.call("GET", f"/v1/projects?cursor={cursor}", expect=422)
    await api.call("GET", f"{ITEMS}?cursor={cursor[:-2]}zz", expect=422)
