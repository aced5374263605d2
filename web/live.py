"""A live hint: "this page has changed". It moves with what this viewer may see, and never for anything else."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, cast

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from portal.errors import PortalError
from portal.identity.arrive import arrive
from portal.notify.live import Ear, Live
from web.deps import SignedIn, database_of
from web.gate import session_cookie, token_hash

ASK_AGAIN_SECONDS = 60.0
"""A stream asks so often whether it may still listen, even when its project stands still."""
LONGEST_SECONDS = 600.0
"""A browser connects again by itself; no stream outlives a deployment or a proxy's patience."""

router = APIRouter(include_in_schema=False)


def live_of(request: Request) -> Live:
    """This process's hub."""
    return cast(Live, request.app.state.live)


async def listening(request: Request, arrival: SignedIn) -> AsyncIterator[Ear]:
    """A place among the listeners for as long as the stream is open. Raises HTTPException 429 for too many."""
    hub, project = live_of(request), arrival.scope().project
    if not hub.has_room(arrival.session_id):
        raise HTTPException(429, headers={"Retry-After": str(int(ASK_AGAIN_SECONDS))})
    with hub.listening(project.id, arrival.session_id, project.version) as ear:
        yield ear


@router.get("/projects/{key}/live", name="live", response_class=EventSourceResponse)
async def live(
    request: Request, key: str, arrival: SignedIn, ear: Annotated[Ear, Depends(listening)], since: int = 0
) -> AsyncIterator[ServerSentEvent]:
    """One event `changed` each time the version that this viewer may see is higher than what they have.

    Each look is a whole arrival of its own, so a session or a membership that ended ends the stream: at the project's
    next movement, which it is not told of any more, or after ASK_AGAIN_SECONDS.
    """
    seen, version = max(since, _last_seen(request)), cast(int | None, arrival.scope().version)
    loop = asyncio.get_running_loop()
    ends = loop.time() + LONGEST_SECONDS
    while version is not None:
        if version > seen:
            seen = version
            yield ServerSentEvent(event="changed", id=str(version), data={"version": version})
        await ear.wait(ASK_AGAIN_SECONDS)
        if live_of(request).stopping.is_set() or loop.time() > ends:
            return
        version = await _version(request, key)


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
