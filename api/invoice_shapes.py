"""What is told of invoices: the list, one invoice whole, its payments, and what was said about it."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from api.money_shapes import MoneyOut, money_out
from api.shapes import Day, DecimalOut, Moment, Outgoing
from portal.billing import queries
from portal.billing.invoice_view import InvoiceView
from portal.billing.models import Invoice, InvoiceKind, InvoiceState, InvoiceWord, Payment
from portal.billing.totals import TaxGroup
from portal.changes.models import TaxCategory
from portal.money import Money


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
    """A file of an issued invoice, to be had from the project's files by its number. `signature` is the PAdES level of
    a PDF that was signed: `B-T` with an authority's time stamp, `B-B` without."""

    number: int
    sha256: str
    size: int
    signature: Literal["B-B", "B-T"] | None = None


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
