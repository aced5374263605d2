"""In front of the API's routes: who calls, how often they may, and how much they may send.

The token is checked before the address, the method or the body is looked at, so that nobody without one can tell what
exists. A JSON body is read here, whole and bounded, so that no transaction ever waits for a slow sender.
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.bodies import JSON_LIMIT
from api.deps import Caller
from api.problems import Refused, of_portal_error, problem
from portal import clock
from portal.errors import NotFound, PortalError, TooLarge

OPEN = ("/openapi.json", "/problems/")
"""Addresses that answer without a token; everything else asks for one first."""
PATIENCE_SECONDS = 30
CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Authenticate = Callable[[Request], Awaitable[Caller]]


class ApiGate:
    """ASGI middleware that leaves `request.state.caller`, or answers with a problem."""

    def __init__(self, app: ASGIApp, *, authenticate: Authenticate, per_minute: int) -> None:
        self.app = app
        self.authenticate = authenticate
        self.allowed = RateLimitItemPerMinute(per_minute)
        self.limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _path(scope).startswith(OPEN):
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive, send)
        try:
            caller = await self.authenticate(request)
            await self._count(caller)
            request.state.caller = caller
            if CONTROL.search(scope["path"]):
                raise NotFound("There is nothing at this address.")
            receive = await _buffered(request, receive)
        except ClientDisconnect:
            return
        except (Refused, PortalError) as refusal:
            await _refusal(refusal)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _count(self, caller: Caller) -> None:
        """Raises Refused (429) for a caller who came more often than allowed within the last minute."""
        if not await self.limiter.hit(self.allowed, caller.viewer.actor):
            stats = await self.limiter.get_window_stats(self.allowed, caller.viewer.actor)
            seconds = max(1, round(stats.reset_time - clock.now().timestamp()))
            detail = f"More than {self.allowed.amount} requests in a minute."
            raise Refused("too-many", detail, headers={"Retry-After": str(seconds)})


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _refusal(refusal: Refused | PortalError) -> Response:
    if isinstance(refusal, PortalError):
        response = of_portal_error(refusal)
    else:
        response = problem(refusal.kind, refusal.detail, headers=refusal.headers)
    response.headers["Connection"] = "close"  # whatever the body still holds is not read
    return response


async def _buffered(request: Request, receive: Receive) -> Receive:
    """A `receive` that gives the JSON body at once; that of another kind is left to the few routes that stream it."""
    if not _has_json(request.headers):
        return receive
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > JSON_LIMIT:
        raise TooLarge(f"A JSON body may have at most {JSON_LIMIT} bytes.")
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            body = await _read(receive)
    except TimeoutError:
        raise Refused("slow", f"The body did not arrive within {PATIENCE_SECONDS} seconds.") from None
    request.state.digest = hashlib.sha256(body).digest()
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _has_json(headers: Mapping[str, str]) -> bool:
    return "json" in headers.get("content-type", "").lower() and (
        "content-length" in headers or "transfer-encoding" in headers
    )


async def _read(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > JSON_LIMIT:
            raise TooLarge(f"A JSON body may have at most {JSON_LIMIT} bytes.")
        if not message.get("more_body", False):
            return b"".join(parts)
