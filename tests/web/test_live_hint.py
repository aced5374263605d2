"""The hint that a page has changed: who hears it, when, and at what cost."""

import asyncio
import sys
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from portal import clock
from portal.acceptance.models import Outcome
from portal.db import Database
from portal.identity.models import Session
from tests.support import testers
from tests.support.acceptance import begun, say
from tests.support.cast import Cast, add_item
from tests.support.listening import Listener, gone, signed_in, version_of
from tests.support.statements import counting

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("looks_often")]


async def test_it_comes_when_something_visible_moved_and_only_then(
    portal: FastAPI, database: Database, cast: Cast
) -> None:
    since = await version_of(database, cast, "eve")
    async with Listener(portal, cast, "eve", since) as eve:
        assert await eve.status() == 200
        await add_item(database, cast, audience="internal")
        assert "changed" not in await eve.hears(0.4)
        await add_item(database, cast)
        heard = await eve.hears(30)
    assert "event: changed" in heard
    assert f"id: {await version_of(database, cast, 'eve')}" in heard


async def test_whoever_missed_it_hears_it_at_once(portal: FastAPI, database: Database, cast: Cast) -> None:
    await add_item(database, cast)
    async with Listener(portal, cast, "eve", 0) as eve:
        await eve.status()
        assert "event: changed" in await eve.hears(30)


async def test_an_outsider_hears_nothing(portal: FastAPI, database: Database, cast: Cast) -> None:
    async with Listener(portal, cast, "mallory", 0) as mallory:
        assert await mallory.status() == 404


async def test_whoever_comes_back_goes_on_from_the_last_thing_heard(
    portal: FastAPI, database: Database, cast: Cast
) -> None:
    await add_item(database, cast)
    version = await version_of(database, cast, "eve")
    async with Listener(portal, cast, "eve", 0, last_id=str(version).encode()) as eve:
        await eve.status()
        assert "changed" not in await eve.hears(0.3)
    async with Listener(portal, cast, "eve", 0, last_id=str(version - 1).encode()) as eve:
        await eve.status()
        assert f"id: {version}" in await eve.hears(30)


@pytest.mark.parametrize("last_id", [b"-1", b"9" * 40, "١".encode(), b"1e3", b"x"])
async def test_a_last_id_of_somebody_else_is_no_reason_to_fail(
    portal: FastAPI, database: Database, cast: Cast, last_id: bytes
) -> None:
    async with Listener(portal, cast, "eve", 0, last_id=last_id) as eve:
        assert await eve.status() == 200
        assert "event: changed" in await eve.hears(30)


async def test_a_page_that_listens_is_no_sign_of_its_reader(portal: FastAPI, database: Database, cast: Cast) -> None:
    """Else a session would not end as long as some tab was open, whoever sits in front of it."""
    seen = clock.now() - timedelta(minutes=10)
    mine = Session.person_id == cast.people["eve"]
    async with database.write() as db:
        await db.execute(update(Session).where(mine).values(last_seen_at=seen))
    async with Listener(portal, cast, "eve", 0) as eve:
        assert await eve.status() == 200
        portal.state.stopping.set()
        await asyncio.wait_for(eve.task, 30)
    async with database.read() as db:
        assert await db.scalar(select(Session.last_seen_at).where(mine)) == seen


async def test_what_happens_between_reading_the_page_and_listening_is_heard(
    portal: FastAPI, database: Database, cast: Cast
) -> None:
    async with database.read() as db:
        scope = await cast.scope(db, "eve")
    async with Listener(portal, cast, "ada", scope.version) as ada:
        await ada.status()
        await add_item(database, cast)
        with portal.state.live.listening(scope.project_id, uuid4(), scope.project.version) as ear:
            await asyncio.wait_for(ear.moved.wait(), 30)


async def test_a_tester_alone_hears_of_a_result(portal: FastAPI, database: Database, cast: Cast) -> None:
    await testers.enter(database, cast)
    await begun(database, cast)
    async with Listener(portal, cast, "tess", await version_of(database, cast, "tess")) as tess:
        assert await tess.status() == 200
        await say(database, cast, "ada", 1, Outcome.PASSED)
        assert "event: changed" in await tess.hears(30)


ELSEWHERE = """
import asyncio, sys
from portal.access import SYSTEM
from portal.backlog import commands
from portal.db import Database
from portal.projects import queries

async def change():
    database = Database(sys.argv[1], pool_size=1)
    async with database.write() as db:
        scope = await queries.scope_for(db, SYSTEM, "BRIDGE")
        await commands.add_item(db, scope, {"title": "From elsewhere", "audience": "client"})
    await database.dispose()

asyncio.run(change())
"""


@pytest.mark.slow
async def test_what_another_process_writes_is_heard_too(
    portal: FastAPI, database: Database, database_url: str, cast: Cast
) -> None:
    async with Listener(portal, cast, "eve", await version_of(database, cast, "eve")) as eve:
        await eve.status()
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", ELSEWHERE, database_url)
        assert await process.wait() == 0
        assert "event: changed" in await eve.hears(30)


async def settled(database: Database) -> None:
    """Returns when the looks that somebody's coming asked for are over: half a second without a statement."""
    while True:
        with counting(database) as seen:
            await asyncio.sleep(0.5)
        if not seen:
            return


@pytest.mark.slow
async def test_five_hundred_idle_streams_cost_no_statement_and_all_hear_what_they_may(
    portal: FastAPI, database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.db.PATIENCE_SECONDS", 120)  # they come all at once, and a slow machine takes its time
    since = await version_of(database, cast, "eve")
    cookies = await signed_in(database, cast, "eve", 50)
    async with AsyncExitStack() as open_streams:
        streams = [
            await open_streams.enter_async_context(Listener(portal, cast, "eve", since, cookie=cookie))
            for cookie in cookies
            for _ in range(10)
        ]
        assert {await one.status() for one in streams} == {200}
        assert portal.state.live.listeners == 500
        await settled(database)
        with counting(database) as idle:
            await asyncio.sleep(1)
        assert idle == []
        # What happens in a project in which nobody listens: SQLite cannot tell where, and so costs one look.
        with counting(database) as elsewhere:
            await add_item(database, cast, "HARBOUR")
            mine = len(elsewhere)
            await asyncio.sleep(0.5)
        assert len(elsewhere) - mine <= (1 if database.is_sqlite else 0)
        with counting(database) as internal:
            await add_item(database, cast, audience="internal")
            mine = len(internal)
            await asyncio.sleep(2)
        assert len(internal) - mine <= 500 + 2
        assert not any("changed" in text for text in await asyncio.gather(*(one.hears(0.1) for one in streams)))
        await add_item(database, cast)
        assert all("event: changed" in text for text in await asyncio.gather(*(one.hears(60) for one in streams)))
    await gone(portal)
