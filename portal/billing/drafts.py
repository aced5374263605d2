"""Drafts of invoices: from the payment plan or by hand, changed freely until they are issued."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope, StaffRole
from portal.billing import accounts, dropped, plan, queries, rules, stored, taxes
from portal.billing.ceiling import check_ceiling
from portal.billing.document import InvoiceDocument, Kind, Line, Look
from portal.billing.figures import Figures
from portal.billing.models import BillingAccount, Invoice, InvoiceKind, InvoiceState, PlanItem, TimeEntry
from portal.billing.totals import totals
from portal.billing.words import why
from portal.changes import contract_view
from portal.changes.models import TaxCategory
from portal.errors import Conflict, Invalid, NotFound
from portal.ledger import commands as ledger
from portal.ledger.models import Audience, Event
from portal.money import Money
from portal.projects import queries as projects
from portal.projects.rules import check_name, check_text

PLACEHOLDER = "DRAFT"
"""Stands where the number will be; the rules of a number hold for it."""
OWN_FIELDS = frozenset({
    "lines", "adjustments", "prepaid", "delivered_on", "starts_on", "ends_on", "notes", "exemptions", "payment_terms",
    "deliver_to_country", "exchange_rate", "buyer_reference", "order_number",
})  # fmt: skip
"""What a draft's author writes; everything else comes from the contract and the accounts."""
OF_ACCOUNT = frozenset({"payment_terms", "buyer_reference", "order_number"})
"""Of these what the account says, on the day of issue, as long as the author says nothing else."""
KEPT_FIELDS = OWN_FIELDS | {"currency"}
"""What is kept of a draft: its currency stays too, whatever is said of the project later."""


async def drafts_for_milestone(db: AsyncSession, scope: Scope, milestone_number: int) -> list[Invoice]:
    """Drafts what the payment plan makes due by a milestone that was just accepted; nothing where nobody said how to
    bill. What keeps it from being drafted is noted for staff, and stops nobody.

    For the room of that decision, with the portal's own scope.
    """
    if await accounts.account_or_none(db, scope) is None:
        return []
    statement = select(PlanItem).where(
        PlanItem.project_id == scope.project_id, PlanItem.milestone_number == milestone_number,
        PlanItem.invoice_number.is_(None),
    )  # fmt: skip
    due = (await db.scalars(statement.order_by(PlanItem.number))).all()
    if not due:
        return []
    try:
        async with db.begin_nested():
            return [await draft_plan(db, scope, [one.number for one in due])]
    except (Invalid, Conflict) as refusal:  # the client has confirmed, whatever is wrong with how we bill
        body = {"milestone": milestone_number, "reason": refusal.message}
        event = ledger.NewEvent(
            "invoice.not_drafted", "invoice", None, Audience.INTERNAL, body, scope.viewer.actor, clock.now()
        )
        await ledger.append(db, scope.project_id, [event])
        return []


async def draft_plan(db: AsyncSession, scope: Scope, numbers: Sequence[int], *, unaccepted_reason: str = "") -> Invoice:
    """Drafts an invoice of some parts of the payment plan, each a line that says why it is there.

    Raises Invalid for a milestone that is not accepted, unless a reason is stated that the client will read; Conflict
    for a part that is billed already, or of a price that was corrected since, and beyond a ceiling; NotFound.
    """
    _require_billing(scope)
    await ledger.lock(db, scope.project_id)
    parts = await _parts(db, scope, numbers)
    await plan.check_agreed(db, scope, parts)
    reason = check_text(unaccepted_reason.strip(), "unaccepted_reason", length=2000)
    lines = tuple([await _line(db, scope, at, one, reason) for at, one in enumerate(parts, start=1)])
    first, *others = dict.fromkeys(one.text for one in parts)  # one of several taxes is as many parts of one name
    title = f"{first} + {len(others)}" if others else first
    invoice = await _draft(db, scope, title, {"lines": [stored.plain(one) for one in lines]})
    is_early = any([await _is_early(db, scope, one) for one in parts])
    invoice.unaccepted_reason = reason if is_early else ""
    for one in parts:
        one.invoice_number = invoice.number
    await db.flush()
    return invoice


async def draft_lines(db: AsyncSession, scope: Scope, title: str, given: Mapping[str, Any]) -> Invoice:
    """Drafts an invoice of lines written by hand; `given` as in `OWN_FIELDS`. Raises Invalid, Conflict beyond a
    ceiling."""
    _require_billing(scope)
    await ledger.lock(db, scope.project_id)
    return await _draft(db, scope, title, given)


