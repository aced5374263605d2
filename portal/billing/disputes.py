"""Questions and disputes about an invoice: the client's word, the agency's answer, and how long it took."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Role, Scope, StaffRole
from portal.billing import drafts, queries
from portal.billing.models import Invoice, InvoiceKind, InvoiceState, InvoiceWord
from portal.decisions.turns import minutes_between
from portal.errors import Conflict, Invalid
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects.rules import check_text

QUESTION, DISPUTE, ANSWER, SETTLED = "question", "dispute", "answer", "settled"


async def ask(db: AsyncSession, scope: Scope, number: int, text: str, *, disputes: bool = False) -> InvoiceWord:
    """The client asks about an issued invoice, or disputes it with a reason. Raises Conflict for one that is disputed
    already or cancelled, Invalid, NotAllowed without the role billing, NotFound."""
    scope.require(Role.BILLING)
    await ledger.lock(db, scope.project_id)
    invoice = await queries.invoice(db, scope, number)
    stands = invoice.kind is InvoiceKind.INVOICE and invoice.state is not InvoiceState.CANCELLED
    if disputes and (invoice.disputed_at is not None or not stands):
        raise Conflict("This is disputed already, was taken back, or is a credit note.")
    words = _words(text)
    if disputes:
        invoice.disputed_at, invoice.dispute_reason = clock.now(), words
    return await _say(db, scope, invoice, DISPUTE if disputes else QUESTION, words, None)


async def answer(db: AsyncSession, scope: Scope, number: int, text: str, *, settles: bool = False) -> InvoiceWord:
    """Staff answer, or say that a dispute is settled. The time that the client waited is kept with the answer. Raises
    Conflict for a draft, of which the client would hear, and where nothing is disputed; NotFound, NotAllowed, Invalid.
    """
    scope.require_staff(StaffRole.FINANCE, StaffRole.MANAGER)
    await ledger.lock(db, scope.project_id)
    invoice = await queries.invoice(db, scope, number)
    if invoice.state is InvoiceState.DRAFT:
        raise Conflict("The client does not know of a draft: there is nothing to answer.")
    if settles and invoice.disputed_at is None:
        raise Conflict("This invoice is not disputed.")
    since = waiting_since(await said(db, scope, number))
    minutes = minutes_between(scope, since, clock.now()) if since else None
    if settles:
        invoice.disputed_at, invoice.dispute_reason = None, ""
    return await _say(db, scope, invoice, SETTLED if settles else ANSWER, _words(text), minutes)


async def words(db: AsyncSession, scope: Scope, number: int) -> Sequence[InvoiceWord]:
    """All that was said about an invoice, in its order. Raises NotFound."""
    await queries.invoice(db, scope, number)
    return await said(db, scope, number)


async def said(db: AsyncSession, scope: Scope, number: int) -> Sequence[InvoiceWord]:
    """The same for who was found to see the invoice."""
    of = (InvoiceWord.project_id == scope.project_id, InvoiceWord.invoice_number == number)
    return (await db.scalars(select(InvoiceWord).where(*of).order_by(InvoiceWord.seq).limit(500))).all()


def waiting_since(said: Sequence[InvoiceWord]) -> datetime | None:
    """When the client's first word was said that no word of staff has followed."""
    since = None
    for one in said:
        since = None if one.by_staff else since or one.at
    return since


def _words(text: str) -> str:
    said = check_text(text.strip(), "text", length=4000)
    if not said:
        raise Invalid("Write something first.", field="text", value=text)
    return said


async def _say(
    db: AsyncSession, scope: Scope, invoice: Invoice, kind: str, text: str, minutes: int | None
) -> InvoiceWord:
    body = {"text": text, "reference": invoice.reference, "title": invoice.reference}
    invoice.seq = await drafts.tell(db, scope, invoice, f"invoice.{_PAST[kind]}", body, Audience.BILLING)
    row = InvoiceWord(
        project_id=scope.project_id, seq=invoice.seq, invoice_number=invoice.number, kind=kind,
        person_id=scope.viewer.person_id, by_staff=scope.is_staff, text=text, at=clock.now(), minutes=minutes,
    )  # fmt: skip
    db.add(row)
    await db.flush()
    return row


_PAST = {QUESTION: "asked_about", DISPUTE: "disputed", ANSWER: "answered", SETTLED: "dispute_settled"}
