"""What the importer's tests have: readers for small sources written in the test, and a project to import into."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from portal.connectors import commands, sources
from portal.connectors.mapping import Mapping
from portal.connectors.model import Field, SourceItem, SourceProject, System
from portal.connectors.report import Report
from portal.db import Database
from tests.support import cast as stage

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "portal" / "demo" / "data"
DATA = ROOT / "tests" / "data"
BERLIN = ZoneInfo("Europe/Berlin")

Import = Callable[..., Awaitable[Report]]


def read(system: str, source: Any, mapping: dict[str, Any] | None = None, zone: ZoneInfo = BERLIN) -> SourceProject:
    """Reads a source: bytes, text, a path, or an object that becomes JSON."""
    if isinstance(source, Path):
        data = source.read_bytes()
    elif isinstance(source, str | bytes):
        data = source.encode() if isinstance(source, str) else source
    else:
        data = json.dumps(source).encode()
    return sources.read_data(System(system), data, Mapping.model_validate(mapping or {}), zone)


def losses(project: SourceProject) -> dict[str, int]:
    """How many of each sort were lost, changed or not understood."""
    counts: dict[str, int] = {}
    for loss in project.losses.all():
        counts[loss.what] = counts.get(loss.what, 0) + loss.count
    return counts


def told(project: SourceProject, item: SourceItem, field: Field) -> list[Any]:
    """How a field went from the item's birth on; statuses by their names."""
    names = {status.ref: status.name for status in project.statuses}
    values = [item.initial[field], *(change.new for change in item.changes if change.field is field)]
    return [names.get(str(value), value) for value in values]


def by_key(project: SourceProject) -> dict[str, SourceItem]:
    """The items by what people call them."""
    return {item.external_key: item for item in project.items}


def issue(key: str = "QP-1", histories: list[Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A Jira issue; without `histories` it has no changelog."""
    usual = {
        "summary": f"About {key}",
        "project": {"id": "1", "key": key.split("-")[0], "name": "Quay portal"},
        "issuetype": {"id": "1", "name": "Story"},
        "status": status("1", "Open", "new"),
        "created": "2023-03-01T09:00:00.000+0000",
        "updated": "2023-06-01T09:00:00.000+0000",
        "creator": {"name": "ana", "displayName": "Ana Ruiz"},
    }
    one: dict[str, Any] = {"id": key.replace("-", "0"), "key": key, "fields": usual | fields}
    if histories is not None:
        one["changelog"] = {"histories": [history(n, *entry) for n, entry in enumerate(histories, 1)]}
    return one


def history(number: int, at: str, *items: tuple[str, Any, Any, Any, Any]) -> dict[str, Any]:
    """An entry of a changelog; each item is (field, from, fromString, to, toString)."""
    names = ("field", "from", "fromString", "to", "toString")
    return {
        "id": str(number),
        "author": {"name": "bo", "displayName": "Bo Lind"},
        "created": at,
        "items": [dict(zip(names, item, strict=True)) for item in items],
    }


def status(ref: str, name: str, category: str) -> dict[str, Any]:
    """A status as Jira shows it."""
    return {"id": ref, "name": name, "statusCategory": {"key": category}}


def search(*issues: dict[str, Any], **head: Any) -> dict[str, Any]:
    """A page of search results."""
    return {"total": len(issues), "issues": list(issues), **head}


@pytest.fixture
async def cast(database: Database) -> stage.Cast:
    """The cast of all tests."""
    return await stage.enter(database)


@pytest.fixture
def bring(database: Database, cast: stage.Cast, tmp_path: Path) -> Import:
    """Imports a source into BRIDGE as the manager: `await bring("jira", search(...))`."""

    async def bring_in(system: str, source: Any, mapping: dict[str, Any] | None = None, who: str = "wei") -> Report:
        path = source if isinstance(source, Path) else tmp_path / "source"
        if not isinstance(source, Path):
            text = source if isinstance(source, str) else json.dumps(source)
            path.write_text(text)
        async with database.write() as db:
            scope = await cast.scope(db, who)
            wanted = Mapping.model_validate(mapping or {})
            return await commands.run_import(db, scope, System(system), path, wanted)

    return bring_in
