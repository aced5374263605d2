"""What travels about invoices: parties, lines and sums, with amounts as text and days as ISO 8601."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from api.money_shapes import DecimalText, MoneyOut, given_deep, money_out
from api.shapes import Day, DecimalOut, Incoming, Line, Moment, Number, Outgoing, absent
from portal.billing import queries
from portal.billing.invoice_view import InvoiceView
from portal.billing.models import Invoice, InvoiceKind, InvoiceState, InvoiceWord, Payment
from portal.billing.totals import TaxGroup
from portal.billing.words import UNITS
from portal.changes.models import TaxCategory
from portal.money import Money

Short = Annotated[str, Field(max_length=500)]
Words = Annotated[str, Field(max_length=2000)]
Category = Annotated[str, StringConstraints(pattern=f"^({'|'.join(TaxCategory)})$"), Field(examples=["S"])]
Unit = Annotated[
    str,
    StringConstraints(pattern=f"^({'|'.join(sorted(UNITS))})$"),
    Field(examples=["HUR"], description="A code of UN/ECE Recommendation 20."),
]
PARTY: dict[str, Any] = {
    "name": "Acme Logistics SE", "country": "DE", "address": ["Hafenallee 1"], "city": "Bremen", "postcode": "28195",
    "vat_id": "DE115235681", "electronic": {"scheme": "EM", "value": "invoices@acme.example"},
}  # fmt: skip
LINE: dict[str, Any] = {
    "number": "1", "name": "Consulting", "quantity": "2.5", "unit": "HUR", "unit_price": "118.50", "category": "S",
    "rate": "19", "why": "Asked for on 3 November",
}  # fmt: skip


class IdentifierIn(Incoming):
    """A number by which somebody is known: scheme `INN`, `KPP`, `USCC`, `HRB`, `GLN` and others, or an electronic
    address scheme of Peppol (`EM`, `0088`, `0204`, …)."""

    scheme: Annotated[str, Field(max_length=16)]
    value: Annotated[str, Field(max_length=200)]


class ContactIn(Incoming):
    """Whom to ask."""

    name: Short = absent()
    phone: Short = absent()
    email: Short = absent()


class PartyIn(Incoming):
    """A seller or a buyer. `country` is an ISO 3166-1 code; `bank` is the line that a fapiao asks for."""

    name: Line
    country: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]
    address: Annotated[list[Short], Field(max_length=3)] = absent()
    city: Short = absent()
    postcode: Short = absent()
    region: Short = absent()
    vat_id: Short = absent()
    tax_number: Short = absent()
    identifiers: Annotated[list[IdentifierIn], Field(max_length=10)] = absent()
    electronic: IdentifierIn | None = absent()
    contact: ContactIn | None = absent()
    bank: Short = absent()


class PaymentMeansIn(Incoming):
    """Where to pay: an IBAN, or an account that has none. `reference` is what to write with the payment."""

    iban: Short = absent()
    account: Short = absent()
    bic: Short = absent()
    holder: Short = absent()
    bank: Short = absent()
    reference: Short = absent()


class AdjustmentIn(Incoming):
    """A discount, or a charge on top (`is_charge`). On the whole invoice it names its category and rate."""

    is_charge: bool
    amount: DecimalText
    reason: Words
    percent: DecimalText | None = absent()
    base: DecimalText | None = absent()
    category: Category | None = absent()
    rate: DecimalText | None = absent()


class InvoiceLineIn(Incoming):
    """What is charged. `why` says what the line rests on; the client reads it beside the line and on the PDF."""

    number: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    name: Line
    quantity: DecimalText
    unit: Unit
    unit_price: DecimalText
    category: Category
    rate: DecimalText = absent()
    description: Words = absent()
    why: Words = absent()
    adjustments: Annotated[list[AdjustmentIn], Field(max_length=20)] = absent()
    starts_on: Day | None = absent()
    ends_on: Day | None = absent()


class ExemptionIn(Incoming):
    """Why no tax is charged in a category: words, a code of the VATEX list, or both."""

    category: Category
    reason: Words = absent()
    code: Short = absent()


class DraftFields(Incoming):
    """What is written by hand of an invoice; all else comes from issuer, account and contract."""

    lines: Annotated[list[InvoiceLineIn], Field(min_length=1, max_length=500)] = absent()
    adjustments: Annotated[list[AdjustmentIn], Field(max_length=50)] = absent()
    prepaid: DecimalText = absent()
    delivered_on: Day | None = absent()
    starts_on: Day | None = absent()
    ends_on: Day | None = absent()
    notes: Annotated[list[Words], Field(max_length=20)] = absent()
    exemptions: Annotated[list[ExemptionIn], Field(max_length=10)] = absent()
    payment_terms: Words = absent()
    deliver_to_country: Annotated[str, StringConstraints(pattern="^([A-Z]{2})?$")] = absent()
    exchange_rate: DecimalText | None = absent()
    buyer_reference: Short = absent()
    order_number: Short = absent()


class DraftNew(DraftFields):
    """A draft of lines written by hand."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Consulting in November", "lines": [LINE]}]})

    title: Line
    lines: Annotated[list[InvoiceLineIn], Field(min_length=1, max_length=500)]


