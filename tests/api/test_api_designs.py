"""Designs, versions, questions and pins through the API."""

from typing import Any

import pytest

from portal.decisions import commands as decisions
from tests.support.designs import draw

B = "/v1/projects/BRIDGE"
D = f"{B}/designs"


@pytest.fixture
async def drawn(api: Any) -> list[int]:
    """Three pictures of BRIDGE, by their numbers."""
    async with api.database.write() as db:
        scope = await api.cast.scope(db, "wei")
        return [(await draw(db, scope, f"{name}.png")).number for name in "abc"]


async def test_a_design_goes_from_draft_to_question(api: Any, drawn: list[int]) -> None:
    made = await api.call("POST", D, json={"title": "Checkout", "description": "*Pay*"}, expect=201)
    assert made.headers["location"] == "/api/v1/projects/BRIDGE/designs/1"
    assert (made.json()["audience"], made.json()["versions"]) == ("internal", [])
    links = [{"url": "https://proto.example/", "snapshot": 3}]
    version = await api.post(f"{D}/1/versions", {"note": "First.", "files": [2, 1], "links": links})
    assert [(one["position"], one["file"], one["url"]) for one in version["parts"]] == [
        (1, 2, None), (2, 1, None), (3, 3, "https://proto.example/")
    ]  # fmt: skip
    assert (version["audience"], version["published_at"]) == ("internal", None)
    published = await api.post(f"{D}/1/versions/1/publication", {})
    assert (published["version"]["audience"], published["decision"]) == ("client", None)
    ada = str(api.cast.people["ada"])
    question = await api.post(f"{D}/1/questions", {"people": [ada], "due_on": "2090-01-01", "holds_up": "All."})
    assert (question["kind"], question["subject_version"], question["state"]) == ("design", 1, "asked")
    assert (await api.get(f"{B}/decisions/1"))["people"] == [ada]
    listed = (await api.get(D))["items"]
    assert listed == [{"number": 1, "title": "Checkout", "audience": "client", "last_version": 1, "shown_version": 1,
                       "newest_decision": 1}]  # fmt: skip


async def test_a_new_version_asks_anew_as_before_or_as_it_says(api: Any, drawn: list[int]) -> None:
    await api.post(D, {"title": "Checkout"})
    for number in (1, 2, 3):
        await api.post(f"{D}/1/versions", {"files": [number]})
    await api.post(f"{D}/1/versions/1/publication", {})
    await api.post(f"{D}/1/questions", {"holds_up": "The build."})
    second = await api.post(f"{D}/1/versions/2/publication", {})
    assert (second["decision"]["number"], second["decision"]["subject_version"]) == (2, 2)
    third = await api.post(f"{D}/1/versions/3/publication", {"ask": {"holds_up": "The launch."}})
    assert (await api.get(f"{B}/decisions/{third['decision']['number']}"))["holds_up"] == "The launch."
    states = [one["state"] for one in (await api.get(f"{B}/decisions"))["items"]]
    assert states == ["asked", "superseded", "superseded"]
    await api.call("POST", f"{D}/1/versions/9/publication", json={}, expect=404)


async def test_a_design_is_changed_by_whoever_read_it_and_not_while_it_is_decided(api: Any, drawn: list[int]) -> None:
    await api.post(D, {"title": "Checkout"})
    await api.call("PATCH", f"{D}/1", json={"title": "Till"}, expect=428)
    await api.call("PATCH", f"{D}/1", json={"title": "Till"}, match='"old"', expect=412)
    assert (await api.patch(f"{D}/1", {"title": "Till"}))["title"] == "Till"
    await api.post(f"{D}/1/versions", {"files": [1]})
    await api.post(f"{D}/1/versions/1/publication", {})
    await api.post(f"{D}/1/questions", {})
    await api.call("PATCH", f"{D}/1", json={"title": "Cash"}, match="*", expect=409)
    async with api.database.write() as db:
        await decisions.withdraw(db, await api.cast.scope(db, "wei"), 1, "Later.")
    assert (await api.patch(f"{D}/1", {"description": "Cash"}))["description"] == "Cash"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {"title": ""}),
        ("", {"title": "A\nB"}),
        ("", {"title": "A", "audience": "client"}),
        ("", {"title": "A", "description": None}),
        ("/1/versions", {}),
        ("/1/versions", {"files": [99]}),
        ("/1/versions", {"files": ["1"]}),
        ("/1/versions", {"files": [1, 1]}),
        ("/1/versions", {"files": [1] * 21}),
        ("/1/versions", {"links": [{"url": "http://proto.example/"}]}),
        ("/1/versions", {"links": [{"url": "https://proto.example/", "title": "x"}]}),
        ("/1/questions", {"needed": 0}),
        ("/1/questions", {"people": ["ada"]}),
        ("/1/questions", {"due_on": "2020-01-01"}),
        ("/1/questions", {"people": ["00000000-0000-4000-8000-000000000000"]}),
        ("/1/pins", {"version": 1, "position": 1, "x": 10_001, "y": 0, "text": "x"}),
        ("/1/pins", {"version": 1, "position": 2, "x": 1, "y": 0, "text": "x"}),
        ("/1/pins", {"version": 1, "position": 1, "x": 1.5, "y": 0, "text": "x"}),
        ("/1/pins", {"version": 1, "position": 1, "x": 1, "y": 0, "text": ""}),
    ],
)
async def test_a_wrong_body_changes_nothing(api: Any, drawn: list[int], path: str, body: dict[str, Any]) -> None:
    await api.post(D, {"title": "Checkout"})
    await api.post(f"{D}/1/versions", {"files": [1]})
    await api.post(f"{D}/1/versions/1/publication", {})
    before = await api.kinds()
    await api.call("POST", f"{D}{path}", json=body, expect=422)
    assert await api.kinds() == before


