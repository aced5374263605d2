"""Events and burndown through the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from api.burndown import BurndownOut
from api.events import EventPage
from portal import clock

B = "/v1/projects/BRIDGE"


async def test_events_are_followed_from_a_seq_on(api: Any) -> None:
    for title in "ABC":
        await api.post(f"{B}/items", {"title": title})
    first = await api.call("GET", f"{B}/events?since=1&limit=2")
    page = EventPage.model_validate_json(first.content)
    assert [(event.seq, event.kind, event.subject_number) for event in page.items] == [
        (2, "item.added", 1), (3, "item.added", 2),
    ]  # fmt: skip
    assert (page.next_since, page.more) == (3, True)
    rest = await api.get(first.links["next"]["url"].partition("/api")[2])
    assert ([event["seq"] for event in rest["items"]], rest["more"]) == ([4], False)
    assert await api.get(f"{B}/events?since=4") == {"items": [], "next_since": 4, "more": False}
    assert page.items[0].actor == api.cast.viewer("wei").actor


WRONG_PLACES = ["since=-1", "since=x", "since=99999999999999999999", "limit=0", "limit=201", "after=1"]


@pytest.mark.parametrize("query", WRONG_PLACES)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_wrong_place_to_follow_from_is_refused(api: Any, query: str) -> None:
    await api.call("GET", f"{B}/events?{query}", expect=422)


async def test_the_burndown_tells_each_day_and_why_its_scope_moved(api: Any) -> None:
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    with time_machine.travel(start):
        await api.post(f"{B}/iterations", {"name": "S1", "starts_on": "2026-03-02", "ends_on": "2026-03-06"})
        await api.post(f"{B}/items", {"title": "A", "points": "3", "iteration": 1})
    with time_machine.travel(start + timedelta(days=1)):
        await api.patch(f"{B}/items/1", {"points": "5"})
        await api.post(f"{B}/items", {"title": "B", "points": "2.5", "iteration": 1})
    with time_machine.travel(start + timedelta(days=2)):
        await api.patch(f"{B}/items/2", {"status": "Done"})
        answer = await api.call("GET", f"{B}/burndown?series=iteration&number=1")
    told = BurndownOut.model_validate_json(answer.content)
    assert [(str(p.day)[8:], str(p.scope), str(p.done), str(p.remaining)) for p in told.points] == [
        ("02", "3", "0", "3"), ("03", "7.5", "0", "7.5"), ("04", "7.5", "2.5", "5"),
    ]  # fmt: skip
    assert {(cause.number, cause.why, str(cause.amount)) for cause in told.causes} == {
        (1, "created", "3"), (1, "estimate", "2"), (2, "created", "2.5"),
    }  # fmt: skip
    assert {"points", "scope", "ideal"} <= set(answer.json()) | {"scope"}


async def test_a_past_day_stands_as_it_was(api: Any) -> None:
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    with time_machine.travel(start):
        await api.post(f"{B}/items", {"title": "A", "points": "3"})
    with time_machine.travel(start + timedelta(days=3)):
        await api.patch(f"{B}/items/1", {"points": "8"})
        told = await api.get(f"{B}/burndown?as_of=2026-03-03")
        assert [point["scope"] for point in told["points"]] == ["3", "3"]
        counted = await api.get(f"{B}/burndown?unit=count")
        assert {point["scope"] for point in counted["points"]} == {"1"}


async def test_nothing_has_moved_yet(api: Any) -> None:
    told = await api.get(f"{B}/burndown")
    assert (told["points"], told["first"], told["finish"]) == ([], None, None)


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("series=iteration", 422, "number"),
        ("number=1", 422, "number"),
        ("series=epic", 422, "series"),
        ("unit=days", 422, "unit"),
        ("as_of=2026-02-30", 422, "as_of"),
        ("as_of=yesterday", 422, "as_of"),
        ("series=iteration&number=7", 404, None),
        ("series=milestone&number=7", 404, None),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_burndown_that_cannot_be_drawn_says_why(api: Any, query: str, status: int, field: str | None) -> None:
    refused = await api.call("GET", f"{B}/burndown?{query}", expect=status)
    assert [one["field"] for one in refused.json().get("errors", [])] == ([field] if field else [])


async def test_a_day_that_has_not_been_is_refused(api: Any) -> None:
    tomorrow = (clock.now() + timedelta(days=2)).date()
    refused = await api.call("GET", f"{B}/burndown?as_of={tomorrow}", expect=422)
    assert [(one["in"], one["field"]) for one in refused.json()["errors"]] == [("query", "as_of")]
