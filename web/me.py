"""Who am I here: the person, what they may open, and their sessions, each of which they can end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.background import BackgroundTask

from portal import clock
from portal.access import Viewer
from portal.calendar_feed import queries as calendar_feed
from portal.errors import NotFound
from portal.identity import queries, sessions
from portal.identity.arrive import Arrival
from portal.identity.models import Session
from portal.projects import queries as projects
from portal.projects.queries import ProjectLine
from web.deps import ReadSession, SignedIn, UnitOfWork
from web.live import live_of
from web.render import respond

router = APIRouter(include_in_schema=False)
NOT_KEPT = {"Cache-Control": "no-store", "Vary": "Accept, Cookie"}


@dataclass(frozen=True, slots=True)
class MePage:
    """The context of auth/me.html."""

    viewer: Viewer
    staff_roles: tuple[str, ...]
    projects: tuple[ProjectLine, ...]
    sessions: tuple[Session, ...]
    current: UUID
    calendar_since: datetime | None
    """When their calendar address was made; None without one."""


@router.get("/me", name="me")
@router.get("/account")
async def me(request: Request, arrival: SignedIn, db: ReadSession) -> Response:
    """The signed-in person, as a page for browsers and as JSON for everything else."""
    lines = await projects.mine(db, arrival.viewer)
    mine = await queries.my_sessions(db, arrival.viewer)
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse(_as_json(arrival, lines, mine), headers=NOT_KEPT)
    staff = tuple(sorted(arrival.viewer.staff))
    since = await calendar_feed.made_at(db, arrival.viewer)
    page = MePage(arrival.viewer, staff, tuple(lines), tuple(mine), arrival.session_id, since)
    return respond(request, "auth/me.html", page, viewer=arrival.viewer)


def _as_json(arrival: Arrival, lines: list[ProjectLine], mine: Any) -> dict[str, Any]:
    viewer = arrival.viewer
    return {
        "id": str(viewer.person_id),
        "name": viewer.name,
        "email": viewer.email or None,
        "locale": viewer.locale,
        "staff_roles": sorted(viewer.staff),
        "projects": [{"key": line.facts.key, "name": line.facts.name, "roles": sorted(line.roles)} for line in lines],
        "session": next((_session(one) for one in mine if one.id == arrival.session_id), None),
    }


def _session(session: Session) -> dict[str, Any]:
    return {
        "id": str(session.id),
        "provider": session.provider,
        "signed_in_at": clock.rfc3339(session.created_at),
        "last_seen_at": clock.rfc3339(session.last_seen_at),
        "expires_at": clock.rfc3339(min(session.idle_until, session.expires_at)),
        "auth_time": clock.rfc3339(session.auth_time) if session.auth_time else None,
        "acr": session.acr,
        "amr": session.amr,
        "user_agent": session.user_agent,
    }


@router.get("/me/sessions", name="my_sessions")
async def my_sessions(arrival: SignedIn, db: ReadSession) -> Response:
    """The person's own live sessions as JSON; the page shows them too."""
    mine = await queries.my_sessions(db, arrival.viewer)
    listed = [_session(one) | {"current": one.id == arrival.session_id} for one in mine]
    return JSONResponse({"sessions": listed}, headers=NOT_KEPT)


@router.post("/me/sessions/{session_id}/end", name="end_session")
async def end_session(request: Request, session_id: str, arrival: SignedIn, db: UnitOfWork) -> Response:
    """Ends one of the person's own sessions, this one too if they say so."""
    try:
        wanted = UUID(session_id)
    except ValueError:
        raise NotFound("There is no such session.") from None
    await sessions.end_one(db, arrival.viewer, wanted)
    # After the answer, and so after the commit: before it, its streams would find the session still there.
    return RedirectResponse("/me", 303, NOT_KEPT, background=BackgroundTask(live_of(request).wake_session, wanted))
