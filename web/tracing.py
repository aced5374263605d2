"""Traceability in the browser: what belongs to each requirement, and what lacks links."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from portal import traceability
from portal.requirements import queries
from portal.requirements.queries import Shown
from portal.trace.models import TraceKind
from portal.traceability import Link, Orphans
from web.deps import ProjectScope, ReadSession
from web.etag import unchanged
from web.filters import number_of
from web.render import etag_for, respond

EACH_PAGE = 50

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class TraceRow:
    """A requirement with what it is linked with, by kind."""

    requirement: Shown
    designs: Sequence[Link]
    items: Sequence[Link]
    changes: Sequence[Link]
    tests: Sequence[Link]


@dataclass(frozen=True, slots=True)
class TracePage:
    """The context of requirements/trace.html."""

    rows: Sequence[TraceRow]
    first: str
    next: str


@dataclass(frozen=True, slots=True)
class OrphansPage:
    """The context of requirements/orphans.html."""

    found: Orphans


@router.get("/projects/{key}/requirements/trace", name="trace")
async def trace(request: Request, scope: ProjectScope, db: ReadSession) -> Response:
    """Each requirement with the designs, items, change requests and test plans that belong to it."""
    after = number_of(dict(request.query_params), "after") or 0
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    found = await queries.requirements(db, scope, after=after, limit=EACH_PAGE + 1)
    shown = found[:EACH_PAGE]
    links = await traceability.links_of_all(db, scope, TraceKind.REQUIREMENT, [one.number for one in shown])
    here = f"/projects/{scope.key}/requirements/trace"
    page = TracePage(
        rows=[_row(one, links.get(one.number, [])) for one in shown],
        first=here if after else "",
        next=f"{here}?after={shown[-1].number}" if len(found) > EACH_PAGE else "",
    )
    return respond(request, "requirements/trace.html", page, scope=scope, tab="requirements", etag=etag)


def _row(requirement: Shown, links: Sequence[Link]) -> TraceRow:
    def of(kind: TraceKind) -> list[Link]:
        return [link for link in links if link.kind is kind]

    kinds = (TraceKind.DESIGN, TraceKind.ITEM, TraceKind.CHANGE_REQUEST, TraceKind.TEST_PLAN)
    return TraceRow(requirement, *(of(kind) for kind in kinds))


@router.get("/projects/{key}/requirements/orphans", name="orphans")
async def orphans(request: Request, scope: ProjectScope, db: ReadSession) -> Response:
    """Requirements that nothing implements, and designs and stories that no requirement asked for."""
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    page = OrphansPage(await traceability.orphans(db, scope))
    return respond(request, "requirements/orphans.html", page, scope=scope, tab="requirements", etag=etag)
