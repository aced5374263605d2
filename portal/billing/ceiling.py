"""The ceiling of time and materials: what is invoiced and drafted may come to it, in whatever way, and not beyond."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.billing import queries
from portal.billing.balance import SIGN
from portal.billing.models import Invoice
from portal.changes import contract_view
from portal.errors import Conflict
from portal.money import Money


async def check_ceiling(db: AsyncSession, scope: Scope) -> None:
    """Raises Conflict for more than the contract's ceiling, where it has one. The caller holds the project's lock, and
    has written what it drafts."""
    contract = await contract_view.contract_or_none(db, scope)
    if contract is None or contract.ceiling_minor is None:
        return
    mine = (*queries.visible(scope), Invoice.currency == contract.currency)
    summed = await db.scalar(select(func.sum(SIGN * Invoice.net_minor)).where(*mine))
    over = Money(int(summed or 0) - contract.ceiling_minor, contract.currency)
    if over.minor > 0:
        most = Money(contract.ceiling_minor, contract.currency).amount
        raise Conflict(
            f"This exceeds the contract's ceiling of {most} {contract.currency} by {over.amount}: "
            "an amendment has to raise it first."
        )
