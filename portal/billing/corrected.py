"""The contract corrected as it was recorded, as long as nothing that it was billed by becomes wrong.

Once an invoice stands, or a draft that would be issued as it is, the amounts of the contract stay: they change by an
amendment. Whatever says nothing of amounts is corrected as before.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope, StaffRole
from portal.billing import periods, plan
from portal.billing.models import Invoice, InvoiceKind, InvoiceState
from portal.changes import contracts, terms
from portal.changes.models import Contract, ContractKind
from portal.ledger import commands as ledger


async def correct_contract(db: AsyncSession, scope: Scope, wanted: Mapping[str, Any]) -> Contract:
    """Corrects the contract as `contracts.change_contract` does. Raises what it raises, and Conflict, naming the field
    and what it stays, for amounts once something was billed."""
    scope.require_staff(StaffRole.MANAGER, StaffRole.FINANCE)
    await ledger.lock(db, scope.project_id)
    billed_by = await _billed_by(db, scope)
    contract = await contracts.change_contract(db, scope, wanted, billed_by=billed_by)
    if wanted.keys() & terms.AMOUNTS and not billed_by:
        await periods.price_anew(db, scope)
        if contract.kind is ContractKind.RETAINER:
            await plan.forget(db, scope)
    return contract


async def _billed_by(db: AsyncSession, scope: Scope) -> str:
    """The first invoice of the project that was not taken back, or is a draft; "" where nothing was billed."""
    statement = select(Invoice.number, Invoice.reference).where(
        Invoice.project_id == scope.project_id, Invoice.kind == InvoiceKind.INVOICE,
        Invoice.state != InvoiceState.CANCELLED,
    )  # fmt: skip
    found = (await db.execute(statement.order_by(Invoice.number).limit(1))).one_or_none()
    if found is None:
        return ""
    return f"invoice {found.reference}" if found.reference else f"draft {found.number}"
