"""What an archive's state holds: everything for staff; for the client what their pages show, and not a field more."""

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from portal.backlog import commands
from portal.db import Database
from portal.errors import NotAllowed
from portal.export import export
from portal.ledger.archive import Edition
from portal.ledger.keys import open_keys
from portal.ledger.verify_archive import verify_archive
from portal.projects import commands as plan
from tests.support import cast as stage


@pytest.fixture
async def cast(database: Database) -> stage.Cast:
    """The cast, and in BRIDGE an open item, its internal parent, a removed one, and somebody they are assigned to."""
    cast = await stage.enter(database)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        dan = await commands.add_contributor(db, scope, name="Dan Developer")
        await plan.add_milestone(db, scope, name="Opening", external_ref="jira:1")
        await commands.add_item(db, scope, {"title": "Rework the hidden mess", "external_ref": "jira:10"})
        fields = {"title": "Railing", "audience": "client", "parent_number": 1, "assignee": dan.id, "milestone": 1}
        await commands.add_item(db, scope, fields)
        await commands.add_item(db, scope, {"title": "Thrown away", "audience": "client"})
        await commands.remove_item(db, scope, 3)
    return cast


async def exported(database: Database, cast: stage.Cast, edition: Edition, path: Path) -> dict[str, Any]:
    """The state in a fresh archive, by name; the archive is checked, too."""
    keys = open_keys(path.parent / "keys", "portal.example")
    async with database.read() as db:
        await export(db, await cast.scope(db, "wei"), edition, path, keys)
    assert verify_archive(path, trusted=keys.public).ok
    with ZipFile(path) as archive:
        state = {}
        for name in archive.namelist():
            if name.startswith("state/"):
                text = archive.read(name).decode()
                whole = [json.loads(line) for line in text.splitlines()] if name.endswith("l") else json.loads(text)
                state[Path(name).stem] = whole
    return state


async def test_staff_get_all_of_it(database: Database, cast: stage.Cast, tmp_path: Path) -> None:
    state = await exported(database, cast, Edition.STAFF, tmp_path / "s.zip")
    assert [(item["title"], item["deleted"]) for item in state["items"]] == [
        ("Rework the hidden mess", False), ("Railing", False), ("Thrown away", True),
    ]  # fmt: skip
    assert state["items"][1]["parent"] == 1
    assert state["items"][1]["milestone"] == 1
    assert state["milestones"][0]["external_ref"] == "jira:1"
    assert {member["email"] for member in state["members"]} == {
        "ada@example.com", "eve@example.com", "finn@example.com",
    }  # fmt: skip


async def test_a_client_gets_what_their_pages_show(database: Database, cast: stage.Cast, tmp_path: Path) -> None:
    state = await exported(database, cast, Edition.CLIENT, tmp_path / "c.zip")
    (item,) = state["items"]
    assert (item["title"], item["assignee"], item["parent"]) == ("Railing", "Dan Developer", None)
    assert not item.keys() & {"external_ref", "deleted", "position_in_source"}
    assert ["email" in member for member in state["members"]] == [False] * 3
    assert ["external_ref" in milestone for milestone in state["milestones"]] == [False]
    for hidden in ("hidden mess", "Thrown away", "jira:"):
        assert hidden not in json.dumps(state)


@pytest.mark.parametrize("edition", [Edition.CLIENT, Edition.BILLING])
async def test_what_a_client_gets_of_the_past_names_nothing_internal(
    database: Database, cast: stage.Cast, tmp_path: Path, edition: Edition
) -> None:
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await plan.add_iteration(db, scope, name="Sprint 1", external_ref="jira:2")
        await commands.add_item(db, scope, {"title": "Opened later", "parent_number": 1})
        await commands.change_item(db, scope, 4, {"audience": "client"})
        await commands.change_item(db, scope, 2, {"parent_number": None})
        await commands.change_item(db, scope, 2, {"parent_number": 1, "points": 3})
    await exported(database, cast, edition, tmp_path / "c.zip")
    with ZipFile(tmp_path / "c.zip") as archive:
        events = archive.read("events.jsonl").decode()
    assert ("Railing" in events, "Opened later" in events, "Opening" in events, "Sprint 1" in events) == (True,) * 4
    assert '"points":[null,"3"]' in events
    for hidden in ("parent_number", "external_ref", "jira:"):
        assert hidden not in events


@pytest.mark.parametrize(("setting", "names"), [("name", ["Dan Developer"]), ("role", []), ("hidden", [])])
async def test_the_agencys_names_obey_the_projects_setting(
    database: Database, cast: stage.Cast, tmp_path: Path, setting: str, names: list[str]
) -> None:
    async with database.write() as db:
        await plan.change_project(db, await cast.scope(db, "wei"), {"show_staff": setting})
    for edition in (Edition.CLIENT, Edition.BILLING):
        state = await exported(database, cast, edition, tmp_path / f"{edition}.zip")
        assert [one["name"] for one in state["contributors"]] == names
        assert ("Dan" in json.dumps(state)) is bool(names)


async def test_a_client_cannot_export(database: Database, cast: stage.Cast, tmp_path: Path) -> None:
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        with pytest.raises(NotAllowed):
            await export(db, scope, Edition.CLIENT, tmp_path / "x.zip", open_keys(tmp_path / "keys", "portal.example"))
