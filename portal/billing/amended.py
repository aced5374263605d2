"""What an amendment costs, put into the payment plan as soon as it amends: nobody has to remember it.

It is one part, or one for each tax: due with the milestone that the offer moved, the last of several, else with the
change request itself. Staff plan it otherwise while it is unbilled. The work of a retainer and by the hour is in no
plan; what is in none is told among what is still to come.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.billing import plan
from portal.billing.models import PlanItem, PlanKind
from portal.changes import contract_view, pricing
from portal.changes.contract_view import Amended
from portal.changes.models import ContractKind


async def plan_amendment(db: AsyncSession, scope: Scope, change_number: int) -> Sequence[PlanItem]:
    """The part for the amendment that a change request made, one for each tax, where it costs or saves something.
    `scope` is the portal's own; the caller holds the project's lock."""
    view = await contract_view.contract_view(db, scope)
    if view is None or view.contract.kind is not ContractKind.FIXED_PRICE:
        return []
    made = next(one for one in reversed(view.amendments) if one.amendment.change_number == change_number)
    if not any(one.net.minor for one in pricing.sums(made.lines, view.contract.currency).taxes):
        return []
    return await plan.set_plan(db, scope, made.amendment.number, [_part(made)])


def _part(made: Amended) -> dict[str, Any]:
    whole = {"text": made.title, "percent": "100"}
    if not made.moves:
        return whole | {"kind": PlanKind.CHANGE_REQUEST}
    last = max(made.moves, key=lambda number: (made.moves[number], number))
    return whole | {"kind": PlanKind.MILESTONE, "milestone": last}
