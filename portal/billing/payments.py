"""Payments: money that came in for an invoice, or was paid back. A payment is never changed; a mistake is paid back."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import money
from portal.access import Scope, StaffRole
from portal.billing import drafts, queries
from portal.billing.models import Invoice, InvoiceKind, InvoiceState, Payment
from portal.errors import Conflict, Invalid, NotFound
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.money import Money
from portal.projects.rules import check_text


async def record_payment(
    db: AsyncSession,
    scope: Scope,
    invoice_number: int,
    amount: str,
    paid_on: date,
    *,
    text: str = "",
    external_ref: str | None = None,
    bank_entry_id: UUID | None = None,
) -> Payment:
    """Records money for an invoice; a negative `amount` is money paid back. In the invoice's currency.

    The same `external_ref` again changes nothing and returns what was recorded. Raises Conflict for a reference of
    another payment, for a draft, a credit note, or money for a cancelled invoice; Invalid for nothing, the future, or
    more back than came in; NotAllowed.
    """
    scope.require_staff(StaffRole.FINANCE)
    await ledger.lock(db, scope.project_id)
    invoice = await queries.invoice(db, scope, invoice_number)
    given = money.parse(amount, invoice.currency)
    if external_ref is not None and (known := await _known(db, scope, external_ref)) is not None:
        if (known.invoice_number, known.minor) != (invoice_number, given.minor):
            raise Conflict("Another payment was recorded under this reference.", field="external_ref")
        return known
    _check(scope, invoice, given, paid_on)
    highest = await db.scalar(select(func.max(Payment.number)).where(Payment.project_id == scope.project_id))
    row = Payment(
        project_id=scope.project_id, number=(highest or 0) + 1, invoice_number=invoice_number,
        currency=invoice.currency, minor=given.minor, paid_on=paid_on,
        text=check_text(text, "text", length=500).strip(),
        external_ref=external_ref, bank_entry_id=bank_entry_id, seq=0,
    )  # fmt: skip
    invoice.paid_minor += given.minor
    settle(invoice)
    body = {
        "payment": row.number,
        "amount": given.shown(),
        "paid_on": paid_on.isoformat(),
        "state": invoice.state.value,
    }
    kind = "invoice.paid_back" if given.minor < 0 else "invoice.payment_recorded"
    row.seq = invoice.seq = await drafts.tell(db, scope, invoice, kind, body, Audience.BILLING)
    db.add(row)
    await db.flush()
    return row


def settle(invoice: Invoice) -> None:
    """The state that follows from what was paid. A cancelled invoice stays cancelled."""
    if invoice.state is InvoiceState.CANCELLED:
        return
    if invoice.paid_minor + invoice.credited_minor >= invoice.payable_minor:
        invoice.state = InvoiceState.PAID
    else:
        invoice.state = InvoiceState.PARTLY_PAID if invoice.paid_minor else InvoiceState.ISSUED


def _check(scope: Scope, invoice: Invoice, given: Money, paid_on: date) -> None:
    if invoice.kind is InvoiceKind.CREDIT_NOTE or invoice.state is InvoiceState.DRAFT:
        raise Conflict("Money is recorded for an issued invoice.")
    if given.minor == 0:
        raise Invalid("A payment is some money.", field="amount", value=given.amount)
    if given.minor > 0 and invoice.state is InvoiceState.CANCELLED:
        raise Conflict("This invoice was taken back: no money is due for it.")
    if invoice.paid_minor + given.minor < 0:
        came = Money(invoice.paid_minor, invoice.currency).amount
        raise Invalid(f"Only {came} came in: more cannot be paid back.", field="amount", value=given.amount)
    if paid_on > scope.today:
        raise Invalid("Money cannot have come in the future.", field="paid_on", value=paid_on.isoformat())


async def _known(db: AsyncSession, scope: Scope, external_ref: str) -> Payment | None:
    mine = (Payment.project_id == scope.project_id, Payment.external_ref == external_ref)
    return await db.scalar(select(Payment).where(*mine))


async def payments(db: AsyncSession, scope: Scope, invoice_number: int | None = None) -> Sequence[Payment]:
    """The payments of an invoice, or of all, in their order. Raises NotFound for whoever may not see money."""
    if not scope.sees_money:
        raise NotFound("There is nothing here.")
    statement = select(Payment).where(Payment.project_id == scope.project_id).order_by(Payment.number).limit(10_000)
    if invoice_number is not None:
        statement = statement.where(Payment.invoice_number == invoice_number)
    return (await db.scalars(statement)).all()
