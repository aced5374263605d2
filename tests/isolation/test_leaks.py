"""Leaks that happened in other portals, each tried here; those that other tests already try are not repeated.

Without a room so far, and so without a test: files, mails of approvals, invoices and drafts, comments, time entries.
"""

import csv
import io
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from portal.backlog import commands as backlog
from portal.backlog import queries
from portal.backlog.queries import Filter
from portal.db import Database
from portal.errors import NotFound
from tests.isolation import table
from tests.isolation.conftest import SECRETS, Stage
from tests.support.cast import Cast

WRITES = "staff:read staff:write"
TABLES = ("event", "project_ledger", "ledger_head", "project", "item", "item_label", "item_span", "burn_day", "status",
          "iteration", "milestone", "contributor", "membership", "invitation", "idempotency_key")  # fmt: skip


async def everything(database: Database) -> Mapping[str, list[str]]:
    """Each row of what commands write, as text, in a fixed order."""
    async with database.read() as db:
        found = {}
        for name in TABLES:
            options = {"cross_project": "the whole database, for comparison"}
            rows = await db.execute(text(f"SELECT * FROM {name}"), execution_options=options)
            found[name] = sorted(repr(tuple(row)) for row in rows)
    assert found["event"]
    assert found["item"]
    return found


@pytest.mark.parametrize("field", ["project", "project_id", "company_id", "key", "number", "deleted", "seq"])
async def test_an_item_is_not_moved_by_a_field_of_the_body(stage: Stage, database: Database, field: str) -> None:
    """OpenProject CVE-2026-44732: the new project was set before the right was asked for."""
    before = await everything(database)
    answer = await stage.api(
        stage.token("wei", WRITES), "PATCH", "/api/v1/projects/BRIDGE/items/1", json={field: "HARBOUR"},
        headers={"If-Match": "*"},
    )  # fmt: skip
    assert answer.status_code == 422
    assert await everything(database) == before


WRITING = sorted(route for route, need in table.API.items() if not route.startswith("GET") and need != table.READ)


async def test_a_refused_command_leaves_every_row_as_it_was(stage: Stage, database: Database) -> None:
    """OpenProject CVE-2026-30239: a side effect ran before the permission was checked."""
    before = await everything(database)
    for token in (stage.token("dan", "staff:read"), stage.token("ada", "staff:admin staff:write staff:read")):
        for route in WRITING:
            method, path = route.split()[0], table.address(route)
            answer = await stage.api(token, method, path, json={"title": "x", "name": "x"}, headers={"If-Match": "*"})
            assert answer.status_code == 403, route
    assert await everything(database) == before


async def test_what_belongs_to_another_project_is_not_reached_through_ones_own(stage: Stage, database: Database,
                                                                               cast: Cast) -> None:  # fmt: skip
    """Bitwarden PR 7770, Atrium: the first id was checked, the second was taken as it came."""
    async with database.write() as db:
        foreign = await cast.scope(db, "wei", "HARBOUR")
        contributor = (await backlog.add_contributor(db, foreign, name=SECRETS["HARBOUR"])).id
        member = cast.people["mallory"]
    token = stage.token("root", f"{WRITES} staff:admin")
    assert (await stage.api(token, "GET", f"/api/v1/projects/BRIDGE/memberships/{member}")).status_code == 404
    assigned = await _patch(stage, token, {"assignee": str(contributor)})
    assert (assigned.status_code, SECRETS["HARBOUR"] in assigned.text) == (422, False)


async def test_a_column_of_another_project_is_not_found_by_its_id(stage: Stage) -> None:
    """Bitwarden PR 7770 again, for a column: its id is good in its own project alone."""
    token = stage.token("wei", WRITES)
    listed = (await stage.api(token, "GET", "/api/v1/projects/HARBOUR/statuses")).json()["items"]
    column = UUID(listed[0]["id"])
    own, foreign = [
        await stage.api(token, "GET", f"/api/v1/projects/{key}/statuses/{column}") for key in ("HARBOUR", "BRIDGE")
    ]
    assert (own.status_code, foreign.status_code) == (200, 404)


async def _patch(stage: Stage, token: str, body: dict[str, Any]) -> Any:
    return await stage.api(token, "PATCH", "/api/v1/projects/BRIDGE/items/1", json=body, headers={"If-Match": "*"})