class DraftPatch(DraftFields):
    """Changes of a draft."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"order_number": "PO-7781"}]})

    title: Line = absent()


class InvoiceLineOut(Outgoing):
    """A line with its net."""

    number: str
    name: str
    description: str
    why: str
    quantity: DecimalOut
    unit: str
    unit_price: DecimalOut
    category: TaxCategory
    rate: DecimalOut
    net: MoneyOut
    entries: Annotated[int, Field(description="Entries of time behind it.")]


class TaxGroupOut(Outgoing):
    """One row of the tax breakdown."""

    category: TaxCategory
    rate: DecimalOut
    net: MoneyOut
    tax: MoneyOut
    reason: str


class InvoiceShort(Outgoing):
    """An invoice in a list. `payable` of a credit note is positive: its kind says that it counts against."""

    number: int
    kind: InvoiceKind
    state: InvoiceState
    reference: str | None
    title: str
    issued_on: Day | None
    due_on: Day | None
    net: MoneyOut
    gross: MoneyOut
    payable: MoneyOut
    open: MoneyOut
    is_overdue: bool
    disputed_at: Moment | None


class InvoiceFile(Outgoing):
    """A file of an issued invoice, to be had from the project's files by its number."""

    number: int
    sha256: str
    size: int


class InvoiceOut(InvoiceShort):
    """An invoice. Of a draft, all sums are those that it would have today."""

    lines: list[InvoiceLineOut]
    taxes: list[TaxGroupOut]
    tax: MoneyOut
    paid: MoneyOut
    document_digest: str | None
    files: dict[str, InvoiceFile]
    unaccepted_reason: str
    dispute_reason: str
    takes_back: int | None
    taken_back_by: int | None
    draft: Annotated[dict[str, Any] | None, Field(description="What was written by hand, while it can change.")]


class InvoicePage(Outgoing):
    """A page of invoices."""

    items: list[InvoiceShort]
    next: str | None


class PaymentNew(Incoming):
    """Money that came in; negative when it was paid back. `external_ref` makes it the same when it is sent twice."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"amount": "1190.00", "paid_on": "2026-11-20", "external_ref": "bank:77"}]}
    )

    amount: DecimalText
    paid_on: Day
    text: Short = absent()
    external_ref: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^\S+$")] = absent()


class PaymentOut(Outgoing):
    """A payment."""

    number: int
    invoice: int
    amount: MoneyOut
    paid_on: Day
    text: str
    external_ref: str | None


class PaymentList(Outgoing):
    """The payments of an invoice."""

    items: list[PaymentOut]


class AnswerNew(Incoming):
    """What the agency answers; `settles` ends a dispute."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "The hours of 3 November are in it."}]})

    text: Annotated[str, Field(min_length=1, max_length=4000)]
    settles: bool = absent()


