"""Browsers that listen to a project's stream of hints, and more sessions than the cast has."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Scope

from portal import clock
from portal.db import Database
from portal.identity import sessions
from portal.identity.models import Session
from tests.support.cast import ISSUER, Cast


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


async def version_of(database: Database, cast: Cast, who: str) -> int:
    """The version that somebody sees."""
    async with database.read() as db:
        return (await cast.scope(db, who)).version


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