@pytest.mark.parametrize("page", ["", "/backlog", "/board", "/burndown", "/milestones", "/activity", "/backlog.csv"])
async def test_a_client_with_nothing_of_their_own_sees_nothing_of_others(stage: Stage, database: Database,
                                                                         cast: Cast, page: str) -> None:  # fmt: skip
    """Invoice Ninja#10898: the statement of a client without invoices showed another account's."""
    async with database.write() as db:
        await backlog.remove_item(db, await cast.scope(db, "wei"), 1)
    answer = await stage.page("ada", "GET", f"/projects/BRIDGE{page}")
    assert answer.status_code == 200
    assert not [word for word in SECRETS.values() if word.lower() in answer.text.lower()]


async def test_a_list_says_the_same_of_each_item_on_the_page_in_csv_and_in_json(stage: Stage) -> None:
    """Redmine #33075, #44146: the export and the API forgot what the page hides."""
    rows = list(csv.DictReader(io.StringIO((await stage.page("ada", "GET", "/projects/BRIDGE/backlog.csv")).text)))
    shown = (await stage.page("ada", "GET", "/projects/BRIDGE/backlog")).text
    listed = (await stage.api(stage.token("wei", WRITES), "GET", "/api/v1/projects/BRIDGE/items")).json()["items"]
    told = {str(one["number"]): one for one in listed if one["audience"] == "client"}
    assert [next(iter(row.values())) for row in rows] == list(told)
    for row in rows:
        one = told[row["\ufeffnumber" if "\ufeffnumber" in row else "number"]]
        assert "audience" not in row
        assert row["title"] in shown
        assert [row["title"], row["status"], row["labels"]] == [one["title"], one["status"], ", ".join(one["labels"])]


async def test_an_item_that_was_edited_moved_and_brought_back_is_still_internal(database: Database, stage: Stage,
                                                                                cast: Cast) -> None:  # fmt: skip
    """Redmine #22072, #21551: the private mark was lost on the way."""
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await backlog.change_item(db, scope, 2, {"iteration": 1, "milestone": 1, "status": "Done", "position": 1})
        await backlog.remove_item(db, scope, 2)
        await backlog.restore_item(db, scope, 2)
    async with database.read() as db:
        client = await cast.scope(db, "ada")
        assert [line.number for line in await queries.items(db, client, Filter())] == [1]
        with pytest.raises(NotFound):
            await queries.item(db, client, 2)
    for page in ("/activity", "/burndown", "/milestones/1", "/board"):
        assert SECRETS["internal"] not in (await stage.page("ada", "GET", f"/projects/BRIDGE{page}")).text


async def test_what_was_said_while_an_item_was_internal_stays_internal_when_it_opens(database: Database, stage: Stage,
                                                                                     cast: Cast) -> None:  # fmt: skip
    """Basecamp: showing an item showed everything that had ever been said of it."""
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await backlog.change_item(db, scope, 2, {"points": 8}, reason="Our margin is thin")
        opened = {"title": "Opened item", "labels": [], "description": "", "audience": "client"}
        await backlog.change_item(db, scope, 2, opened, reason="Quicksilver goes public")
    for page in ("/items/2", "/activity"):
        shown = (await stage.page("ada", "GET", f"/projects/BRIDGE{page}")).text
        assert "Opened item" in shown
        assert not [word for word in (SECRETS["internal"], "margin") if word in shown]


async def test_a_membership_that_ended_is_over_with_the_next_request(database: Database, stage: Stage,
                                                                     cast: Cast) -> None:  # fmt: skip
    """Vikunja CVE-2026-35594: a share was good for three days after it was taken back."""
    assert (await stage.page("ada", "GET", "/projects/BRIDGE")).status_code == 200
    ended = await stage.api(
        stage.token("root", f"{WRITES} staff:admin"), "DELETE",
        f"/api/v1/projects/BRIDGE/memberships/{cast.people['ada']}", headers={"If-Match": "*"},
    )  # fmt: skip
    assert ended.status_code == 204
    assert (await stage.page("ada", "GET", "/projects/BRIDGE")).status_code == 404
