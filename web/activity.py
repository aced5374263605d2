"""The activity feed: what happened, newest first, as far as this viewer may know it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from fastapi import APIRouter, Request
from fastapi.responses import Response

from portal import clock
from portal.access import Scope
from portal.backlog import activity as history
from portal.backlog.activity import Happening
from portal.errors import Invalid
from web import formats
from web.deps import ProjectScope, ReadSession
from web.etag import unchanged
from web.locale_choice import locale_of
from web.render import etag_for, respond
from web.telling import Teller, Told, tell

EACH_PAGE = 50

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on one day of the project's own zone."""

    title: str
    events: Sequence[Told]


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """The context of projects/activity.html."""

    days: Sequence[Day]
    first: str
    next: str


def before_of(request: Request) -> int | None:
    """The seq before which the page begins. Raises Invalid."""
    text = request.query_params.get("before", "")
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise Invalid("before must be what a “Earlier” link of this list gave.", field="before", value=text[:40])
    return int(text)


@router.get("/projects/{key}/activity", name="activity")
async def activity(request: Request, scope: ProjectScope, db: ReadSession) -> Response:
    """The project's events by day."""
    before = before_of(request)
    locale = locale_of(request, scope.viewer.locale)
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    events = await history.activity(db, scope, before=before, limit=EACH_PAGE)
    teller = Teller(scope.key, scope.project.time_zone, scope.is_staff, locale)
    page = ActivityPage(
        days=list(_by_day(scope, events, teller)),
        first=f"/projects/{scope.key}/activity" if before else "",
        next=f"/projects/{scope.key}/activity?before={events[-1].event.seq}" if len(events) == EACH_PAGE else "",
    )
    return respond(request, "projects/activity.html", page, scope=scope, tab="activity", etag=etag)


def _by_day(scope: Scope, events: Sequence[Happening], teller: Teller) -> Iterator[Day]:
    for day, same in groupby(events, key=lambda one: clock.day_of(one.event.at, scope.zone)):
        told = [one for happening in same if (one := tell(happening, teller))]
        if told:
            yield Day(formats.day(day, teller.locale, "long"), told)