class WordOut(Outgoing):
    """A question, a dispute, an answer or a settlement. `minutes`: working time that the client waited for it."""

    kind: Literal["question", "dispute", "answer", "settled"]
    by_staff: bool
    text: str
    at: Moment
    minutes: int | None


class WordList(Outgoing):
    """All that was said about an invoice."""

    items: list[WordOut]


class Reason(Incoming):
    """Why it is done; the client reads it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The hours were those of another project."}]})

    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class PlannedNew(Incoming):
    """Which parts of the payment plan are billed. One of a milestone that is not accepted needs a reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"parts": [1], "unaccepted_reason": "By mail"}]})

    parts: Annotated[list[Number], Field(min_length=1, max_length=100)]
    unaccepted_reason: Words = absent()


def plain_given(model: Incoming) -> dict[str, Any]:
    """What was sent, as `stored` reads it: days as text, nothing that was not sent."""
    found = _plain(given_deep(model))
    assert isinstance(found, dict)
    return found


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case list():
            return [_plain(one) for one in value]
        case date():
            return value.isoformat()
    return value


def short(row: Invoice, today: date) -> dict[str, Any]:
    """An invoice in a list, as JSON values."""
    return InvoiceShort(**_common(row, today)).shown()


def _common(row: Invoice, today: date) -> dict[str, Any]:
    fields = ("number", "kind", "state", "reference", "title", "issued_on", "due_on", "disputed_at")
    minor = {"net": row.net_minor, "gross": row.gross_minor, "payable": row.payable_minor}
    amounts = {name: money_out(Money(value, row.currency)) for name, value in minor.items()}
    late = {"open": money_out(queries.open_amount(row)), "is_overdue": queries.is_overdue(row, today)}
    return {name: getattr(row, name) for name in fields} | amounts | late


def whole(view: InvoiceView, today: date) -> dict[str, Any]:
    """An invoice as JSON values."""
    row, document, totals = view.row, view.document, view.totals
    lines = [
        InvoiceLineOut(
            **{name: getattr(line, name) for name in InvoiceLineOut.model_fields if name not in ("net", "entries")},
            net=money_out(net), entries=len(view.hours.get(line.name, ())),
        )
        for line, net in zip(document.lines, totals.lines, strict=True)
    ]  # fmt: skip
    sums = {name: money_out(getattr(totals, name)) for name in ("net", "gross", "payable", "tax")}
    return InvoiceOut(
        **_common(row, today) | sums,
        lines=lines,
        taxes=[_group(group) for group in totals.groups],
        paid=money_out(Money(row.paid_minor, row.currency)),
        document_digest=row.document_digest.hex() if row.document_digest else None,
        files={kind: InvoiceFile(**one) for kind, one in row.files.items()},
        unaccepted_reason=row.unaccepted_reason,
        dispute_reason=row.dispute_reason,
        takes_back=row.credits_number,
        taken_back_by=view.taken_back_by.number if view.taken_back_by else None,
        draft=row.draft if row.state is InvoiceState.DRAFT else None,
    ).shown()


def _group(group: TaxGroup) -> TaxGroupOut:
    return TaxGroupOut(
        category=group.category, rate=group.rate, net=money_out(group.net), tax=money_out(group.tax),
        reason=group.reason,
    )  # fmt: skip


def payment(row: Payment) -> PaymentOut:
    """A payment as the API shows it."""
    amount = money_out(Money(row.minor, row.currency))
    fields = {name: getattr(row, name) for name in ("number", "paid_on", "text", "external_ref")}
    return PaymentOut(**fields, invoice=row.invoice_number, amount=amount)


def word(row: InvoiceWord) -> WordOut:
    """A word about an invoice as the API shows it."""
    return WordOut(**{name: getattr(row, name) for name in WordOut.model_fields})
