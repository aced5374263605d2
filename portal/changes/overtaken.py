"""Offers that something overtakes: what they rest on has moved, so they come back to be revised.

An offer says days and estimates as they will be, not by how much they move. Of two that move the same milestone, the
order in which the client accepts them would decide which day is agreed, and the work of both could be had by the
earlier one. A milestone that the client confirmed moves no more, and nothing becomes due by it again.
"""

from collections.abc import Set as AbstractSet

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.changes import contract_view, offering, offers, queries
from portal.changes.models import ChangeRequest
from portal.changes.queries import Option

OVERTAKEN = "Another change request moved what this offer rests on: the offer is being revised."
CONFIRMED = "A milestone that this offer would move was confirmed: the offer is being revised."


async def take_back(
    db: AsyncSession, scope: Scope, *, reason: str, milestones: AbstractSet[int], items: AbstractSet[int] = frozenset()
) -> None:
    """Takes back each offer that would move one of these milestones or change one of these items, and each that the
    contract could not take any more; `reason` is for the client. `scope` is the portal's own, and the lock is held.
    """
    statement = select(ChangeRequest).where(*queries.stands(scope)).order_by(ChangeRequest.number)
    for request in (await db.scalars(statement)).all():
        options = await queries.options(db, scope, request.number)
        meets = any(_touches(option, milestones, items) for option in options)
        if meets or offering.misfits(options, await contract_view.contract(db, scope)):
            await offers.take_back(db, scope, request, reason)


def _touches(option: Option, milestones: AbstractSet[int], items: AbstractSet[int]) -> bool:
    """Whether an alternative moves one of these milestones, or changes one of these items."""
    moved = {number for number, _, _ in option.milestones}
    changed = {item["number"] for item in option.items_changed}
    return bool(moved & milestones or changed & items)
