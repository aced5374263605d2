"""What an amendment costs, put into the payment plan as soon as it amends: nobody has to remember it.

It is one part: due with the milestone that the offer moved, the last of several, else with the change request itself.
Staff plan it otherwise while it is unbilled. The work of a retainer and by the hour is in no plan, and a price of
several tax rates has no parts; what is in none is told among what is still to come.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.billing import plan
from portal.billing.models import PlanItem, PlanKind
from portal.changes import contract_view
from portal.changes.contract_view import Amended
from portal.changes.models import ContractKind


async def plan_amendment(db: AsyncSession, scope: Scope, change_number: int) -> Sequence[PlanItem]:
    """The part for the amendment that a change request made, where its price can be one. `scope` is the portal's own;
    the caller holds the project's lock."""
    view = await contract_view.contract_view(db, scope)
    if view is None or view.contract.kind is not ContractKind.FIXED_PRICE:
        return []
    made = next(one for one in reversed(view.amendments) if one.amendment.change_number == change_number)
    if made.net.minor == 0 or len({(one.tax_category, one.tax_rate) for one in made.lines}) != 1:
        return []
    return await plan.set_plan(db, scope, made.amendment.number, [_part(made)])


def _part(made: Amended) -> dict[str, Any]:
    whole = {"text": made.title, "percent": "100"}
    if not made.moves:
        return whole | {"kind": PlanKind.CHANGE_REQUEST}
    last = max(made.moves, key=lambda number: (made.moves[number], number))
    return whole | {"kind": PlanKind.MILESTONE, "milestone": last}
