"""A live hint: "this page has changed". It moves with what this viewer may see, and never for anything else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from portal.errors import PortalError
from portal.identity.arrive import arrive
from web.deps import SignedIn, database_of
from web.gate import session_cookie, token_hash

LOOK_EVERY_SECONDS = 3.0
LONGEST_SECONDS = 600.0
"""A browser connects again by itself; no stream outlives a deployment or a proxy's patience."""

router = APIRouter(include_in_schema=False)


@router.get("/projects/{key}/live", name="live", response_class=EventSourceResponse)
async def live(request: Request, key: str, arrival: SignedIn, since: int = 0) -> AsyncIterator[ServerSentEvent]:
    """One event `changed` each time the version that this viewer may see is higher than what they have.

    Each look is a whole arrival of its own, so a session or a membership that ended ends the stream.
    """
    seen = max(since, _last_seen(request))
    stopping: asyncio.Event = request.app.state.stopping
    for _ in range(int(LONGEST_SECONDS / LOOK_EVERY_SECONDS)):
        version = await _version(request, key)
        if version is None:
            return
        if version > seen:
            seen = version
            yield ServerSentEvent(event="changed", id=str(version), data={"version": version})
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), LOOK_EVERY_SECONDS)
            return


def _last_seen(request: Request) -> int:
    text = request.headers.get("last-event-id", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


async def _version(request: Request, key: str) -> int | None:
    """The visible version as of now; None when this browser may not know it any more."""
    hashed = token_hash(request.scope["headers"], session_cookie(request.app.state.settings))
    try:
        async with database_of(request).read() as db:
            return (await arrive(db, hashed or b"", key)).scope().version
    except PortalError:
        return None
