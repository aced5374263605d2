"""Rules about categories of value added tax. Each yields (field, message, value, rule)."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from portal import money
from portal.billing.document import Exemption, InvoiceDocument, TaxCategory
from portal.billing.identifiers import codes
from portal.billing.words import untaxed
from portal.changes.pricing import UNTAXED

NAMES = {
    TaxCategory.STANDARD: "standard rate", TaxCategory.ZERO: "zero rated", TaxCategory.EXEMPT: "exempt",
    TaxCategory.REVERSE_CHARGE: "reverse charge", TaxCategory.INTRA_COMMUNITY: "intra-community supply",
    TaxCategory.EXPORT: "export", TaxCategory.OUTSIDE_SCOPE: "outside the scope of tax",
    TaxCategory.CANARY_ISLANDS: "IGIC", TaxCategory.CEUTA_AND_MELILLA: "IPSI",
}  # fmt: skip
RULES = {
    TaxCategory.STANDARD: "BR-S", TaxCategory.ZERO: "BR-Z", TaxCategory.EXEMPT: "BR-E",
    TaxCategory.REVERSE_CHARGE: "BR-AE", TaxCategory.INTRA_COMMUNITY: "BR-IC", TaxCategory.EXPORT: "BR-G",
    TaxCategory.OUTSIDE_SCOPE: "BR-O", TaxCategory.CANARY_ISLANDS: "BR-AF", TaxCategory.CEUTA_AND_MELILLA: "BR-AG",
}  # fmt: skip
EXPLAINED = {
    TaxCategory.EXEMPT: "", TaxCategory.REVERSE_CHARGE: "VATEX-EU-AE", TaxCategory.INTRA_COMMUNITY: "VATEX-EU-IC",
    TaxCategory.EXPORT: "VATEX-EU-G", TaxCategory.OUTSIDE_SCOPE: "VATEX-EU-O",
}  # fmt: skip
"""Categories that must say why nothing is charged, and the code that says so where the category itself does."""
LEAST_RATE = Decimal("0.5")
"""The official schematrons take a rate that rounds to 0 for no rate at all; there is none so low."""
VATEX = codes(
    """VATEX-EU-79-C VATEX-EU-132 VATEX-EU-132-1A VATEX-EU-132-1B VATEX-EU-132-1C VATEX-EU-132-1D VATEX-EU-132-1E
    VATEX-EU-132-1F VATEX-EU-132-1G VATEX-EU-132-1H VATEX-EU-132-1I VATEX-EU-132-1J VATEX-EU-132-1K VATEX-EU-132-1L
    VATEX-EU-132-1M VATEX-EU-132-1N VATEX-EU-132-1O VATEX-EU-132-1P VATEX-EU-132-1Q VATEX-EU-143 VATEX-EU-143-1A
    VATEX-EU-143-1B VATEX-EU-143-1C VATEX-EU-143-1D VATEX-EU-143-1E VATEX-EU-143-1F VATEX-EU-143-1FA VATEX-EU-143-1G
    VATEX-EU-143-1H VATEX-EU-143-1I VATEX-EU-143-1J VATEX-EU-143-1K VATEX-EU-143-1L VATEX-EU-148 VATEX-EU-148-A
    VATEX-EU-148-B VATEX-EU-148-C VATEX-EU-148-D VATEX-EU-148-E VATEX-EU-148-F VATEX-EU-148-G VATEX-EU-151
    VATEX-EU-151-1A VATEX-EU-151-1AA VATEX-EU-151-1B VATEX-EU-151-1C VATEX-EU-151-1D VATEX-EU-151-1E VATEX-EU-309
    VATEX-EU-G VATEX-EU-O VATEX-EU-IC VATEX-EU-AE VATEX-EU-D VATEX-EU-F VATEX-EU-I VATEX-EU-J VATEX-FR-FRANCHISE
    VATEX-FR-CNWVAT"""
)


def categories(document: InvoiceDocument) -> Iterator[tuple[Any, ...]]:
    """Whether categories, rates, reasons and the parties' numbers fit each other."""
    yield from _rates(document)
    used = used_categories(document)
    yield from _exemptions(document, used)
    for category in sorted(used):
        yield from _seller_and_buyer(document, category)
    if TaxCategory.OUTSIDE_SCOPE in used:
        yield from _outside(document, used)
    if TaxCategory.INTRA_COMMUNITY in used:
        yield from _intra_community(document)


def used_categories(document: InvoiceDocument) -> set[TaxCategory]:
    """The categories of all lines and of all discounts and charges on the whole."""
    return {line.category for line in document.lines} | {one.category for one in document.adjustments if one.category}


def usual(document: InvoiceDocument) -> tuple[Exemption, ...]:
    """What is said, in the document's language, of each of its categories whose name already is the reason why no tax
    is charged. For an exemption by law its author alone can know the reason."""
    said = sorted(one for one in used_categories(document) if EXPLAINED.get(one))
    return tuple(Exemption(one, untaxed(one, document.language), EXPLAINED[one]) for one in said)


