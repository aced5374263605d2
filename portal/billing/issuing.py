"""Issuing: the next number of the series, the document frozen, its files made and kept, and the event; all or nothing.

The number is taken inside the transaction that freezes the document: a crash anywhere leaves neither a hole nor a twin,
only bytes in the store that no row names, which the collector of orphans clears away.
"""

from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope, StaffRole
from portal.billing import accounts, drafts, files, queries, rules, stored
from portal.billing.ceiling import check_ceiling
from portal.billing.document import InvoiceDocument, credit_of
from portal.billing.files import Ready
from portal.billing.models import Invoice, InvoiceKind, InvoiceSeries, InvoiceState, PlanItem
from portal.billing.seals import UNSIGNED, Seals, Sign
from portal.billing.totals import totals
from portal.errors import Conflict, Invalid
from portal.files.store import Store
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.money import Money
from portal.projects.rules import check_text


async def issue(
    db: AsyncSession, scope: Scope, store: Store, number: int, seals: Seals = UNSIGNED, ready: Ready | None = None
) -> Invoice:
    """Issues a draft today, by the project's calendar, in the name of who issues for the project now: from now on it is
    the same to the byte. `ready` are its files as they were foreseen (foreseen.py); others than those are made here.

    Raises Conflict for what is issued already, beyond a ceiling that was lowered since, and while the issuer's
    certificate is not valid; Invalid with every business rule that is broken, NotAllowed (finance).
    """
    scope.require_staff(StaffRole.FINANCE)
    await ledger.lock(db, scope.project_id)
    row = await drafts.open_draft(db, scope, number)
    row.issuer = (await accounts.account(db, scope)).issuer
    # Everything that can be wrong is found before a number is taken.
    sign = seals.signer(row.issuer)
    await drafts.assembled(db, scope, row.draft)
    await check_ceiling(db, scope)
    today = scope.today  # once: while a number is waited for, the next day may begin
    taken = await _next_number(db, row.issuer, today.year)
    reference = reference_of(row.issuer, today.year, taken)
    document = await drafts.assembled(db, scope, row.draft, number=reference, issued_on=today)
    row.series_year, row.series_number, row.reference = today.year, taken, reference
    await _freeze(db, scope, store, row, document, sign, ready)
    return row


async def credit(
    db: AsyncSession,
    scope: Scope,
    store: Store,
    number: int,
    reason: str,
    seals: Seals = UNSIGNED,
    ready: Ready | None = None,
) -> Invoice:
    """Takes an issued invoice back whole by a credit note, which is issued at once; its parts can be billed anew.
    `ready` as of `issue`.

    Raises Conflict for a draft, a credit note or what is cancelled already, and while the issuer's certificate is not
    valid; Invalid without a reason.
    """
    scope.require_staff(StaffRole.FINANCE)
    await ledger.lock(db, scope.project_id)
    row, words = await to_take_back(db, scope, number, reason)
    sign = seals.signer(row.issuer)
    today = scope.today
    taken = await _next_number(db, row.issuer, today.year)
    document = credit_note(row, reference_of(row.issuer, today.year, taken), today, words)
    note = await _credit_row(db, scope, row, document, taken)
    await _freeze(db, scope, store, note, document, sign, ready)
    await _cancel(db, scope, row, note, words)
    return note


async def to_take_back(db: AsyncSession, scope: Scope, number: int, reason: str) -> tuple[Invoice, str]:
    """An invoice that can be taken back, and the reason as the client reads it. Raises as `credit` does."""
    row = await queries.invoice(db, scope, number)
    if row.kind is InvoiceKind.CREDIT_NOTE or row.state in (InvoiceState.DRAFT, InvoiceState.CANCELLED):
        raise Conflict("Only an issued invoice that stands can be taken back.")
    words = check_text(reason.strip(), "reason", length=2000)
    if not words:
        raise Invalid("Say why the invoice is taken back; the client reads it.", field="reason", value=reason)
    return row, words


def credit_note(row: Invoice, reference: str, today: date, words: str) -> InvoiceDocument:
    """The document that takes an issued invoice back. Raises Invalid for one that breaks a rule."""
    document = credit_of(queries.document_of(row), reference, today, words)
    rules.check(document)
    return document


async def _credit_row(db: AsyncSession, scope: Scope, row: Invoice, document: InvoiceDocument, taken: int) -> Invoice:
    note = await drafts.new_row(db, scope, row.title, InvoiceKind.CREDIT_NOTE, row.issuer)
    drafts.fill(note, document)
    note.credits_number, note.language = row.number, row.language
    note.series_year, note.series_number, note.reference = document.issued_on.year, taken, document.number
    return note


async def _cancel(db: AsyncSession, scope: Scope, row: Invoice, note: Invoice, reason: str) -> None:
    row.credited_minor, row.state = row.payable_minor, InvoiceState.CANCELLED
    row.disputed_at, row.dispute_reason = None, ""  # nothing is left to dispute; what was said stays
    for one in await db.scalars(
        select(PlanItem).where(PlanItem.project_id == scope.project_id, PlanItem.invoice_number == row.number)
    ):
        one.invoice_number = None
    body = {"by": note.number, "reference": note.reference, "reason": reason}
    row.seq = await drafts.tell(db, scope, row, "invoice.cancelled", body, Audience.BILLING)
    await db.flush()


def reference_of(issuer: str, year: int, number: int) -> str:
    """The number that stands on the document: `BH-2026-0042`."""
    return f"{issuer}-{year}-{number:04}"


async def _next_number(db: AsyncSession, issuer: str, year: int) -> int:
    """The next of the series, with the series kept from others until the transaction ends."""
    statement = select(InvoiceSeries).where(InvoiceSeries.issuer == issuer, InvoiceSeries.year == year)
    row = await db.scalar(statement.with_for_update(), execution_options={"populate_existing": True})
    if row is None:
        row = InvoiceSeries(issuer=issuer, year=year, last=0)
        # Two that open a year at once: the database lets one in, and the other comes again.
        db.add(row)
        await db.flush()
    row.last += 1
    await db.flush()
    return row.last


async def _freeze(
    db: AsyncSession,
    scope: Scope,
    store: Store,
    row: Invoice,
    document: InvoiceDocument,
    sign: Sign | None,
    ready: Ready | None,
) -> None:
    made = totals(document)
    row.document = stored.to_json(document)
    row.document_digest = sha256(row.document.encode()).digest()
    row.state, row.issued_on, row.due_on = InvoiceState.ISSUED, document.issued_on, document.due_on
    if row.kind is InvoiceKind.CREDIT_NOTE or made.payable.minor <= 0:
        row.state = InvoiceState.PAID
    if row not in db:
        db.add(row)
    row.files = await files.make_and_keep(db, scope, store, document, sign, ready)
    row.seq = await drafts.tell(db, scope, row, _kind(row), _told(row), Audience.BILLING)
    await db.flush()


def _kind(row: Invoice) -> str:
    return "invoice.credited" if row.kind is InvoiceKind.CREDIT_NOTE else "invoice.issued"


def _told(row: Invoice) -> dict[str, Any]:
    assert row.document_digest is not None  # set just before
    return {
        "reference": row.reference, "title": row.title, "document_digest": row.document_digest.hex(),
        "files": row.files, "payable": Money(row.payable_minor, row.currency).shown(),
        "due_on": row.due_on.isoformat() if row.due_on else None, "issued_on": _day(row.issued_on),
        "at": clock.rfc3339(clock.now()),
    }  # fmt: skip


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