async def test_pins_are_made_answered_settled_and_carried(api: Any, drawn: list[int]) -> None:
    await api.post(D, {"title": "Checkout"})
    await api.post(f"{D}/1/versions", {"files": [1, 2]})
    await api.post(f"{D}/1/versions/1/publication", {})
    here = {"version": 1, "position": 1, "x": 10, "y": 20, "text": "Larger."}
    first = await api.post(f"{D}/1/pins", here)
    assert (first["number"], first["place"], first["name"]) == (1, {"position": 1, "page": 1, "x": 10, "y": 20}, "Wei")
    await api.post(f"{D}/1/pins", here | {"position": 2})
    assert [one["text"] for one in (await api.post(f"{D}/1/pins/1/replies", {"text": "Done."}))["replies"]] == ["Done."]
    settled = await api.call("POST", f"{D}/1/pins/1/resolution")
    assert settled.json()["resolved_at"]
    await api.post(f"{D}/1/versions", {"files": [3]})
    listed = (await api.get(f"{D}/1/pins"))["items"]
    assert [(one["number"], one["place"]) for one in listed] == [(2, None)]
    assert len((await api.get(f"{D}/1/pins?version=1"))["items"]) == 2
    assert (await api.call("POST", f"{D}/1/pins/1/reopening")).json()["resolved_at"] is None
    await api.call("POST", f"{D}/1/pins/9/resolution", expect=404)
    await api.call("GET", f"{D}/1/pins?version=9", expect=404)


async def test_a_pin_stands_on_its_page(api: Any) -> None:
    async with api.database.write() as db:
        scope = await api.cast.scope(db, "wei")
        for pages in (3, 2):
            sizes = [[400, 200, 9]] * pages
            await draw(db, scope, "a.pdf", media_type="application/pdf", page_count=4, pages=sizes)
    await api.post(D, {"title": "Checkout"})
    version = await api.post(f"{D}/1/versions", {"files": [1]})
    assert [(one["page_count"], one["pages_shown"]) for one in version["parts"]] == [(4, 3)]
    here = {"version": 1, "position": 1, "x": 10, "y": 20, "text": "Larger."}
    for page in (2, 3):
        made = await api.post(f"{D}/1/pins", here | {"page": page})
        assert made["place"] == {"position": 1, "page": page, "x": 10, "y": 20}
    for page in (0, 4, 2**31, "2", None):
        await api.call("POST", f"{D}/1/pins", json=here | {"page": page}, expect=422)
    await api.post(f"{D}/1/versions", {"files": [2]})
    places = [one["place"] for one in (await api.get(f"{D}/1/pins"))["items"]]
    assert places == [{"position": 1, "page": 2, "x": 10, "y": 20}, None]


async def test_a_design_without_versions_has_no_pins(api: Any) -> None:
    await api.post(D, {"title": "Checkout"})
    assert await api.get(f"{D}/1/pins") == {"items": []}
    await api.call("POST", f"{D}/1/questions", json={}, expect=409)


async def test_designs_come_page_by_page(api: Any) -> None:
    for number in range(3):
        await api.post(D, {"title": f"Design {number}"})
    first = await api.get(f"{D}?limit=2")
    rest = await api.get(f"{D}?limit=2&cursor={first['next']}")
    assert [one["number"] for one in (*first["items"], *rest["items"])] == [3, 2, 1]
    assert rest["next"] is None


async def test_a_design_of_another_project_is_not_found(api: Any, drawn: list[int]) -> None:
    await api.post(D, {"title": "Checkout"})
    await api.call("GET", "/v1/projects/HARBOUR/designs/1", expect=404)
    await api.call("POST", "/v1/projects/HARBOUR/designs/1/versions", json={"files": [1]}, expect=404)
