"""One invoice as its page shows it: every line with its reason and its hours, the money, the words, what belongs to it.

Three statements at most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.backlog.models import Item
from portal.backlog.queries import visible as visible_items
from portal.billing import disputes, drafts, queries
from portal.billing import totals as arithmetic
from portal.billing.document import InvoiceDocument
from portal.billing.models import Invoice, InvoiceState, InvoiceWord, Payment, TimeEntry
from portal.billing.totals import Totals
from portal.errors import NotFound
from portal.money import Money
from portal.projects.queries import MOST_NUMBER

MOST_ENTRIES = 5_000


@dataclass(frozen=True, slots=True)
class Worked:
    """An entry of time behind a line; without its item where the reader may not know of that."""

    done_on: date
    hours: Decimal
    worker: str
    text: str
    item_number: int | None


@dataclass(frozen=True, slots=True)
class InvoiceView:
    """An invoice whole. `hours` are the entries behind a line, by the line's name; `taken_back_by` and `takes_back`
    are the credit note of an invoice, and the invoice of a credit note."""

    row: Invoice
    document: InvoiceDocument
    totals: Totals
    open: Money
    payments: Sequence[Payment]
    words: Sequence[InvoiceWord]
    hours: Mapping[str, Sequence[Worked]]
    taken_back_by: Invoice | None
    takes_back: Invoice | None
    is_overdue: bool


async def invoice_view(db: AsyncSession, scope: Scope, number: int) -> InvoiceView:
    """One invoice whole; a draft as it would be issued today, if nothing kept it from that. Raises NotFound."""
    if not 0 < number <= MOST_NUMBER:
        raise NotFound(f"There is no invoice {number} in this project.")
    found = (await db.execute(_with_relatives(scope, number))).all()
    rows = {one.number: one for one, _ in found}
    if number not in rows:
        raise NotFound(f"There is no invoice {number} in this project.")
    row = rows[number]
    is_draft = row.state is InvoiceState.DRAFT
    document = await drafts.as_it_stands(db, scope, row.draft) if is_draft else queries.document_of(row)
    return InvoiceView(
        row=row,
        document=document,
        totals=arithmetic.totals(document),
        open=queries.open_amount(row),
        payments=sorted((paid for one, paid in found if paid and one is row), key=lambda paid: paid.number),
        words=[] if is_draft else await disputes.said(db, scope, number),
        hours=await _hours(db, scope, number) if _has_hours(document) else {},
        taken_back_by=next((one for one in rows.values() if one.credits_number == number), None),
        takes_back=rows.get(row.credits_number or 0),
        is_overdue=queries.is_overdue(row, scope.today),
    )


def _with_relatives(scope: Scope, number: int) -> Any:
    """The invoice, its credit note, or the invoice that it takes back; each with its payments."""
    visible = queries.visible(scope)
    mine = Invoice.project_id == scope.project_id
    taken_back = select(Invoice.credits_number).where(mine, Invoice.number == number).scalar_subquery()
    paid = and_(Payment.project_id == Invoice.project_id, Payment.invoice_number == Invoice.number)
    wanted = or_(Invoice.number == number, Invoice.credits_number == number, Invoice.number == taken_back)
    return select(Invoice, Payment).outerjoin(Payment, paid).where(*visible, wanted)


def _has_hours(document: InvoiceDocument) -> bool:
    return any(line.unit == "HUR" for line in document.lines)


async def _hours(db: AsyncSession, scope: Scope, number: int) -> dict[str, list[Worked]]:
    known = select(Item.number).where(*visible_items(scope), Item.number == TimeEntry.item_number)
    item = TimeEntry.item_number if scope.is_staff else known.correlate(TimeEntry).scalar_subquery()
    columns = (TimeEntry.role, TimeEntry.done_on, TimeEntry.hours, TimeEntry.worker, TimeEntry.text, item)
    statement = select(*columns).where(TimeEntry.project_id == scope.project_id, TimeEntry.invoice_number == number)
    found: dict[str, list[Worked]] = {}
    in_order = statement.order_by(TimeEntry.done_on, TimeEntry.number).limit(MOST_ENTRIES)
    for role, *one in await db.execute(in_order):
        found.setdefault(role, []).append(Worked(*one))
    return found
