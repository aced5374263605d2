"""Where a project's money stands: invoiced, paid, open and overdue by currency, and its budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import money
from portal.access import Scope
from portal.billing.models import Invoice, InvoiceKind, InvoiceState
from portal.billing.queries import UNPAID, visible
from portal.changes.models import Amendment, Contract, ContractKind, Period
from portal.money import Money

MOST_DAYS = 10_000


@dataclass(frozen=True, slots=True)
class DayOfMoney:
    """What was invoiced on one day in one currency, with tax and less what was paid before, and how it stands now. A
    credit note counts against; `favour` is what was paid beyond what is owed, for an invoice that was taken back above
    all."""

    on: date
    invoiced: Money
    paid: Money
    open: Money
    overdue: Money
    favour: Money


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the project's money stands, in one currency: `paid` less `favour`, and `open`, come to `invoiced`."""

    invoiced: Money
    paid: Money
    open: Money
    overdue: Money
    favour: Money


@dataclass(frozen=True, slots=True)
class Budget:
    """The project's price: as agreed, what changes added, what of both was invoiced, all without tax; and what was
    paid and is open, with tax. A retainer's price is for one `period`: nothing remains of it."""

    agreed: Money
    changed: Money
    invoiced: Money
    paid: Money
    open: Money
    period: Period | None
    kind: ContractKind

    @property
    def total(self) -> Money:
        """What the whole costs by now."""
        return self.agreed + self.changed

    @property
    def remaining(self) -> Money | None:
        """What is still to be invoiced; None where there is no whole."""
        return None if self.kind is ContractKind.RETAINER else self.total - self.invoiced

    @property
    def share(self) -> int:
        """How much of the whole is invoiced, in percent from 0 to 100."""
        return max(0, min(100, self.invoiced.minor * 100 // self.total.minor)) if self.total.minor > 0 else 0


SIGN = case((Invoice.kind == InvoiceKind.CREDIT_NOTE, -1), else_=1)
"""By which a document counts: a credit note against."""
_UNPAID = and_(Invoice.state.in_(UNPAID), Invoice.kind == InvoiceKind.INVOICE)
_OWED = Invoice.payable_minor - Invoice.paid_minor - Invoice.credited_minor
_OPEN = case((_UNPAID, _OWED), else_=0)
_FAVOUR = case((and_(Invoice.kind == InvoiceKind.INVOICE, _OWED < 0), -_OWED), else_=0)


async def days(db: AsyncSession, scope: Scope) -> list[DayOfMoney]:
    """What was invoiced, by day and currency, in one statement. Raises NotFound for whoever may not see money."""
    late = case((Invoice.due_on < scope.today, _OPEN), else_=0)
    sums = [func.sum(one) for one in (SIGN * Invoice.payable_minor, Invoice.paid_minor, _OPEN, late, _FAVOUR)]
    statement = (
        select(Invoice.issued_on, Invoice.currency, *sums)
        .where(*visible(scope), Invoice.state != InvoiceState.DRAFT)
        .group_by(Invoice.issued_on, Invoice.currency)
        .order_by(Invoice.issued_on)
        .limit(MOST_DAYS)
    )
    return [
        DayOfMoney(day, *(Money(int(one), currency) for one in found))
        for day, currency, *found in await db.execute(statement)
    ]


def standing(days: Sequence[DayOfMoney]) -> list[Standing]:
    """The sums of days, one for each currency: amounts of two currencies are never added up."""
    return [
        Standing(*(
            money.total((getattr(one, field) for one in days if one.invoiced.currency == code), code)
            for field in ("invoiced", "paid", "open", "overdue", "favour")
        ))
        for code in sorted({one.invoiced.currency for one in days})
    ]  # fmt: skip


async def budget(db: AsyncSession, scope: Scope) -> Budget | None:
    """The project's budget in one statement; None without a contract, and for whoever may not see money.

    Invoices in another currency than the contract's are left out: the list of invoices shows them.
    """
    if not scope.sees_money:
        return None
    row = (await db.execute(_budget_of(scope))).first()
    if row is None:
        return None
    contract: Contract = row[0]
    changed, invoiced, paid, unpaid = (Money(int(one or 0), contract.currency) for one in row[1:])
    agreed = Money(contract.original_minor, contract.currency)
    return Budget(agreed, changed, invoiced, paid, unpaid, contract.period, contract.kind)


def _budget_of(scope: Scope) -> Any:
    mine = (*visible(scope), Invoice.state != InvoiceState.DRAFT, Invoice.currency == Contract.currency)
    changed = select(func.sum(Amendment.net_minor)).where(Amendment.project_id == scope.project_id)
    summed = [
        select(func.sum(one)).where(*mine).correlate(Contract).scalar_subquery()
        for one in (SIGN * Invoice.net_minor, Invoice.paid_minor, _OPEN)
    ]
    return select(Contract, changed.scalar_subquery(), *summed).where(Contract.project_id == scope.project_id)
