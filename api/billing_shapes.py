"""What is sent about invoices: parties, lines and payments, with amounts as text and days as ISO 8601."""

from datetime import date
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from api.money_shapes import DecimalText, given_deep
from api.shapes import Day, Incoming, Line, Number, absent
from portal.billing.words import UNITS
from portal.changes.models import TaxCategory

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


class PaymentNew(Incoming):
    """Money that came in; negative when it was paid back. `external_ref` makes it the same when it is sent twice."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"amount": "1190.00", "paid_on": "2026-11-20", "external_ref": "bank:77"}]}
    )

    amount: DecimalText
    paid_on: Day
    text: Short = absent()
    external_ref: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^\S+$")] = absent()


class AnswerNew(Incoming):
    """What the agency answers; `settles` ends a dispute."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "The hours of 3 November are in it."}]})

    text: Annotated[str, Field(min_length=1, max_length=4000)]
    settles: bool = absent()


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
