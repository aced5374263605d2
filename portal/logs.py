"""Logs: one JSON object a line, with the request's id, and with nothing in it that is secret or about a person.

What a person typed, an address's query, an exception's own words (SQLAlchemy quotes whole rows in them) and e-mail
addresses never get in: the code logs fixed sentences with ids and numbers, exceptions are told by type and place, and
what other libraries say is scrubbed. JSON escapes line breaks and control characters, so a value can start no new line.
"""

import json
import logging
import re
import secrets
import sqlite3
import sys
import time
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.clock import now, rfc3339
from portal.settings import Settings

MOST_CHARACTERS = 1_000
MOST_FRAMES = 20
OURS = ("portal", "api", "web", "migrations")
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}

_REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
_SCRUBBED = (
    (re.compile(r"(?i)\b(?:bearer|basic)\s+[\w.~+/=-]+"), "[credentials]"),
    (re.compile(r"\beyJ[\w-]+\.[\w.-]*"), "[token]"),
    (re.compile(r"://[^/\s@]+@"), "://[credentials]@"),
    (re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+"), "[address]"),
    (re.compile(r"\?[^\s\"'<>]*=[^\s\"'<>]*"), "?[query]"),
)
_requests = logging.getLogger("portal.request")


def configure(settings: Settings) -> None:
    """Sends all logs as JSON lines to standard error: our own from `log_level` on, other libraries' from WARNING."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(settings.log_level)
    server = logging.getLogger("uvicorn.error")
    server.setLevel(logging.WARNING)
    server.filters[:] = [_untold]
    # uvicorn's own access log holds whole addresses with their queries; ours holds the route.
    logging.getLogger("uvicorn.access").disabled = True


def request_id() -> str | None:
    """The id of the request that is being answered, which its log lines and its `X-Request-ID` carry; None outside."""
    return _REQUEST_ID.get()


class JsonLines(logging.Formatter):
    """A record as one line of ASCII JSON; `extra` values become members."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "at": rfc3339(now()),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _said(record),
        }
        if (current := _REQUEST_ID.get()) is not None:
            line["request_id"] = current
        line |= {name: _plain(value) for name, value in vars(record).items() if name not in STANDARD}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = told(record.exc_info[1])
        return json.dumps(line, separators=(",", ":"))


def told(error: BaseException) -> list[dict[str, Any]]:
    """An exception and its causes by type and place, without their words, which may quote anybody's data.

    Only what the operating system and SQLite say is kept (a full disk, a locked database): they quote no rows.
    """
    chain: list[dict[str, Any]] = []
    for one in _causes(error):
        chain.append({"type": type(one).__qualname__, "at": _frames(one.__traceback__)})
        if words := _harmless_words(one):
            chain[-1]["says"] = words
    return chain


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _frames(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-MOST_FRAMES:]
    return [f"{'/'.join(frame.filename.split('/')[-3:])}:{frame.lineno} {frame.name}" for frame in frames]


def _harmless_words(error: BaseException) -> str | None:
    if isinstance(error, OSError):
        return error.strerror
    if isinstance(error, sqlite3.OperationalError):
        return scrubbed(str(error))
    return None


def _said(record: logging.LogRecord) -> str:
    try:
        message = record.getMessage()
    except (TypeError, ValueError):
        message = str(record.msg)  # a wrong number of arguments must not cost the line
    return scrubbed(message)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float) else scrubbed(str(value))


def scrubbed(text: str) -> str:
    """A text without tokens, credentials, e-mail addresses and queries of addresses, and of bounded length."""
    text = text[: MOST_CHARACTERS * 2]
    for pattern, instead in _SCRUBBED:
        text = pattern.sub(instead, text)
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS] + "…"


def _untold(record: logging.LogRecord) -> bool:
    """Lets through what we did not log ourselves: the server tells of an error again after our middleware did."""
    return not (record.exc_info and getattr(record.exc_info[1], "told_in_log", False))


def route_of(scope: Scope) -> str:
    """The template of the route that answered, `/projects/{key}`: never the address itself, which names things."""
    included = scope.get("fastapi", {}).get("effective_route_context")
    return getattr(included, "path", None) or getattr(scope.get("route"), "path", None) or "(none)"


class RequestIdMiddleware:
    """ASGI middleware: gives each request an id (log lines, `request.state.request_id`, header) and logs its outcome.

    The id is always ours: one that came from outside could be chosen to mislead whoever reads the logs.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        current = secrets.token_hex(8)
        token = _REQUEST_ID.set(current)
        scope.setdefault("state", {})["request_id"] = current
        try:
            await self._watched(scope, receive, send, current.encode())
        finally:
            _REQUEST_ID.reset(token)

    async def _watched(self, scope: Scope, receive: Receive, send: Send, current: bytes) -> None:
        started, status = time.perf_counter(), 0

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", current)]
            await send(message)

        try:
            await self.app(scope, receive, with_id)
        except Exception as error:
            facts = _facts(scope, 500, started)
            _requests.error("A request ended in an error that nobody foresaw.", exc_info=error, extra=facts)
            error.told_in_log = True  # type: ignore[attr-defined]
            raise
        if _requests.isEnabledFor(logging.INFO):
            _requests.info("answered", extra=_facts(scope, status, started))


def _facts(scope: Scope, status: int, started: float) -> dict[str, Any]:
    milliseconds = round((time.perf_counter() - started) * 1000, 1)
    return {"method": scope["method"], "route": route_of(scope), "status": status, "ms": milliseconds}
