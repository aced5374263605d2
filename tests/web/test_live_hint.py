"""The hint that a page has changed."""

import asyncio

import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Scope

from portal.access.models import Membership
from portal.db import Database
from tests.support.cast import Cast, add_item
from web import live

pytestmark = pytest.mark.anyio


class Listener:
    """A browser that listens to one project's stream."""

    def __init__(self, app: FastAPI, cast: Cast, who: str, since: int) -> None:
        self.app: ASGIApp = app
        self.sent = asyncio.Queue[Message]()
        cookie = cast.cookie(who)["Cookie"].encode()
        self.scope: Scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": "/projects/BRIDGE/live", "raw_path": b"/projects/BRIDGE/live", "root_path": "",
            "query_string": f"since={since}".encode(), "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
            "headers": [(b"host", b"portal.example"), (b"cookie", cookie)],
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
        message = await asyncio.wait_for(self.sent.get(), 5)
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
    monkeypatch.setattr(live, "LOOK_EVERY_SECONDS", 0.05)


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
        heard = await eve.hears(5)
    assert "event: changed" in heard
    assert f"id: {await version_of(database, cast, 'eve')}" in heard


async def test_whoever_missed_it_hears_it_at_once(portal: FastAPI, database: Database, cast: Cast) -> None:
    await add_item(database, cast)
    async with Listener(portal, cast, "eve", 0) as eve:
        await eve.status()
        assert "event: changed" in await eve.hears(5)


async def test_the_stream_ends_with_the_membership(portal: FastAPI, database: Database, cast: Cast) -> None:
    async with Listener(portal, cast, "eve", await version_of(database, cast, "eve")) as eve:
        await eve.status()
        async with database.write() as db:
            scope = await cast.scope(db, "wei")
            row = await db.get(Membership, (scope.project_id, cast.people["eve"]))
            await db.delete(row)
        await add_item(database, cast)
        await asyncio.wait_for(eve.task, 5)
        assert "changed" not in await eve.hears(0.1)


async def test_the_stream_ends_when_the_portal_stops(portal: FastAPI, database: Database, cast: Cast) -> None:
    async with Listener(portal, cast, "eve", await version_of(database, cast, "eve")) as eve:
        await eve.status()
        portal.state.stopping.set()
        await asyncio.wait_for(eve.task, 5)


async def test_an_outsider_hears_nothing(portal: FastAPI, database: Database, cast: Cast) -> None:
    async with Listener(portal, cast, "mallory", 0) as mallory:
        assert await mallory.status() == 404
