"""Bank statements taken in: each entry once, matched by the invoice's number, and never guessed.

An entry is matched by itself when its remittance names exactly one issued invoice in its currency, by the issuer whose
account it came to. Everything else is listed with the reason, for somebody of finance to match or to set aside.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock, wall
from portal.access import Scope, StaffRole, Viewer
from portal.billing import payments, queries
from portal.billing.camt import Entry
from portal.billing.models import BankEntry, EntryState, Invoice, InvoiceKind, InvoiceState, Issuer
from portal.errors import Conflict, Invalid, NotFound, PortalError
from portal.ledger.models import ProjectLedger
from portal.money import Money
from portal.projects import queries as projects

_WORD = re.compile(r"[0-9A-Z][0-9A-Z/._-]{2,39}")
AT_ONCE = 500
WHY_ACROSS = "a bank statement is of the agency, not of one project"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a statement's entries."""

    matched: int
    unmatched: int
    known: int


@dataclass(frozen=True, slots=True)
class _Found:
    key: str
    number: int
    reference: str
    currency: str
    issuer: str


async def take_in(db: AsyncSession, viewer: Viewer, entries: Sequence[Entry]) -> Taken:
    """Takes in a statement's entries; those that were taken in before change nothing. All of them or none.

    Raises Invalid for an account that is no issuer's, NotAllowed without finance's rights.
    """
    viewer.require_staff(StaffRole.FINANCE)
    owners = await _owners(db, entries)
    known = await _known(db, entries)
    matched = fresh = 0
    for entry in entries:
        reference = _reference(entry, known)
        if reference is None:
            continue
        known[entry.account, reference] = (entry.booked_on, entry.amount)
        row = _row(entry, reference)
        db.add(row)
        await db.flush()
        fresh += 1
        matched += await _match(db, viewer, row, entry, owners[entry.account])
    return Taken(matched, fresh - matched, len(entries) - fresh)


async def _owners(db: AsyncSession, entries: Sequence[Entry]) -> dict[str, set[str]]:
    """The issuers of each account. Raises Invalid for an account that is no issuer's."""
    owners: dict[str, set[str]] = defaultdict(set)
    for one in (await db.scalars(select(Issuer))).all():
        for field in ("iban", "account"):
            owners[str(one.payment.get(field, "")).replace(" ", "").upper()].add(one.code)
    for entry in entries:
        if entry.account not in owners:
            raise Invalid("This statement is of an account that no issuer has.", field="account", value=entry.account)
    return owners


async def _known(db: AsyncSession, entries: Sequence[Entry]) -> dict[tuple[str, str], tuple[date, Money]]:
    """What was taken in before under the names of these entries: of each account and reference the day and amount."""
    names = sorted({name for one in entries for name in (one.reference, one.also) if name})
    columns = (
        BankEntry.account, BankEntry.bank_reference, BankEntry.booked_on, BankEntry.minor, BankEntry.currency,
    )  # fmt: skip
    found: dict[tuple[str, str], tuple[date, Money]] = {}
    for start in range(0, len(names), AT_ONCE):
        statement = select(*columns).where(BankEntry.bank_reference.in_(names[start : start + AT_ONCE]))
        found |= {(row[0], row[1]): (row[2], Money(row[3], row[4])) for row in await db.execute(statement)}
    return found


def _reference(entry: Entry, known: Mapping[tuple[str, str], tuple[date, Money]]) -> str | None:
    """Under which of its names an entry is kept; None for one that was taken in before. Of another day or amount it is
    another one, whatever its bank calls it: what is taken back often has the reference of what came."""
    names = [(entry.account, name) for name in (entry.reference, entry.also) if name]
    if any(known.get(one) == (entry.booked_on, entry.amount) for one in names):
        return None
    return next((name for account, name in names if (account, name) not in known), None)


def _row(entry: Entry, reference: str) -> BankEntry:
    return BankEntry(
        account=entry.account, bank_reference=reference, booked_on=entry.booked_on,
        currency=entry.amount.currency, minor=entry.amount.minor, counterparty=entry.counterparty,
        remittance=entry.remittance, state=EntryState.UNMATCHED, note="", imported_at=clock.now(),
    )  # fmt: skip


