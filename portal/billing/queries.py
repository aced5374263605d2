"""Reads of billing, for who may see money: invoices, one invoice, and what is open of it."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from portal.access import Scope
from portal.billing import stored
from portal.billing.document import InvoiceDocument
from portal.billing.models import Invoice, InvoiceKind, InvoiceState
from portal.errors import NotFound
from portal.money import Money
from portal.projects.queries import MOST_NUMBER

UNPAID = (InvoiceState.ISSUED, InvoiceState.PARTLY_PAID)


def visible(scope: Scope) -> tuple[Any, ...]:
    """The conditions of what a viewer may see: drafts are the agency's own. Raises NotFound."""
    if not scope.sees_money:
        raise NotFound("There is nothing here.")
    issued = () if scope.is_staff else (Invoice.state != InvoiceState.DRAFT,)
    return Invoice.project_id == scope.project_id, *issued


async def invoice(db: AsyncSession, scope: Scope, number: int) -> Invoice:
    """One invoice by its number in the project's addresses. Raises NotFound."""
    statement = select(Invoice).where(*visible(scope), Invoice.number == number)
    found = await db.scalar(statement) if 0 < number <= MOST_NUMBER else None
    if found is None:
        raise NotFound(f"There is no invoice {number} in this project.")
    return found


async def invoices(
    db: AsyncSession, scope: Scope, *, state: InvoiceState | None = None, before: int | None = None, limit: int = 50
) -> Sequence[Invoice]:
    """The invoices, the newest first, without their documents; the next page is before the last one's number."""
    statement = select(Invoice).where(*visible(scope)).order_by(Invoice.number.desc()).limit(limit)
    statement = statement.options(defer(Invoice.document, raiseload=True), defer(Invoice.draft, raiseload=True))
    if state is not None:
        statement = statement.where(Invoice.state == state)
    return (await db.scalars(statement.where(Invoice.number < before) if before else statement)).all()


def document_of(row: Invoice) -> InvoiceDocument:
    """The frozen document of an issued invoice."""
    assert row.document is not None  # issued, which the database holds to its document
    return stored.from_json(row.document)


def is_overdue(row: Invoice, today: date) -> bool:
    """Whether it is still to be paid after its day, by the project's own calendar day."""
    return row.state in UNPAID and row.due_on is not None and row.due_on < today


def open_amount(row: Invoice) -> Money:
    """What is still to be paid of an invoice; nothing of a credit note or what is cancelled."""
    if row.kind is InvoiceKind.CREDIT_NOTE or row.state in (InvoiceState.DRAFT, InvoiceState.CANCELLED):
        return Money(0, row.currency)
    return Money(row.payable_minor - row.paid_minor - row.credited_minor, row.currency)
