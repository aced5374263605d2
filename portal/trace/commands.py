"""Writes of the trace: linking and unlinking. Who calls has seen that both ends exist, and knows for whom they are."""

from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.errors import Invalid, NotFound
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.trace import rules
from portal.trace.models import Trace
from portal.trace.rules import End


async def link(db: AsyncSession, scope: Scope, one: End, other: End, audience: Audience) -> bool:
    """Links two things; returns whether they were not linked yet. `audience`: who may see both ends. A link that is
    there already gets the version that is named now; naming none changes nothing.

    Raises Invalid for two things of one kind and for one that has too many links, NotAllowed without staff rights.
    """
    scope.require_staff()
    first, second = rules.pair(one, other)
    version = rules.version_of(first, second)
    await ledger.lock(db, scope.project_id)
    known = await db.scalar(select(Trace).where(*_is(scope, first, second)).execution_options(populate_existing=True))
    if known is not None:
        if version not in (None, known.design_version):
            known.design_version = version
            known.seq = await _tell(db, scope, "trace.linked", first, second, audience)
            await db.flush()
        return False
    for end in (first, second):
        await _check_room(db, scope, end)
    seq = await _tell(db, scope, "trace.linked", first, second, audience)
    db.add(
        Trace(
            project_id=scope.project_id, from_kind=first.kind, from_number=first.number, to_kind=second.kind,
            to_number=second.number, design_version=version, seq=seq,
        )
    )  # fmt: skip
    await db.flush()
    return True


async def unlink(db: AsyncSession, scope: Scope, one: End, other: End, audience: Audience) -> None:
    """Takes a link away. Raises NotFound where there is none, NotAllowed without staff rights."""
    scope.require_staff()
    first, second = rules.pair(one, other)
    await ledger.lock(db, scope.project_id)
    gone = await db.execute(delete(Trace).where(*_is(scope, first, second)).returning(Trace.seq))
    if gone.first() is None:
        raise NotFound("There is no such link.")
    await _tell(db, scope, "trace.unlinked", first, second, audience)


def _is(scope: Scope, first: End, second: End) -> tuple[Any, ...]:
    return (
        Trace.project_id == scope.project_id,
        Trace.from_kind == first.kind,
        Trace.from_number == first.number,
        Trace.to_kind == second.kind,
        Trace.to_number == second.number,
    )


async def _check_room(db: AsyncSession, scope: Scope, end: End) -> None:
    touches = or_(
        (Trace.from_kind == end.kind) & (Trace.from_number == end.number),
        (Trace.to_kind == end.kind) & (Trace.to_number == end.number),
    )
    count = await db.scalar(
        select(func.count()).select_from(Trace).where(Trace.project_id == scope.project_id, touches)
    )
    if (count or 0) >= rules.MOST_LINKS:
        raise Invalid(f"One thing has at most {rules.MOST_LINKS} links.", field=end.kind.value, value=end.number)


async def _tell(db: AsyncSession, scope: Scope, kind: str, first: End, second: End, audience: Audience) -> int:
    body = {"from": _told(first), "to": _told(second)}
    event = ledger.NewEvent(kind, "trace", None, audience, body, scope.viewer.actor, clock.now())
    return await ledger.append(db, scope.project_id, [event])


def _told(end: End) -> dict[str, Any]:
    version = {} if end.version is None else {"version": end.version}
    return {"kind": end.kind.value, "number": end.number} | version
