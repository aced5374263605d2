"""Projects, milestones, iterations, board columns and contributors through the API."""

from typing import Any
from uuid import uuid4

import pytest

P = "/v1/projects"
B = "/v1/projects/BRIDGE"


async def test_a_project_is_opened_with_all_that_can_be_said_of_it(api: Any) -> None:
    wanted = {
        "key": "TUNNEL",
        "name": "The tunnel",
        "summary": "Under the river.",
        "time_zone": "Asia/Shanghai",
        "currency": "CNY",
        "languages": ["zh_CN", "en"],
        "working_days": ["mon", "tue", "sat"],
        "holidays": "CN",
        "days_off": ["2026-12-24"],
        "contact_name": "Wei",
        "contact_email": "wei@agency.example",
        "show_staff": "role",
        "unit": "hours",
    }
    company = str(api.cast.companies["Acme"])
    made = await api.call("POST", P, json=wanted | {"company": company}, expect=201)
    assert made.headers["location"] == "/api/v1/projects/TUNNEL"
    read = await api.get(f"{P}/TUNNEL")
    assert {name: read[name] for name in wanted} == wanted
    assert read["company"] == {"id": company, "name": "Acme"}
    assert read == made.json()


async def test_projects_are_listed_by_key_page_by_page_without_archived_ones(api: Any) -> None:
    async def keys(query: str = "") -> list[str]:
        return [one["key"] for one in (await api.get(f"{P}?{query}"))["items"]]

    assert await keys() == ["BRIDGE", "HARBOUR"]
    first = await api.get(f"{P}?limit=1")
    assert await keys(f"limit=1&cursor={first['next']}") == ["HARBOUR"]
    await api.patch(B, {"status": "archived"})
    assert await keys() == ["HARBOUR"]
    assert await keys("archived=true") == ["BRIDGE", "HARBOUR"]


