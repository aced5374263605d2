"""Who comes in, and at which project: decided before any route, method, form or query is looked at.

A project's address answers an outsider in one way only, so it must be asked first whether it is theirs: afterwards a
405, a 422 or a 304 would already have told that it exists. The session that was opened for it serves the page too.
"""

import hashlib
import re
from typing import Any

from starlette.datastructures import State
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from portal.db import Database
from portal.errors import NotFound, PortalError
from portal.identity import sessions
from portal.identity.arrive import Arrival, arrive
from portal.settings import Settings
from web.errors import page_for

PROJECT = re.compile(r"/projects/([^/]*)(?:/|$)")
OPEN = ("/auth/", "/static/", "/.well-known/", "/api/", "/healthz", "/readyz", "/sign-in", "/favicon", "/locale",
        "/calendar/", "/robots.txt", "/unsubscribe/", "/verify")  # fmt: skip
"""Addresses that answer without a session; everything else is for people who are signed in."""
FOR_TESTERS = re.compile(r"/projects/[^/]*/(tests(/|$)|live$)")
"""What somebody who is a tester alone may open of a project."""
READING = ("GET", "HEAD")
SESSIONLESS = re.compile(r"^/go/|/(live|files/[^/]+(/preview)?|[^/]+\.pdf)$")
"""Addresses for whose answers no session stays open: they may take long to make or send, or write in one of their own,
and who waits for a second connection while holding a first can wait for ever."""
BY_ITSELF = re.compile(r"/projects/[^/]*/live$")
"""What an open page asks for over and over: it is no sign that anybody is there."""


def session_cookie(settings: Settings) -> str:
    """The session cookie's name; on https the browser itself binds it to this host."""
    return "__Host-portal" if settings.is_secure else "portal"


def token_hash(raw_headers: list[tuple[bytes, bytes]], cookie: str) -> bytes | None:
    """SHA-256 of the session token in the cookies; None without one, and for two of the name: neither is trusted."""
    wanted = cookie.encode() + b"="
    found = [
        part.strip().removeprefix(wanted)
        for name, value in raw_headers
        if name == b"cookie"
        for part in value.split(b";")
        if part.strip().startswith(wanted)
    ]
    return hashlib.sha256(found[0]).digest() if len(found) == 1 and found[0] else None


class Gate:
    """ASGI middleware: leaves `arrival` and, for reading, its database session `db` in the request's state."""

    def __init__(self, app: ASGIApp, *, state: State) -> None:
        self.app = app
        self.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(OPEN):
            await self.app(scope, receive, send)
            return
        try:
            await self._enter(scope, receive, send)
        except PortalError as refusal:
            response = await page_for(Request(scope, receive), refusal)
            await response(scope, receive, send)

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        state: dict[str, Any] = scope.setdefault("state", {})
        database: Database = self.state.database
        keeps = scope["method"] in READING and not SESSIONLESS.search(scope["path"])
        async with database.read() as db:
            arrival = await self._arrive(db, scope)
            state["arrival"] = arrival
            if keeps:
                state["db"] = db
                await self.app(scope, receive, send)
        if not keeps:
            await self.app(scope, receive, send)
        if arrival.needs_touch and not BY_ITSELF.match(scope["path"]):
            async with database.write() as db:
                await sessions.touch(db, arrival.session_id)

    async def _arrive(self, db: Any, scope: Scope) -> Arrival:
        asked = PROJECT.match(scope["path"])
        hashed = token_hash(scope["headers"], session_cookie(self.state.settings))
        arrival = await arrive(db, hashed or b"", asked[1] if asked else None)
        if asked and arrival.scope().is_tester_alone and not FOR_TESTERS.match(scope["path"]):
            raise NotFound("There is nothing here for testers.")
        return arrival
