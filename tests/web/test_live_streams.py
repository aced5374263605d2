"""The streams that carry the hint: when one ends, how many there may be, and a database that is away for a while."""

import asyncio
from contextlib import AsyncExitStack
from uuid import UUID

import asyncpg
import pytest
from fastapi import FastAPI
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access.models import Membership
from portal.db import Database
from portal.identity import sessions
from portal.identity.models import Session
from portal.notify import live as hub
from portal.notify import moves
from portal.projects import commands
from tests.support.cast import Cast, add_item
from tests.support.listening import Listener, gone, signed_in, version_of
from tests.web.conftest import Browser
from web import live

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("looks_often")]
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


async def test_the_stream_ends_with_the_membership(portal: FastAPI, database: Database, cast: Cast) -> None:
    async with Listener(portal, cast, "eve", await version_of(database, cast, "eve")) as eve:
        await eve.status()
        async with database.write() as db:
            scope = await cast.scope(db, "wei")
            row = await db.get(Membership, (scope.project_id, cast.people["eve"]))
            await db.delete(row)
        await add_item(database, cast)
        await asyncio.wait_for(eve.task, 30)
        assert "changed" not in await eve.hears(0.1)


async def test_the_stream_ends_when_the_portal_stops(portal: FastAPI, database: Database, cast: Cast) -> None:
    async with Listener(portal, cast, "eve", await version_of(database, cast, "eve")) as eve:
        await eve.status()
        portal.state.stopping.set()
        await asyncio.wait_for(eve.task, 30)


async def test_the_stream_ends_when_its_person_signs_out(
    portal: FastAPI, database: Database, cast: Cast, browser: Browser
) -> None:
    async with Listener(portal, cast, "eve", await version_of(database, cast, "eve")) as eve:
        await eve.status()
        await browser.post("/auth/logout", "eve")
        await asyncio.wait_for(eve.task, 30)


async def test_the_stream_ends_when_its_session_is_ended_from_another_browser(
    portal: FastAPI, database: Database, cast: Cast, browser: Browser
) -> None:
    async with database.read() as db:
        session_id = await db.scalar(select(Session.id).where(Session.person_id == cast.people["eve"]))
    other = await signed_in(database, cast, "eve", 1)
    async with Listener(portal, cast, "eve", await version_of(database, cast, "eve"), cookie=other[0]) as eve:
        await eve.status()
        ended = await session_of(database, other[0])
        assert (await browser.post(f"/me/sessions/{ended}/end", "eve")).status_code == 303
        await asyncio.wait_for(eve.task, 30)
    assert session_id != ended


async def session_of(database: Database, cookie: bytes) -> UUID | None:
    """The session that a cookie belongs to."""
    async with database.read() as db:
        hashed = sessions.hash_of(cookie.decode().removeprefix("portal="))
        return await db.scalar(select(Session.id).where(Session.token_hash == hashed))


async def test_a_session_that_ended_elsewhere_ends_its_stream_within_a_minute_though_nothing_moves(
    portal: FastAPI, database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert live.ASK_AGAIN_SECONDS <= 60
    monkeypatch.setattr(live, "ASK_AGAIN_SECONDS", 0.1)
    async with Listener(portal, cast, "eve", await version_of(database, cast, "eve")) as eve:
        await eve.status()
        async with database.write() as db:
            await sessions.end_all(db, cast.people["eve"])
        await asyncio.wait_for(eve.task, 30)


async def test_one_sign_in_has_a_bounded_number_of_streams(portal: FastAPI, database: Database, cast: Cast) -> None:
    since = await version_of(database, cast, "eve")
    async with AsyncExitStack() as open_streams:
        for _ in range(hub.MOST_FOR_A_SESSION):
            eve = await open_streams.enter_async_context(Listener(portal, cast, "eve", since))
            assert await eve.status() == 200
        async with Listener(portal, cast, "eve", since) as too_many, Listener(portal, cast, "ada", since) as ada:
            assert await too_many.status() == 429
            assert await ada.status() == 200
    await gone(portal)
    async with Listener(portal, cast, "eve", since) as again:
        assert await again.status() == 200


async def test_nothing_works_when_nobody_listens(portal: FastAPI, database: Database, cast: Cast) -> None:
    async with Listener(portal, cast, "eve", 0) as eve:
        await eve.status()
        work = portal.state.live._work
        assert not work.done()
    await gone(portal)
    await asyncio.wait([work], timeout=30)
    assert work.cancelled()


async def test_a_database_that_is_away_ends_no_stream(
    portal: FastAPI, database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "RETRY_SECONDS", 0.05)
    async with Listener(portal, cast, "eve", await version_of(database, cast, "eve")) as eve:
        await eve.status()
        await asyncio.sleep(0.2)
        look, tries = portal.state.live._find_moved, iter([OSError("away"), OSError("away")])

        async def away() -> None:
            for error in tries:
                raise error
            await look()

        monkeypatch.setattr(portal.state.live, "_find_moved", away)
        await add_item(database, cast)
        assert "event: changed" in await eve.hears(30)


async def hung_up(database: Database) -> None:
    """Ends the connection that listens, as soon as it does."""
    listening = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        " AND datname = current_database()"
    )

    async def ended() -> list[bool]:
        async with database.write() as db:  # within one transaction, it would see the same again and again
            return list((await db.scalars(listening)).all())

    async with asyncio.timeout(60):
        while await ended() != [True]:  # noqa: ASYNC110, it is the database that begins to listen
            await asyncio.sleep(0.02)


@POSTGRESQL
async def test_a_lost_connection_is_made_again_and_nothing_is_missed(
    portal: FastAPI, database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moves, "SHORTEST_PAUSE", 0.5)
    async with Listener(portal, cast, "eve", await version_of(database, cast, "eve")) as eve:
        await eve.status()
        await hung_up(database)
        await add_item(database, cast)
        assert "event: changed" in await eve.hears(30)


@POSTGRESQL
async def test_the_database_tells_the_project_alone_once_a_transaction_and_only_when_it_commits(
    database: Database, cast: Cast
) -> None:
    _, options = database.engine.dialect.create_connect_args(database.engine.url)
    connection, told = await asyncpg.connect(**options), list[str]()
    await connection.add_listener(moves.CHANNEL, lambda *heard: told.append(heard[-1]))
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
    async with database.write() as db:
        await rename_twice(db, cast)
        await db.rollback()
    async with database.write() as db:
        await rename_twice(db, cast)
    async with database.write() as db:  # a change of something else tells nobody
        await db.execute(update(Session).values(last_seen_at=clock.now()))
    await asyncio.sleep(0.1)
    await connection.fetchval("SELECT 1")
    await connection.close()
    assert told == [str(scope.project_id)]


async def rename_twice(db: AsyncSession, cast: Cast) -> None:
    """Two changes in one transaction."""
    for name in ("One", "Two"):
        await commands.change_project(db, await cast.scope(db, "wei"), {"name": name})
