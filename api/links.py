"""Traceability: what belongs to what, one step each way, and what lacks links."""

from typing import Annotated

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import editable
from api.deps import ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.link_shapes import TraceLinkNew, TraceLinks, TraceOrphans, link_out, orphans_out
from api.openapi import answers
from api.shapes import PathNumber
from portal import traceability
from portal.access import Scope
from portal.trace.models import TraceKind
from portal.trace.rules import End

router = door("links", "/projects/{key}")
LINKS = answers(TraceLinks, "What it is linked with.")


async def _links(db: AsyncSession, scope: Scope, kind: TraceKind, number: int) -> TraceLinks:
    await traceability.check(db, scope, End(kind, number))
    return TraceLinks(items=[link_out(one) for one in await traceability.links_of(db, scope, kind, number)])


@router.get("/requirements/orphans", responses=answers(TraceOrphans, "What lacks links."))
async def list_orphans(scope: ReadScope, db: ReadSession) -> Response:
    """Requirements without design and item; designs, and stories of the backlog, without requirement."""
    return editable(orphans_out(await traceability.orphans(db, scope)))


@router.get("/requirements/{number}/links", responses=LINKS)
async def list_links_of_requirement(scope: ReadScope, db: ReadSession, number: PathNumber) -> TraceLinks:
    """What a requirement is linked with."""
    return await _links(db, scope, TraceKind.REQUIREMENT, number)


@router.get("/designs/{number}/links", responses=LINKS)
async def list_links_of_design(scope: ReadScope, db: ReadSession, number: PathNumber) -> TraceLinks:
    """What a design is linked with."""
    return await _links(db, scope, TraceKind.DESIGN, number)


@router.get("/items/{number}/links", responses=LINKS)
async def list_links_of_item(scope: ReadScope, db: ReadSession, number: PathNumber) -> TraceLinks:
    """What an item is linked with."""
    return await _links(db, scope, TraceKind.ITEM, number)


@router.get("/changes/{number}/links", responses=LINKS)
async def list_links_of_change(scope: ReadScope, db: ReadSession, number: PathNumber) -> TraceLinks:
    """What a change request is linked with."""
    return await _links(db, scope, TraceKind.CHANGE_REQUEST, number)


@router.get("/tests/{number}/links", responses=LINKS)
async def list_links_of_plan(scope: ReadScope, db: ReadSession, number: PathNumber) -> TraceLinks:
    """What a test plan is linked with by hand; what its cases test, they say themselves."""
    return await _links(db, scope, TraceKind.TEST_PLAN, number)


@router.post("/links", status_code=201, responses=answers(TraceLinks, "What the first is linked with now.", status=201))
async def add_link(
    scope: WriteScope, db: UnitOfWork, wanted: Annotated[TraceLinkNew, json_body(TraceLinkNew)]
) -> TraceLinks:
    """Links two things of different kinds. Linked already: nothing happens."""
    await traceability.link(db, scope, wanted.one.end(), wanted.other.end())
    return await _links(db, scope, wanted.one.kind, wanted.one.number)


@router.delete("/links/{from_kind}/{from_number}/{to_kind}/{to_number}", status_code=204)
async def remove_link(
    scope: WriteScope,
    db: UnitOfWork,
    from_kind: TraceKind,
    from_number: PathNumber,
    to_kind: TraceKind,
    to_number: PathNumber,
) -> Response:
    """Takes a link away, whichever of its ends is named first."""
    await traceability.unlink(db, scope, End(from_kind, from_number), End(to_kind, to_number))
    return Response(status_code=204)
