"""The export for bookkeeping: a line for each tax rate of each document, one for what was paid before it, and a line
for each payment, of a period."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import StaffRole, Viewer
from portal.billing import stored, totals
from portal.billing.models import Invoice, InvoiceKind, InvoiceState, Payment
from portal.errors import Invalid, TooLarge
from portal.ledger.models import ProjectLedger
from portal.money import Money
from portal.people.models import Company
from portal.projects.models import Project

COLUMNS = (
    "kind", "date", "reference", "project", "client", "buyer_vat_id", "due", "tax_category", "tax_rate", "currency",
    "net", "tax", "gross", "paid", "text",
)  # fmt: skip
"""Amounts of a credit note and of money paid back are negative. `paid` stands on lines of payments and of what
was paid before, alone: of each document, `gross` less `paid` is what is owed."""
MOST_DAYS = 366
MOST_DOCUMENTS = 20_000
WHY_ACROSS = "bookkeeping is the agency's, not one project's"
NO_SUMS = (None,) * 3
"""Neither net, tax nor gross."""
_BY = {InvoiceKind.INVOICE: 1, InvoiceKind.CREDIT_NOTE: -1}


BY_NUMBER = (Invoice.issuer, Invoice.series_year, Invoice.series_number)


async def export(
    db: AsyncSession, viewer: Viewer, first: date, last: date, *, issuer: str = ""
) -> list[tuple[Any, ...]]:
    """The rows of `COLUMNS` for what was issued and paid from `first` to `last`, both included, by one issuer or all.

    Raises Invalid for days out of order or more than a year, TooLarge, NotAllowed without finance's rights.
    """
    viewer.require_staff(StaffRole.FINANCE)
    if not 0 <= (last - first).days < MOST_DAYS:
        raise Invalid(f"A period is 1 to {MOST_DAYS} days, its first day first.", field="until", value=last.isoformat())
    documents = await _documents(db, first, last, issuer)
    rows = [row for found in documents for row in _of_document(*found)]
    return rows + [_of_payment(*found) for found in await _payments(db, first, last, issuer)]


def issued(first: date, last: date, issuer: str) -> tuple[ColumnElement[bool], ...]:
    """Which documents a period has, those of one issuer or of all."""
    period = (Invoice.state != InvoiceState.DRAFT, Invoice.issued_on.between(first, last))
    return (*period, Invoice.issuer == issuer) if issuer else period


async def _documents(db: AsyncSession, first: date, last: date, issuer: str) -> list[Any]:
    statement = (
        select(Invoice, ProjectLedger.key, Company.name)
        .join(ProjectLedger, ProjectLedger.id == Invoice.project_id)
        .join(Project, Project.id == Invoice.project_id)
        .join(Company, Company.id == Project.company_id)
        .where(*issued(first, last, issuer))
        .order_by(*BY_NUMBER)
        .limit(MOST_DOCUMENTS + 1)
        .execution_options(cross_project=WHY_ACROSS)
    )
    found = list((await db.execute(statement)).all())
    if len(found) > MOST_DOCUMENTS:
        raise TooLarge(f"More than {MOST_DOCUMENTS:,} documents: ask for a shorter period.", field="until")
    return found


def _of_document(row: Invoice, key: str, client: str) -> Iterator[tuple[Any, ...]]:
    assert row.document is not None  # issued
    document = stored.from_json(row.document)
    sign, made = _BY[row.kind], totals.totals(document)
    about = (row.issued_on, row.reference, key, client, document.buyer.vat_id, row.due_on)
    for group in made.groups:
        net, tax = (Money(sign * one.minor, one.currency) for one in (group.net, group.tax))
        taxed = (group.category.value, group.rate, row.currency, net, tax, net + tax)
        yield row.kind.value, *about, *taxed, None, row.title
    if made.prepaid.minor:
        before = Money(sign * made.prepaid.minor, row.currency)
        yield "paid_before", *about, "", None, row.currency, *NO_SUMS, before, row.title


async def _payments(db: AsyncSession, first: date, last: date, issuer: str) -> list[Any]:
    statement = (
        select(Payment, Invoice.reference, ProjectLedger.key, Company.name)
        .join(Invoice, (Invoice.project_id == Payment.project_id) & (Invoice.number == Payment.invoice_number))
        .join(ProjectLedger, ProjectLedger.id == Payment.project_id)
        .join(Project, Project.id == Payment.project_id)
        .join(Company, Company.id == Project.company_id)
        .where(Payment.paid_on.between(first, last), *((Invoice.issuer == issuer,) if issuer else ()))
        .order_by(Payment.paid_on, ProjectLedger.key, Payment.number)
        .limit(MOST_DOCUMENTS + 1)
        .execution_options(cross_project=WHY_ACROSS)
    )
    found = list((await db.execute(statement)).all())
    if len(found) > MOST_DOCUMENTS:
        raise TooLarge(f"More than {MOST_DOCUMENTS:,} payments: ask for a shorter period.", field="until")
    return found


def _of_payment(row: Payment, reference: str, key: str, client: str) -> tuple[Any, ...]:
    kind = "paid_back" if row.minor < 0 else "payment"
    amount = Money(row.minor, row.currency)
    return (
        kind, row.paid_on, reference, key, client, "", None, "", None, row.currency, *NO_SUMS, amount, row.text
    )  # fmt: skip