async def change_draft(db: AsyncSession, scope: Scope, number: int, given: Mapping[str, Any]) -> Invoice:
    """Changes a draft: its title, and `OWN_FIELDS`; hours whose line is taken out are free again. Raises Conflict once
    it is issued and beyond a ceiling, Invalid."""
    _require_billing(scope)
    await ledger.lock(db, scope.project_id)
    row = await open_draft(db, scope, number)
    wanted = dict(given)
    row.title = check_name(wanted.pop("title", row.title), "title")
    own, lines = _own(row.draft | _known(wanted)), row.draft["lines"]
    fill(row, await assembled(db, scope, own), own)
    await dropped.free_hours(db, scope, row, lines)
    row.seq = await tell(db, scope, row, "invoice.draft_changed", {"fields": sorted(given)}, Audience.INTERNAL)
    await db.flush()
    await check_ceiling(db, scope)
    return row


async def discard_draft(db: AsyncSession, scope: Scope, number: int) -> None:
    """Throws a draft away; its parts and hours can be drafted anew. Raises Conflict once it is issued."""
    _require_billing(scope)
    await ledger.lock(db, scope.project_id)
    row = await open_draft(db, scope, number)
    for one in await db.scalars(_plan_of(scope, number)):
        one.invoice_number = None
    hours = (TimeEntry.project_id == scope.project_id, TimeEntry.invoice_number == number)
    await db.execute(update(TimeEntry).where(*hours).values(invoice_number=None))
    await tell(db, scope, row, "invoice.draft_discarded", {}, Audience.INTERNAL)
    await db.delete(row)
    await db.flush()


def _require_billing(scope: Scope) -> None:
    scope.require_staff(StaffRole.FINANCE, StaffRole.MANAGER)


async def open_draft(db: AsyncSession, scope: Scope, number: int) -> Invoice:
    """A draft. Raises NotFound, Conflict for what is issued."""
    row = await queries.invoice(db, scope, number)
    if row.state is not InvoiceState.DRAFT:
        raise Conflict("An issued invoice never changes: a credit note takes it back.")
    return row


def _plan_of(scope: Scope, number: int) -> Any:
    return select(PlanItem).where(PlanItem.project_id == scope.project_id, PlanItem.invoice_number == number)


async def _parts(db: AsyncSession, scope: Scope, numbers: Sequence[int]) -> Sequence[PlanItem]:
    mine = (PlanItem.project_id == scope.project_id, PlanItem.number.in_(numbers))
    found = (await db.scalars(select(PlanItem).where(*mine).order_by(PlanItem.number))).all()
    if not numbers or len(found) != len(set(numbers)):
        raise NotFound("There is no such part of the payment plan.", field="plan", value=list(numbers))
    for one in found:
        if one.invoice_number is not None:
            raise Conflict(f"Part {one.number} is billed already, by invoice {one.invoice_number}.", field="plan")
    return found


async def _is_early(db: AsyncSession, scope: Scope, one: PlanItem) -> bool:
    """Whether a part is due by a milestone that is not accepted."""
    if one.milestone_number is None:
        return False
    return (await projects.milestone(db, scope, one.milestone_number)).accepted_on is None


async def _line(db: AsyncSession, scope: Scope, at: int, one: PlanItem, reason: str) -> Line:
    because = await _why(db, scope, one, reason)
    amount = Money(one.net_minor, one.currency).amount
    negative = one.net_minor < 0
    return Line(
        number=str(at), name=one.text, quantity=Decimal(-1 if negative else 1), unit="LS",
        unit_price=abs(Decimal(amount)), category=TaxCategory(one.tax_category), rate=one.tax_rate, why=because,
    )  # fmt: skip


async def _why(db: AsyncSession, scope: Scope, one: PlanItem, reason: str) -> str:
    language = (await accounts.account(db, scope)).language
    figures = Figures(language)
    rests = why("amendment" if one.amendment else "contract", language, number=one.amendment)
    if one.milestone_number is None:
        if one.due_on is None:
            return why("agreed", language, rests=rests)
        return why("due", language, day=figures.day(one.due_on), rests=rests)
    milestone = await projects.milestone(db, scope, one.milestone_number)
    about = {"number": milestone.number, "name": milestone.name}
    if milestone.accepted_on is not None:
        return why("accepted", language, day=figures.day(milestone.accepted_on), rests=rests, **about)
    if not reason:
        raise Invalid(
            f"Milestone {milestone.number} is not accepted: say why it is billed all the same; the client reads it.",
            field="unaccepted_reason", value=reason,
        )  # fmt: skip
    return why("unaccepted", language, reason=reason, **about)


async def _draft(db: AsyncSession, scope: Scope, title: str, given: Mapping[str, Any]) -> Invoice:
    account = await accounts.account(db, scope)
    currency = {"currency": await _currency(db, scope)}
    own = currency | _own(_known(given))
    document = await assembled(db, scope, own)
    row = await new_row(db, scope, title, InvoiceKind.INVOICE, account.issuer)
    fill(row, document, own)
    row.seq = await tell(db, scope, row, "invoice.drafted", {}, Audience.INTERNAL)
    db.add(row)
    await db.flush()
    await check_ceiling(db, scope)
    return row