def _rates(document: InvoiceDocument) -> Iterator[tuple[Any, ...]]:
    for at, line in enumerate(document.lines):
        yield from _rate(line.category, line.rate, f"lines[{at}].rate", "05")
    for at, one in enumerate(document.adjustments):
        if one.category is None or one.rate is None:
            right = "a discount or charge on the whole names its tax category and rate"
            yield f"adjustments[{at}].category", right, one.category, "BR-37" if one.is_charge else "BR-32"
        else:
            yield from _rate(one.category, one.rate, f"adjustments[{at}].rate", "07" if one.is_charge else "06")


def _rate(category: TaxCategory, rate: Decimal, at: str, rule: str) -> Iterator[tuple[Any, ...]]:
    if not rate.is_finite():
        return
    if rate and (not LEAST_RATE <= rate <= money.MOST_RATE or rate != round(rate, 2)):
        right = f"a tax rate is 0, or a percentage from {LEAST_RATE} to 100 with at most 2 decimal places"
        yield at, right, f"{rate:f}"[:40], "BR-CO-17"
    elif rate and category in UNTAXED:
        right = f"in category {category} ({NAMES[category]}) no tax is charged: the rate is 0"
        yield at, right, f"{rate:f}", f"{RULES[category]}-{rule}"
    elif not rate and category in (TaxCategory.STANDARD, TaxCategory.CANARY_ISLANDS):
        right = f"category {category} ({NAMES[category]}) needs a rate above 0; without tax take Z, E, AE, K, G or O"
        yield at, right, "0", f"{RULES[category]}-{rule}"


def _exemptions(document: InvoiceDocument, used: set[TaxCategory]) -> Iterator[tuple[Any, ...]]:
    given = set()
    for at, one in enumerate(document.exemptions):
        place = f"exemptions[{at}]"
        if one.category in given:
            yield place, f"there are two reasons for category {one.category}", one.reason[:40]
        given.add(one.category)
        if one.category not in EXPLAINED:
            right = f"category {one.category} ({NAMES[one.category]}) is no exemption and has no reason"
            yield place, right, one.reason[:40], f"{RULES[one.category]}-10"
        elif one.category not in used:
            yield place, f"nothing in the document has category {one.category}", one.reason[:40]
        if one.code and one.code not in VATEX:
            yield f"{place}.code", "the code is not in the VATEX list", one.code[:40], "BR-CL-22"
        if not one.reason and not one.code:
            yield place, "an exemption says why", None, f"{RULES[one.category]}-10"
    for category in sorted(used & EXPLAINED.keys() - given):
        right = f"category {category} ({NAMES[category]}) needs the reason why no tax is charged"
        yield "exemptions", right, None, f"{RULES[category]}-10"


def _seller_and_buyer(document: InvoiceDocument, category: TaxCategory) -> Iterator[tuple[Any, ...]]:
    rule, seller, buyer = f"{RULES[category]}-02", document.seller, document.buyer
    if category is not TaxCategory.OUTSIDE_SCOPE:
        needs_vat_id = category in (TaxCategory.INTRA_COMMUNITY, TaxCategory.EXPORT)
        if not (seller.vat_id or (seller.tax_number and not needs_vat_id)):
            what = "VAT number" if needs_vat_id else "VAT number or tax number"
            yield "seller.vat_id", f"category {category} ({NAMES[category]}) needs the seller's {what}", None, rule
    if category is TaxCategory.REVERSE_CHARGE and not (buyer.vat_id or buyer.identifiers):
        yield "buyer.vat_id", "reverse charge needs the buyer's VAT number or register number", None, rule
    if category is TaxCategory.INTRA_COMMUNITY and not buyer.vat_id:
        yield "buyer.vat_id", "an intra-community supply needs the buyer's VAT number", None, rule


def _outside(document: InvoiceDocument, used: set[TaxCategory]) -> Iterator[tuple[Any, ...]]:
    for at, one in (("seller", document.seller), ("buyer", document.buyer)):
        if one.vat_id:
            right = "a document outside the scope of tax names no VAT numbers: put it under tax_number or leave it out"
            yield f"{at}.vat_id", right, one.vat_id, "BR-O-02"
    if len(used) > 1:
        right = "what is outside the scope of tax stands in a document of its own"
        yield "lines", right, ", ".join(sorted(used)), "BR-O-11"


def _intra_community(document: InvoiceDocument) -> Iterator[tuple[Any, ...]]:
    if not (document.delivered_on or document.starts_on or document.ends_on):
        yield "delivered_on", "an intra-community supply names the day of delivery or the period", None, "BR-IC-11"
    if not document.deliver_to_country:
        yield "deliver_to_country", "an intra-community supply names the country of delivery", None, "BR-IC-12"
