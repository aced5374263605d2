"""Reads of billing, for who may see money: invoices, one invoice, and where the project's money stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.billing import stored
from portal.billing.document import InvoiceDocument
from portal.billing.models import Invoice, InvoiceKind, InvoiceState
from portal.errors import NotFound
from portal.money import Money
from portal.projects.queries import MOST_NUMBER

UNPAID = (InvoiceState.ISSUED, InvoiceState.PARTLY_PAID)


def _mine(scope: Scope) -> tuple[Any, ...]:
    """The invoices that a viewer may see: drafts are the agency's own. Raises NotFound for who may not see money."""
    if not scope.sees_money:
        raise NotFound("There is nothing here.")
    issued = () if scope.is_staff else (Invoice.state != InvoiceState.DRAFT,)
    return Invoice.project_id == scope.project_id, *issued


async def invoice(db: AsyncSession, scope: Scope, number: int) -> Invoice:
    """One invoice by its number in the project's addresses. Raises NotFound."""
    statement = select(Invoice).where(*_mine(scope), Invoice.number == number)
    found = await db.scalar(statement) if 0 < number <= MOST_NUMBER else None
    if found is None:
        raise NotFound(f"There is no invoice {number} in this project.")
    return found


async def invoices(
    db: AsyncSession, scope: Scope, *, state: InvoiceState | None = None, before: int | None = None, limit: int = 50
) -> Sequence[Invoice]:
    """The invoices, the newest first; the next page is before the last one's number."""
    statement = select(Invoice).where(*_mine(scope)).order_by(Invoice.number.desc()).limit(limit)
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


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the project's money stands, in one currency."""

    invoiced: Money
    paid: Money
    open: Money
    overdue: Money


async def standing(db: AsyncSession, scope: Scope) -> list[Standing]:
    """What was invoiced (net of what was taken back), paid, is open and overdue; one for each currency."""
    rows = (await db.scalars(select(Invoice).where(*_mine(scope), Invoice.state != InvoiceState.DRAFT))).all()
    return [_standing(scope, [one for one in rows if one.currency == code], code)
            for code in sorted({one.currency for one in rows})]  # fmt: skip


def _standing(scope: Scope, rows: Sequence[Invoice], currency: str) -> Standing:
    gross = sum(one.gross_minor if one.kind is InvoiceKind.INVOICE else -one.gross_minor for one in rows)
    unpaid = [one for one in rows if one.state in UNPAID]
    return Standing(
        invoiced=Money(gross, currency),
        paid=Money(sum(one.paid_minor for one in rows), currency),
        open=Money(sum(open_amount(one).minor for one in unpaid), currency),
        overdue=Money(sum(open_amount(one).minor for one in unpaid if is_overdue(one, scope.today)), currency),
    )