async def _currency(db: AsyncSession, scope: Scope) -> str:
    """What the project is billed in: the contract's currency, where there is one."""
    contract = await contract_view.contract_or_none(db, scope)
    return contract.currency if contract else scope.project.currency


async def new_row(db: AsyncSession, scope: Scope, title: str, kind: InvoiceKind, issuer: str) -> Invoice:
    """A row with the next number of the project's addresses, not yet added: of all that there ever were, for one that
    was thrown away is not given again. Raises Invalid for a title that is none."""
    ever = (Event.project_id == scope.project_id, Event.subject_kind == "invoice")
    highest = await db.scalar(select(func.max(Event.subject_number)).where(*ever))
    return Invoice(
        project_id=scope.project_id, number=(highest or 0) + 1, kind=kind, state=InvoiceState.DRAFT, issuer=issuer,
        series_year=None, series_number=None, reference=None, title=check_name(title, "title"), paid_minor=0,
        credited_minor=0, document=None, document_digest=None, files={}, unaccepted_reason="", issued_on=None,
        due_on=None, credits_number=None, disputed_at=None, dispute_reason="", created_at=clock.now(), seq=0,
    )  # fmt: skip


def _known(given: Mapping[str, Any]) -> dict[str, Any]:
    for field in given.keys() - OWN_FIELDS:
        raise Invalid(f"A draft has no field {field}.", field=field, value=given[field])
    return dict(given)


def _own(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in fields.items() if field in KEPT_FIELDS}


def fill(row: Invoice, document: InvoiceDocument, written: Collection[str] = ()) -> None:
    """Takes the document's own fields and its sums over into the row; of what its account says too, those that were
    `written`. The usual reasons for no tax are not its own: they follow its lines."""
    made, usual = totals(document), taxes.usual(document)
    own = replace(document, exemptions=tuple(one for one in document.exemptions if one not in usual))
    row.draft = {
        field: value for field, value in _own(stored.plain(own)).items() if field in written or field not in OF_ACCOUNT
    }
    row.currency, row.language = document.currency, document.language
    row.net_minor, row.tax_minor, row.gross_minor = made.net.minor, made.tax.minor, made.gross.minor
    row.payable_minor = made.payable.minor


async def assembled(
    db: AsyncSession,
    scope: Scope,
    own: Mapping[str, Any],
    *,
    number: str = PLACEHOLDER,
    issued_on: date | None = None,
) -> InvoiceDocument:
    """The whole document of a draft: its own fields with what issuer and account say now.

    Raises Invalid with every business rule that it breaks, in plain words.
    """
    document = await as_it_stands(db, scope, own, number=number, issued_on=issued_on)
    rules.check(document)
    return document


async def as_it_stands(
    db: AsyncSession,
    scope: Scope,
    own: Mapping[str, Any],
    *,
    number: str = PLACEHOLDER,
    issued_on: date | None = None,
) -> InvoiceDocument:
    """The same, whatever rules it breaks: what issuer and account say may not fit a draft that fitted once."""
    account = await accounts.account(db, scope)
    issuer = await accounts.issuer(db, account.issuer)
    day = issued_on or scope.today
    document = stored.read(
        _from_account(account, scope) | dict(own) | {
            "kind": Kind.INVOICE.value, "number": number, "issued_on": day.isoformat(), "seller": issuer.party,
            "due_on": (day + timedelta(days=account.payment_days)).isoformat(),
            "payment": issuer.payment | {"reference": number} if issuer.payment else None,
            "accounting_currency": issuer.accounting_currency if own.get("exchange_rate") else "",
        }
    )  # fmt: skip
    given = {one.category for one in document.exemptions}
    usual = tuple(one for one in taxes.usual(document) if one.category not in given)
    look = Look(issuer.colour, issuer.logo)
    return replace(document, exemptions=document.exemptions + usual, look=look)


def _from_account(account: BillingAccount, scope: Scope) -> dict[str, Any]:
    return {
        "currency": scope.project.currency, "buyer": account.buyer, "buyer_reference": account.buyer_reference,
        "order_number": account.order_number, "project_reference": scope.key, "language": account.language,
        "payment_terms": account.payment_terms,
    }  # fmt: skip


async def tell(
    db: AsyncSession, scope: Scope, row: Invoice, kind: str, body: Mapping[str, Any], audience: Audience
) -> int:
    """Appends an event about an invoice; returns its seq."""
    event = ledger.NewEvent(kind, "invoice", row.number, audience, dict(body), scope.viewer.actor, clock.now())
    return await ledger.append(db, scope.project_id, [event])