async def _match(db: AsyncSession, viewer: Viewer, row: BankEntry, entry: Entry, owners: Collection[str]) -> bool:
    """Matches an entry that names its invoice; otherwise notes why not."""
    if entry.is_batch:  # one payment of it may name an invoice, while the amount is that of all
        row.note = "It is a batch of several payments."
        return False
    if entry.is_cut:  # a second invoice may stand where it was cut, or a longer number
        row.note = "Its text is longer than what is kept of it."
        return False
    named = await _named(db, row.remittance)
    if len(named) != 1:
        row.note = "It names no invoice of ours." if not named else "It names several invoices."
        return False
    if named[0].currency != row.currency:
        row.note = f"{named[0].reference} is in {named[0].currency}."
        return False
    if named[0].issuer not in owners:
        row.note = f"{named[0].reference} is of another issuer than this account."
        return False
    await wall.leave(db)
    try:
        scope = await projects.scope_for(db, viewer, named[0].key)
        await _pay(db, scope, row, named[0].number)
    except PortalError as refusal:
        row.note = refusal.message
        return False
    return True


async def _named(db: AsyncSession, remittance: str) -> list[_Found]:
    words = {one.strip("/._-") for one in _WORD.findall(remittance.upper())}
    statement = (
        select(ProjectLedger.key, Invoice.number, Invoice.reference, Invoice.currency, Invoice.issuer)
        .join(ProjectLedger, ProjectLedger.id == Invoice.project_id)
        .where(
            Invoice.reference.in_(words),
            Invoice.kind == InvoiceKind.INVOICE,
            Invoice.state != InvoiceState.DRAFT,
        )
        .execution_options(cross_project=WHY_ACROSS)
    )
    found = await db.execute(statement)
    return [_Found(key, number, reference or "", *more) for key, number, reference, *more in found]


async def _pay(db: AsyncSession, scope: Scope, row: BankEntry, invoice_number: int) -> None:
    amount = Money(row.minor, row.currency).amount
    day = min(row.booked_on, scope.today)
    await payments.record_payment(
        db, scope, invoice_number, amount, day, text=row.remittance, external_ref=f"bank:{row.id}", bank_entry_id=row.id
    )
    row.state, row.note = EntryState.MATCHED, ""


async def unmatched(db: AsyncSession, viewer: Viewer, *, limit: int = 500) -> Sequence[BankEntry]:
    """The entries that nobody has matched or set aside, the oldest first. Raises NotAllowed."""
    viewer.require_staff(StaffRole.FINANCE)
    statement = select(BankEntry).where(BankEntry.state == EntryState.UNMATCHED)
    return (await db.scalars(statement.order_by(BankEntry.booked_on, BankEntry.id).limit(limit))).all()


async def match(db: AsyncSession, viewer: Viewer, entry_id: UUID, key: str, invoice_number: int) -> BankEntry:
    """Says which invoice an entry is for. Raises NotFound, Conflict for one that was dealt with,
    Invalid for another currency, and what a payment raises."""
    row = await _open_entry(db, viewer, entry_id)
    scope = await projects.scope_for(db, viewer, key)
    found = await queries.invoice(db, scope, invoice_number)
    if found.currency != row.currency:
        raise Invalid(f"This invoice is in {found.currency}.", field="currency", value=row.currency)
    await _pay(db, scope, row, invoice_number)
    await db.flush()
    return row


async def set_aside(db: AsyncSession, viewer: Viewer, entry_id: UUID, note: str) -> BankEntry:
    """Says that an entry is for no invoice, and why. Raises Invalid without a note."""
    row = await _open_entry(db, viewer, entry_id)
    if not note.strip():
        raise Invalid("Say why it is for no invoice.", field="note", value=note)
    row.state, row.note = EntryState.IGNORED, note.strip()[:500]
    await db.flush()
    return row


async def _open_entry(db: AsyncSession, viewer: Viewer, entry_id: UUID) -> BankEntry:
    viewer.require_staff(StaffRole.FINANCE)
    row = await db.get(BankEntry, entry_id, with_for_update=True)
    if row is None:
        raise NotFound("There is no such bank entry.")
    if row.state is not EntryState.UNMATCHED:
        raise Conflict("This entry was dealt with already.")
    return row
