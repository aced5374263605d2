"""What an open offer would change stays as it is offered until that is answered or taken back: items in the client's
sight, and milestones on their agreed days."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from portal.access import Scope
from portal.changes import offers, queries
from portal.changes.models import ChangeAlternative, ChangeRequest
from portal.errors import Conflict


async def check_items(db: AsyncSession, scope: Scope, touched: set[int]) -> None:
    """Raises Conflict, naming change requests and items, where an offer that stands would change one of these items
    and the client does not see it any more: the client would learn of it when the acceptance is refused.

    For whoever writes items (doors, importers), behind the writing and in its transaction. What the acceptance of
    another change request takes out does not come by here: that takes such offers back (overtaken.py).
    """
    held = await _named(db, scope, ChangeAlternative.items_changed, touched)
    if not held:
        return
    shown = await offers.shown_items(db, scope, [item for items in held.values() for item in items])
    gone = {number: [item for item in items if item not in shown] for number, items in held.items()}
    if told := [_told(number, items) for number, items in gone.items() if items]:
        raise Conflict(
            f"The client would no longer see what an open offer changes: {'; '.join(told)}. Withdraw the change "
            "request, or price and offer it anew without that, and the item can go."
        )


def _told(number: int, items: Sequence[int]) -> str:
    plural = "s" if len(items) > 1 else ""
    return f"item{plural} {', '.join(map(str, items))} (change request {number})"


async def check_milestone(db: AsyncSession, scope: Scope, number: int) -> None:
    """Raises Conflict, naming the change requests, where an offer that stands would move this milestone: its agreed day
    is not moved by hand meanwhile, for the acceptance would move it back."""
    if held := await _named(db, scope, ChangeAlternative.milestones, {number}):
        by = ", ".join(map(str, held))
        raise Conflict(
            f"An open offer moves the agreed date of this milestone (change request {by}). Withdraw the change "
            "request, or price and offer it anew without that.", field="agreed_on",
        )  # fmt: skip


async def _named(
    db: AsyncSession, scope: Scope, column: InstrumentedAttribute[list[dict[str, Any]]], touched: set[int]
) -> Mapping[int, Sequence[int]]:
    """Which of these numbers the open offers name in a column of their alternatives, by change request."""
    its_request = and_(
        ChangeRequest.project_id == ChangeAlternative.project_id,
        ChangeRequest.number == ChangeAlternative.change_number,
    )
    statement = (
        select(ChangeAlternative.change_number, column)
        .join(ChangeRequest, its_request)
        .where(ChangeAlternative.project_id == scope.project_id, *queries.stands(scope))
        .order_by(ChangeAlternative.change_number, ChangeAlternative.key)
    )
    named: dict[int, set[int]] = {}
    for number, given in await db.execute(statement):
        if mine := {one["number"] for one in given} & touched:
            named.setdefault(number, set()).update(mine)
    return {number: sorted(mine) for number, mine in named.items()}
