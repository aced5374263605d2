"""The ledger's events, for programs that follow a project."""

from typing import Annotated, Any

import orjson
from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from api.deps import ReadScope, ReadSession, settings_of
from api.doors import router as door
from api.openapi import answers
from api.shapes import Moment, Outgoing
from portal.ledger import queries
from portal.ledger.models import Audience
from portal.ledger.queries import EventRow

router = door("events", "/projects/{key}/events")


class EventOut(Outgoing):
    """Something that happened: `at` when it was true, `recorded_at` when it was written here."""

    seq: int
    at: Moment
    recorded_at: Moment
    actor: str
    kind: str
    subject_kind: str
    subject_number: int | None
    audience: Audience
    body: dict[str, Any]


class EventPage(Outgoing):
    """Events in their order; ask again with `since` = `next_since`."""

    items: list[EventOut]
    next_since: Annotated[int, Field(description="The last seq of this page; `since` itself when it is empty.")]
    more: Annotated[bool, Field(description="Whether more are there already.")]


@router.get("", responses=answers(EventPage, "Events after `since`, oldest first.", headers=("Link",)))
async def list_events(
    request: Request,
    scope: ReadScope,
    db: ReadSession,
    since: Annotated[int, Query(ge=0, le=2**53, description="The last seq that is known already.")] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> Response:
    """The events after a seq that the caller's role may see, oldest first. Numbers that are missing are not theirs."""
    rows = await queries.since(db, scope.project_id, scope.audiences, since, limit + 1)
    shown = rows[:limit]
    last = shown[-1].seq if shown else since
    body = {"items": [shape(row) for row in shown], "next_since": last, "more": len(rows) > limit}
    headers = {"Cache-Control": "no-store"}
    if len(rows) > limit:
        address = f"{settings_of(request).base_url}/api/v1/projects/{scope.key}/events?since={last}&limit={limit}"
        headers["Link"] = f'<{address}>; rel="next"'
    return Response(orjson.dumps(body), media_type="application/json", headers=headers)


def shape(row: EventRow) -> dict[str, Any]:
    """An event as values that orjson writes."""
    return {name: getattr(row, name) for name in EventOut.model_fields}
