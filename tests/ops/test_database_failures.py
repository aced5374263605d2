"""The database locked, full, or gone in the middle of a write: nothing half done, and the next write works."""

import sqlite3
from contextlib import AsyncExitStack
from decimal import Decimal

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import DBAPIError

from portal import db as databases
from portal.access import SYSTEM
from portal.backlog import commands
from portal.backlog.models import Item
from portal.db import Database
from portal.errors import Unavailable
from portal.ledger.models import Event
from portal.ledger.verify import verify_database
from portal.projects import queries
from tests.support import cast as stage

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRES = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
async def cast(database: Database) -> stage.Cast:
    """The usual cast and projects."""
    return await stage.enter(database)


async def add(database: Database, title: str, *, text_length: int = 0) -> None:
    """Adds an item to BRIDGE in a transaction of its own."""
    async with database.write() as db:
        scope = await queries.scope_for(db, SYSTEM, "BRIDGE")
        await commands.add_item(db, scope, {"title": title, "description": "x" * text_length, "points": Decimal(3)})


async def counted(database: Database) -> tuple[int, int]:
    """How many items BRIDGE has, and how many events tell of one."""
    async with database.read() as db:
        project = (await queries.scope_for(db, SYSTEM, "BRIDGE")).project_id
        items = await db.scalar(select(func.count()).where(Item.project_id == project))
        events = await db.scalar(select(func.count()).where(Event.project_id == project, Event.kind == "item.added"))
    return items or 0, events or 0


async def is_whole(database: Database) -> bool:
    """Whether every ledger agrees with its events."""
    async with database.read() as db:
        return (await verify_database(db, ())).ok


@SQLITE
async def test_a_write_waits_for_another_and_gives_up_with_a_kind_word(
    database: Database, cast: stage.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "PATIENCE_SECONDS", 0.1)
    other = sqlite3.connect(database.url.partition(":///")[2], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="busy"):
        await add(database, "waits in vain")
    assert await counted(database) == (0, 0)
    other.execute("ROLLBACK")
    await add(database, "comes through")
    assert await counted(database) == (1, 1)


@POSTGRES
async def test_a_write_that_waits_for_a_locked_row_gives_up_with_the_same_word(
    database: Database, database_url: str, cast: stage.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "PATIENCE_SECONDS", 0.1)
    impatient = Database(database_url)
    async with database.write() as db:
        scope = await queries.scope_for(db, SYSTEM, "BRIDGE")
        await commands.add_item(db, scope, {"title": "first"})
        with pytest.raises(Unavailable, match="busy"):
            await add(impatient, "waits in vain")
    await add(impatient, "comes through")
    await impatient.dispose()
    assert await counted(database) == (2, 2)


async def test_whoever_finds_every_connection_taken_is_not_kept_for_ever(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "PATIENCE_SECONDS", 0.05)
    async with AsyncExitStack() as taken:
        for _ in range(4):
            await taken.enter_async_context(database.read())
        for opened in (database.read, database.write):
            with pytest.raises(Unavailable, match="busy"):
                await taken.enter_async_context(opened())
    async with database.read() as db:
        assert await db.scalar(text("SELECT 1")) == 1


@SQLITE
async def test_a_full_disk_leaves_nothing_half_done(database_url: str) -> None:
    roomy = Database(database_url)
    await stage.enter(roomy)
    await roomy.dispose()
    pages = sqlite3.connect(database_url.partition(":///")[2]).execute("PRAGMA page_count").fetchone()[0]
    tight = Database(database_url)
    event.listen(
        tight.engine.sync_engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count = {pages + 2}")
    )
    with pytest.raises(DBAPIError, match="full"):
        await add(tight, "too much", text_length=90_000)
    assert await counted(tight) == (0, 0)
    assert await is_whole(tight)
    await tight.dispose()
    again = Database(database_url)
    await add(again, "after making room", text_length=90_000)
    assert await counted(again) == (1, 1)
    await again.dispose()


@POSTGRES
async def test_a_server_that_goes_away_during_a_write_leaves_nothing_half_done(
    database: Database, cast: stage.Cast
) -> None:
    async def cut_off() -> None:
        async with database.write() as db:
            scope = await queries.scope_for(db, SYSTEM, "BRIDGE")
            await commands.add_item(db, scope, {"title": "cut off", "points": Decimal(3)})
            mine = await db.scalar(text("SELECT pg_backend_pid()"))
            async with database.write() as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})

    with pytest.raises(DBAPIError):
        await cut_off()
    assert await counted(database) == (0, 0)
    await add(database, "comes through")
    assert await counted(database) == (1, 1)
    assert await is_whole(database)


async def test_an_error_after_the_events_were_appended_takes_them_back(database: Database, cast: stage.Cast) -> None:
    async def fail_late() -> None:
        async with database.write() as db:
            scope = await queries.scope_for(db, SYSTEM, "BRIDGE")
            await commands.add_item(db, scope, {"title": "half", "points": Decimal(3)})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_late()
    assert await counted(database) == (0, 0)
    assert await is_whole(database)
