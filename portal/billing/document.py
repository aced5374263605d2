"""An invoice or credit note as it is issued: frozen, whole, and nothing in it that has to be looked up elsewhere.

The names in brackets are the business terms of EN 16931-1. Amounts, quantities and rates are exact decimals; `stored`
writes a document as canonical JSON and reads it again.
"""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from portal.changes.models import TaxCategory

__all__ = [
    "Adjustment", "Contact", "Exemption", "Identifier", "InvoiceDocument", "Kind", "Line", "Look", "Party",
    "PaymentMeans", "Reference", "TaxCategory", "credit_of",
]  # fmt: skip


class Kind(StrEnum):
    """What is issued. A credit note's amounts are positive as an invoice's are; its meaning is the opposite."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


@dataclass(frozen=True, slots=True)
class Identifier:
    """A number by which somebody is known, in a scheme of `identifiers.SCHEMES` or an electronic address scheme."""

    scheme: str
    value: str


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to ask [BG-6, BG-9]."""

    name: str = ""
    phone: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """A seller [BG-4] or a buyer [BG-7].

    `country` is an ISO 3166-1 code, `vat_id` begins with a country's letters, `tax_number` is a number given by the tax
    office that is no VAT number [BT-32]. `bank` is one line with bank and account, which a Chinese fapiao asks for.
    """

    name: str
    country: str
    address: tuple[str, ...] = ()
    city: str = ""
    postcode: str = ""
    region: str = ""
    vat_id: str = ""
    tax_number: str = ""
    identifiers: tuple[Identifier, ...] = ()
    electronic: Identifier | None = None
    contact: Contact | None = None
    bank: str = ""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A discount [BG-20, BG-27] or a charge on top [BG-21, BG-28], its amount positive in either case.

    Where it is a share, `percent` of `base` must come to `amount`. One on the whole document names its own category and
    rate; one on a line takes the line's, and names none.
    """

    is_charge: bool
    amount: Decimal
    reason: str
    percent: Decimal | None = None
    base: Decimal | None = None
    category: TaxCategory | None = None
    rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """What is charged [BG-25]. A negative quantity takes something away; a price is never negative.

    `unit` is a code of `words.UNITS`; `why` says what the line rests on: an accepted milestone, a change request.
    """

    number: str
    name: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    category: TaxCategory
    rate: Decimal = Decimal(0)
    description: str = ""
    why: str = ""
    adjustments: tuple[Adjustment, ...] = ()
    starts_on: date | None = None
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class Exemption:
    """Why no tax is charged in a category: words [BT-120], a code of the VATEX list [BT-121], or both."""

    category: TaxCategory
    reason: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """An invoice that came before [BG-3]."""

    number: str
    issued_on: date


@dataclass(frozen=True, slots=True)
class PaymentMeans:
    """Where to pay [BG-16, BG-17]: an IBAN, or an account that has none.

    `reference` is what to write with the payment [BT-83]; without one it is the document's number.
    """

    iban: str = ""
    account: str = ""
    bic: str = ""
    holder: str = ""
    bank: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """The agency's colour `#rrggbb`, and its logo: bytes of a PNG, JPEG or SVG image."""

    colour: str = "#3451b2"
    logo: bytes | None = None


@dataclass(frozen=True, slots=True)
class InvoiceDocument:
    """An invoice or a credit note.

    `exchange_rate` says how much of the accounting currency one unit of `currency` is. `prepaid` is what was paid
    before [BT-113]. `language` is one of `words.LANGUAGES`: that of the page, not of the buyer's country.
    """

    kind: Kind
    number: str
    issued_on: date
    currency: str
    seller: Party
    buyer: Party
    lines: tuple[Line, ...]
    due_on: date | None = None
    delivered_on: date | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    deliver_to_country: str = ""
    accounting_currency: str = ""
    exchange_rate: Decimal | None = None
    buyer_reference: str = ""
    order_number: str = ""
    contract_reference: str = ""
    project_reference: str = ""
    preceding: Reference | None = None
    adjustments: tuple[Adjustment, ...] = ()
    prepaid: Decimal = Decimal(0)
    exemptions: tuple[Exemption, ...] = ()
    payment: PaymentMeans | None = None
    payment_terms: str = ""
    notes: tuple[str, ...] = ()
    language: str = "en"
    look: Look = Look()


def credit_of(invoice: InvoiceDocument, number: str, issued_on: date, reason: str) -> InvoiceDocument:
    """The credit note that cancels an invoice to the cent: the same lines, the invoice named, and the reason first.

    Nothing is due by a day, so neither the day nor the terms of payment are taken over.
    """
    return replace(
        invoice,
        kind=Kind.CREDIT_NOTE,
        number=number,
        issued_on=issued_on,
        due_on=None,
        payment_terms="",
        preceding=Reference(invoice.number, invoice.issued_on),
        notes=(reason, *invoice.notes),
    )