async def test_an_archived_project_is_read_and_brought_back_but_not_written(api: Any) -> None:
    await api.patch(B, {"status": "archived"})
    await api.get(f"{B}/items")
    await api.call("POST", f"{B}/items", json={"title": "A"}, expect=409)
    for wanted in ({"name": "New"}, {"name": "New", "status": "archived"}):
        await api.call("PATCH", B, json=wanted, match="*", expect=409)
    assert (await api.patch(B, {"status": "active"}))["archived_at"] is None
    await api.post(f"{B}/items", {"title": "A"})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"key": "bridge"}, "/key"),
        ({"key": "B"}, "/key"),
        ({"key": "B" * 17}, "/key"),
        ({"name": ""}, "/name"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"time_zone": "../../etc/passwd"}, "/time_zone"),
        ({"currency": "XXXX"}, "/currency"),
        ({"currency": "EEE"}, "/currency"),
        ({"languages": ["xx"]}, "/languages"),
        ({"working_days": []}, "/working_days"),
        ({"working_days": ["funday"]}, "/working_days/0"),
        ({"holidays": "XX"}, "/holidays"),
        ({"days_off": ["2026-02-30"]}, "/days_off/0"),
        ({"status": "asleep"}, "/status"),
        ({"show_staff": "all"}, "/show_staff"),
        ({"company": "x"}, "/company"),
        ({"version": 1}, "/version"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_wrong_project_is_refused_by_field(api: Any, fields: Any, field: str) -> None:
    fit = {"key": "TUNNEL", "name": "T", "company": str(api.cast.companies["Acme"])}
    refused = await api.call("POST", P, json=fit | fields, expect=422)
    assert [one["field"] for one in refused.json()["errors"]] == [field]
    assert len((await api.get(P))["items"]) == 2


async def test_a_key_in_use_and_an_unknown_company_are_refused(api: Any) -> None:
    fit = {"key": "BRIDGE", "name": "T", "company": str(api.cast.companies["Acme"])}
    await api.call("POST", P, json=fit, expect=409)
    await api.call("POST", P, json=fit | {"key": "TUNNEL", "company": str(uuid4())}, expect=404)


async def test_moving_a_project_to_another_zone_moves_its_days(api: Any) -> None:
    await api.post(f"{B}/items", {"title": "A", "points": "3"})
    assert (await api.patch(B, {"time_zone": "Pacific/Kiritimati"}))["time_zone"] == "Pacific/Kiritimati"
    points = (await api.get(f"{B}/burndown"))["points"]
    assert [(point["scope"], point["remaining"]) for point in points] == [("3", "3")]


async def test_a_milestone_moves_with_a_reason_only(api: Any) -> None:
    made = await api.post(f"{B}/milestones", {"name": "Beta", "promised_on": "2026-12-01"})
    assert made["number"] == 1
    refused = await api.call("PATCH", f"{B}/milestones/1", json={"promised_on": "2026-12-08"}, match="*", expect=422)
    assert refused.json()["errors"][0]["field"] == "/reason"
    moved = await api.patch(f"{B}/milestones/1", {"promised_on": "2026-12-08", "reason": "Storm."})
    assert moved["promised_on"] == "2026-12-08"
    assert (await api.get(f"{B}/milestones"))["items"] == [moved]
    assert await api.kinds() == ["milestone.added", "milestone.changed"]


async def test_an_iteration_is_planned_and_closed(api: Any) -> None:
    body = {"name": "Sprint 1", "goal": "Lamps.", "starts_on": "2026-11-02", "ends_on": "2026-11-13"}
    made = await api.post(f"{B}/iterations", body)
    assert {name: made[name] for name in body} == body
    closed = await api.patch(f"{B}/iterations/1", {"closed_at": "2026-11-13T17:00:00+01:00"})
    assert closed["closed_at"] == "2026-11-13T16:00:00Z"
    assert (await api.get(f"{B}/iterations"))["items"] == [closed]
    assert await api.kinds() == ["iteration.added", "iteration.changed"]


@pytest.mark.parametrize(
    ("room", "body"),
    [
        ("iterations", {"name": "S", "starts_on": "2026-11-13", "ends_on": "2026-11-02"}),
        ("iterations", {"name": "S", "starts_on": "13.11.2026"}),
        ("iterations", {"name": "S", "starts_on": 20261113}),
        ("iterations", {"name": "S", "closed_at": "2026-11-13T17:00:00"}),
        ("iterations", {"name": "S", "closed_at": "1700000000"}),
        ("iterations", {"name": "S", "closed_at": "2026-13-45T99:00:00Z"}),
        ("iterations", {"name": "S", "closed_at": "9999-12-31T23:59:59-23:59"}),
        ("iterations", {"goal": "no name"}),
        ("milestones", {"name": "M", "promised_on": "2026-02-30"}),
        ("milestones", {"name": "M", "number": 7}),
        ("statuses", {"name": "S", "category": "someday", "position": 1}),
        ("statuses", {"name": "S", "category": "todo", "position": -1}),
        ("statuses", {"name": "S", "category": "todo"}),
        ("contributors", {"name": "\t"}),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_wrong_in_the_plan_is_refused_and_nothing_is_written(api: Any, room: str, body: Any) -> None:
    await api.call("POST", f"{B}/{room}", json=body, expect=422)
    assert await api.kinds() == []
    assert (await api.get(f"{B}/{room}"))["items"] == []


async def test_a_column_is_added_renamed_and_found_again(api: Any) -> None:
    made = await api.post(f"{B}/statuses", {"name": "Ready / set", "category": "todo", "position": 3})
    renamed = await api.patch(f"{B}/statuses/{made['id']}", {"name": "Ready"})
    assert (renamed["name"], renamed["category"]) == ("Ready", "todo")
    names = [one["name"] for one in (await api.get(f"{B}/statuses"))["items"]]
    assert names == ["To do", "In progress", "Done", "Ready"]
    assert await api.get(f"{B}/statuses/{made['id']}") == renamed
    await api.call("POST", f"{B}/statuses", json={"name": "Ready", "category": "done", "position": 4}, expect=409)
    await api.call("PATCH", f"{B}/statuses/{made['id']}", json={"category": "done"}, match="*", expect=422)
    await api.call("GET", f"/v1/projects/HARBOUR/statuses/{made['id']}", expect=404)
    await api.call("PATCH", f"/v1/projects/HARBOUR/statuses/{made['id']}", json={"name": "X"}, match="*", expect=404)


async def test_an_item_is_assigned_to_a_contributor_of_its_own_project(api: Any) -> None:
    made = await api.post(f"{B}/contributors", {"name": "Noor"})
    assert (await api.get(f"{B}/contributors"))["items"] == [made]
    item = await api.post(f"{B}/items", {"title": "A", "assignee": made["id"]})
    assert item["assignee"] == made["id"]
    assert (await api.get(f"{B}/items"))["items"][0]["assignee_name"] == "Noor"
    await api.call("POST", "/v1/projects/HARBOUR/items", json={"title": "A", "assignee": made["id"]}, expect=422)


@pytest.mark.parametrize("room", ["milestones", "iterations"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_an_unknown_number_in_the_plan_is_not_found(api: Any, room: str) -> None:
    for number in ("1", "0", "x", "99999999999", "1.0", "01"):
        await api.call("GET", f"{B}/{room}/{number}", expect=404)
        await api.call("PATCH", f"{B}/{room}/{number}", json={"name": "X"}, match="*", expect=404)


@pytest.mark.parametrize("room", ["milestones", "iterations"])
async def test_the_plan_is_edited_by_the_version_that_was_read(api: Any, room: str) -> None:
    made = await api.call("POST", f"{B}/{room}", json={"name": "One"}, expect=201)
    tag = made.headers["etag"]
    await api.call("PATCH", f"{B}/{room}/1", json={"name": "Two"}, match=tag)
    await api.call("PATCH", f"{B}/{room}/1", json={"name": "Three"}, match=tag, expect=412)
    assert (await api.get(f"{B}/{room}/1"))["name"] == "Two"
