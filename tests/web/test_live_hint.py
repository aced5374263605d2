"""The hint that a page has changed."""

import asyncio
import sys
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from fastapi import FastAPI
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import ASGIApp, Message, Scope

from portal import clock
from portal.acceptance.models import Outcome
from portal.access.models import Membership
from portal.db import Database
from portal.identity import sessions
from portal.identity.models import Session
from portal.notify import live as hub
from portal.notify import moves
from portal.projects import commands
from tests.support import testers
from tests.support.acceptance import begun, say
from tests.support.cast import ISSUER, Cast, add_item
from tests.support.statements import counting
from tests.web.conftest import Browser
from web import live

pytestmark = pytest.mark.anyio
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class Listener:
    """A browser that listens to one project's stream."""

    def __init__(
        self, app: FastAPI, cast: Cast, who: str, since: int, *, cookie: bytes = b"", last_id: bytes = b""
    ) -> None:
        self.app: ASGIApp = app
        self.sent = asyncio.Queue[Message]()
        cookie = cookie or cast.cookie(who)["Cookie"].encode()
        resumes = [(b"last-event-id", last_id)] if last_id else []
        self.scope: Scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": "/projects/BRIDGE/live", "raw_path": b"/projects/BRIDGE/live", "root_path": "",
            "query_string": f"since={since}".encode(), "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
            "headers": [(b"host", b"portal.example"), (b"cookie", cookie), *resumes],
        }  # fmt: skip
        self.gone = asyncio.Event()

    async def __aenter__(self) -> "Listener":
        self.task = asyncio.ensure_future(self.app(self.scope, self._receive, self.sent.put))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gone.set()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def status(self) -> int:
        """The answer's status."""
        message = await asyncio.wait_for(self.sent.get(), 30)
        return int(message["status"])

    async def hears(self, seconds: float) -> str:
        """What arrives within a time."""
        heard = ""
        deadline = asyncio.get_running_loop().time() + seconds
        while (left := deadline - asyncio.get_running_loop().time()) > 0 and "changed" not in heard:
            try:
                heard += (await asyncio.wait_for(self.sent.get(), left)).get("body", b"").decode()
            except TimeoutError:
                break
        return heard


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks often enough for a test."""
    monkeypatch.setattr(moves, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(hub, "SETTLE_SECONDS", 0.02)


async def version_of(database: Database, cast: Cast, who: str) -> int:
    """The version that somebody sees."""
    async with database.read() as db:
        return (await cast.scope(db, who)).version


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


async def gone(portal: FastAPI) -> None:
    """Waits until nobody listens any more."""
    for _ in range(6000):
        if not portal.state.live.listeners:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{portal.state.live.listeners} streams are still there")


async def signed_in(database: Database, cast: Cast, who: str, browsers: int) -> list[bytes]:
    """The cookies of further browsers in which somebody is signed in."""
    tokens, now = [f"{who}-{uuid4().hex}" for _ in range(browsers)], clock.now()
    async with database.write() as db:
        for token in tokens:
            db.add(
                Session(
                    token_hash=sessions.hash_of(token), person_id=cast.people[who], provider="main", issuer=ISSUER,
                    sub=who, sid=None, sign_in_id=uuid4(), staff_roles=[], acr=None, amr=[], auth_time=now,
                    created_at=now, last_seen_at=now, idle_until=now + timedelta(hours=8),
                    expires_at=now + timedelta(days=7), user_agent="tests", view_as=None,
                )
            )  # fmt: skip
    return [f"portal={token}".encode() for token in tokens]


async def session_of(database: Database, cookie: bytes) -> UUID | None:
    """The session that a cookie belongs to."""
    async with database.read() as db:
        hashed = sessions.hash_of(cookie.decode().removeprefix("portal="))
        return await db.scalar(select(Session.id).where(Session.token_hash == hashed))


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


async def test_nothing_works_when_nobody_listens(portal: FastAPI, database: Database, cast: Cast) -> None:
    async with Listener(portal, cast, "eve", 0) as eve:
        await eve.status()
        work = portal.state.live._work
        assert not work.done()
    await gone(portal)
    await asyncio.wait([work], timeout=30)
    assert work.cancelled()


async def test_a_tester_alone_hears_of_a_result(portal: FastAPI, database: Database, cast: Cast) -> None:
    await testers.enter(database, cast)
    await begun(database, cast)
    async with Listener(portal, cast, "tess", await version_of(database, cast, "tess")) as tess:
        assert await tess.status() == 200
        await say(database, cast, "ada", 1, Outcome.PASSED)
        assert "event: changed" in await tess.hears(30)
