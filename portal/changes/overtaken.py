"""Offers that an acceptance overtakes: what they rest on has moved, so they come back to be revised.

An offer says days and estimates as they will be, not by how much they move. Of two that move the same milestone, the
order in which the client accepts them would decide which day is agreed, and the work of both could be had by the
earlier one.
"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.changes import contract_view, kept, offering, offers, queries
from portal.changes.models import Amendment, ChangeRequest
from portal.changes.queries import Option

OVERTAKEN = "Another change request moved what this offer rests on: the offer is being revised."


async def take_back(db: AsyncSession, scope: Scope, accepted: ChangeRequest, amendment: Amendment) -> None:
    """Takes back each offer that would move a milestone or change an item that was just moved or changed, and each that
    the contract could not take any more. `scope` is the portal's own; the caller holds the lock."""
    contract = await contract_view.contract(db, scope)
    milestones, items = set(kept.days_of(amendment.milestones)), set(accepted.items)
    statement = select(ChangeRequest).where(*queries.stands(scope)).order_by(ChangeRequest.number)
    for request in (await db.scalars(statement)).all():
        options = await queries.options(db, scope, request.number)
        meets = any(_touches(option, milestones, items) for option in options)
        if meets or offering.misfits(options, contract):
            await offers.take_back(db, scope, request, OVERTAKEN)


def _touches(option: Option, milestones: set[int], items: set[int]) -> bool:
    """Whether an alternative moves one of these milestones, or changes one of these items."""
    moved = {number for number, _, _ in option.milestones}
    changed = {item["number"] for item in option.items_changed}
    return bool(moved & milestones or changed & items)
