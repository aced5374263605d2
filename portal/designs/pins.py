"""Writes of the pins: a remark at a place, replies to it, and that it is resolved. The caller owns the transaction."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Role, Scope
from portal.designs import queries, rules
from portal.designs.carrying import Place
from portal.designs.commands import tell
from portal.designs.models import Design, DesignPart, DesignPin, DesignReply
from portal.errors import Conflict, Invalid
from portal.files.pages import pages_of
from portal.files.queries import files_by_numbers
from portal.ledger import commands as ledger
from portal.ledger.models import Audience


def require_word(scope: Scope) -> None:
    """Raises NotAllowed for whoever may say nothing: staff who look as the client. Every member may."""
    if scope.is_staff:
        scope.require_staff()
    else:
        scope.require(Role.VIEWER)


async def pin(db: AsyncSession, scope: Scope, number: int, version: int, place: Place, text: str) -> DesignPin:
    """Pins a remark to a place of a version that the viewer may see; on a draft it stays among staff for ever.

    Raises Invalid for a place that is none, Conflict when there are too many, NotFound, NotAllowed.
    """
    require_word(scope)
    words = rules.check_remark(text)
    rules.check_place(place.x, place.y)
    await ledger.lock(db, scope.project_id)
    design = await queries.design(db, scope, number)
    row = await queries.version(db, scope, number, version)
    await _check_place(db, scope, await queries.parts(db, scope, number, version), place)
    if design.last_pin >= rules.MOST_PINS:
        raise Conflict(f"A design has at most {rules.MOST_PINS} remarks.")
    design.last_pin += 1
    made = DesignPin(
        project_id=scope.project_id, design_number=number, number=design.last_pin, version=version,
        position=place.position, page=place.page, x=place.x, y=place.y, audience=row.audience, text=words,
        author=scope.viewer.actor, person_id=scope.viewer.person_id, by_staff=scope.is_staff, at=clock.now(),
        resolved_at=None, resolved_by=None, resolved_version=None, seq=0,
    )  # fmt: skip
    body = {"version": version, "file": place.position, "x": place.x, "y": place.y, "text": words}
    if place.page != 1:  # what events say no word of is the first
        body["page"] = place.page
    made.seq = await _tell(db, scope, design, made, "design.pinned", body)
    db.add(made)
    await db.flush()
    return made


async def _check_place(db: AsyncSession, scope: Scope, parts: Sequence[DesignPart], place: Place) -> None:
    """Raises Invalid for a place on no picture of a version: of no part, or of no page that could be drawn."""
    numbers = [part.file_number for part in parts if part.position == place.position and part.file_number is not None]
    files = await files_by_numbers(db, scope, numbers)
    pages = [page for file in files.values() for page in pages_of(file)]
    if not pages:
        raise Invalid("This version has no such picture.", field="file", value=place.position)
    if not any(page.number == place.page and page.is_drawn for page in pages):
        raise Invalid("There is no picture of this page.", field="page", value=place.page)


async def reply(db: AsyncSession, scope: Scope, number: int, pin_number: int, text: str) -> DesignReply:
    """Answers a pin. Raises Invalid, NotFound, NotAllowed; Conflict when there are too many answers."""
    require_word(scope)
    words = rules.check_remark(text)
    await ledger.lock(db, scope.project_id)
    design = await queries.design(db, scope, number)
    to = await queries.pin(db, scope, number, pin_number)
    mine = (DesignReply.project_id == scope.project_id, DesignReply.design_number == number)
    if (await db.scalar(select(func.count()).where(*mine)) or 0) >= rules.MOST_REPLIES:
        raise Conflict(f"The remarks of a design have at most {rules.MOST_REPLIES:,} answers.")
    to.seq = await _tell(db, scope, design, to, "design.pin_replied", {"text": words})
    row = DesignReply(
        project_id=scope.project_id, seq=to.seq, design_number=number, pin_number=pin_number, text=words,
        author=scope.viewer.actor, person_id=scope.viewer.person_id, by_staff=scope.is_staff, at=clock.now(),
    )  # fmt: skip
    db.add(row)
    await db.flush()
    return row


async def resolve(db: AsyncSession, scope: Scope, number: int, pin_number: int) -> DesignPin:
    """Settles a pin: the next version does not show it any more. Settled already: nothing happens."""
    require_word(scope)
    await ledger.lock(db, scope.project_id)
    design = await queries.design(db, scope, number)
    row = await queries.pin(db, scope, number, pin_number)
    if row.resolved_at is None:
        last = design.last_version if row.audience is Audience.INTERNAL else design.shown_version
        row.resolved_at, row.resolved_by, row.resolved_version = clock.now(), scope.viewer.actor, last
        row.seq = await _tell(db, scope, design, row, "design.pin_resolved", {"version": last})
    return row


async def reopen(db: AsyncSession, scope: Scope, number: int, pin_number: int) -> DesignPin:
    """Takes it back that a pin is settled: the present version shows it again. Open already: nothing happens."""
    require_word(scope)
    await ledger.lock(db, scope.project_id)
    design = await queries.design(db, scope, number)
    row = await queries.pin(db, scope, number, pin_number)
    if row.resolved_at is not None:
        row.resolved_at = row.resolved_by = row.resolved_version = None
        row.seq = await _tell(db, scope, design, row, "design.pin_reopened", {})
    return row


async def _tell(
    db: AsyncSession, scope: Scope, design: Design, about: DesignPin, kind: str, body: dict[str, Any]
) -> int:
    design.seq = await tell(db, scope, design, kind, {"pin": about.number} | body, about.audience)
    return design.seq
