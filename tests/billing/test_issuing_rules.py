"""Each business rule, broken on purpose, is caught before issuing: by field, in plain words, with the rule's number."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.billing import rules
from portal.billing.document import (
    Adjustment,
    Contact,
    Exemption,
    Identifier,
    Kind,
    Look,
    PaymentMeans,
    Reference,
    TaxCategory,
    credit_of,
)
from portal.errors import Invalid
from tests.support.invoices import ACME, AGENCY, HOURS, ISSUED, KINDS, MILESTONE, TO, sample, untaxed, with_line

S, OUT, AE, K, E, G, Z, L = (
    TaxCategory.STANDARD, TaxCategory.OUTSIDE_SCOPE, TaxCategory.REVERSE_CHARGE, TaxCategory.INTRA_COMMUNITY,
    TaxCategory.EXEMPT, TaxCategory.EXPORT, TaxCategory.ZERO, TaxCategory.CANARY_ISLANDS,
)  # fmt: skip
DAY = timedelta(days=1)
CREDIT = credit_of(sample(), "GS-1", ISSUED, "Agreed")


def seller(**changes):
    return sample(seller=replace(AGENCY, **changes))


def buyer(**changes):
    return sample(buyer=replace(ACME, **changes))


def pay(**changes):
    return sample(payment=replace(TO, **changes))


def discount(**changes):
    given = {"is_charge": False, "amount": Decimal(1), "reason": "r", "category": S, "rate": Decimal(19)}
    return sample(adjustments=(Adjustment(**(given | changes)),))


def line_discount(**changes):
    return with_line(adjustments=(Adjustment(**({"is_charge": False, "amount": Decimal(1), "reason": "r"} | changes)),))


BROKEN = {
    "no number": (sample(number=""), "number", "BR-02"),
    "a number of blanks": (sample(number="RE 2026"), "number", "BR-02"),
    "a number that is a path": (sample(number="../../etc"), "number", "BR-02"),
    "a number too long": (sample(number="9" * 41), "number", "BR-02"),
    "a currency that does not exist": (sample(currency="EUX"), "currency", "BR-05"),
    "a currency in small letters": (sample(currency="eur"), "currency", "BR-05"),
    "gold": (sample(currency="XAU"), "currency", "BR-05"),
    "no lines": (sample(lines=()), "lines", "BR-16"),
    "too many lines": (sample(lines=tuple(replace(HOURS, number=str(at)) for at in range(1001))), "lines", ""),
    "a language that we do not write": (sample(language="fr"), "language", ""),
    "a colour that is none": (sample(look=Look("red")), "look.colour", ""),
    "a logo that is no picture": (sample(look=Look(logo=b"<html>")), "look.logo", ""),
    "a logo too large": (sample(look=Look(logo=b"x" * 300_001)), "look.logo", ""),
    "due before issued": (sample(due_on=ISSUED - DAY), "due_on", ""),
    "due in ten years": (sample(due_on=ISSUED + 3650 * DAY), "due_on", ""),
    "neither due nor terms": (sample(due_on=None, payment_terms=""), "due_on", "BR-CO-25"),
    "a period that ends before it starts": (
        sample(starts_on=ISSUED, ends_on=ISSUED - DAY, lines=(MILESTONE,)),
        "ends_on",
        "BR-29",
    ),
    "a line's period that ends before it starts": (
        with_line(starts_on=date(2026, 11, 3), ends_on=date(2026, 11, 2)),
        "lines[0].ends_on",
        "BR-30",
    ),
    "a line's period outside the document's": (
        with_line(starts_on=date(2026, 10, 31)),
        "lines[0].starts_on",
        "PEPPOL-R110",
    ),
    "no seller": (seller(name=""), "seller.name", "BR-06"),
    "no buyer": (buyer(name=""), "buyer.name", "BR-07"),
    "a name without end": (buyer(name="x" * 201), "buyer.name", "BR-07"),
    "a seller without address": (seller(address=(), city="", postcode=""), "seller.address", "BR-08"),
    "a buyer without address": (buyer(address=(), city="", postcode=""), "buyer.address", "BR-10"),
    "an address of four lines": (buyer(address=("1", "2", "3", "4")), "buyer.address", ""),
    "an empty line in an address": (buyer(address=("1", "")), "buyer.address", ""),
    "a seller in no country": (seller(country=""), "seller.country", "BR-09"),
    "a buyer in a country that does not exist": (buyer(country="XX"), "buyer.country", "BR-11"),
    "a delivery to a country that does not exist": (sample(deliver_to_country="QQ"), "deliver_to_country", "BR-57"),
    "a seller who cannot be told apart": (seller(vat_id="", identifiers=()), "seller.vat_id", "BR-CO-26"),
    "a VAT number with a wrong digit": (buyer(vat_id="DE115235682"), "buyer.vat_id", "BR-CO-09"),
    "a VAT number without its country": (buyer(vat_id="115235681"), "buyer.vat_id", "BR-CO-09"),
    "a VAT number with blanks": (seller(vat_id="DE 136695976"), "seller.vat_id", "BR-CO-09"),
    "a VAT number of no country": (seller(vat_id="QQ136695976"), "seller.vat_id", "BR-CO-09"),
    "an INN with a wrong digit": (
        buyer(identifiers=(Identifier("INN", "7707083894"),)),
        "buyer.identifiers[0]",
        "",
    ),
    "a KPP too short": (buyer(identifiers=(Identifier("KPP", "77360100"),)), "buyer.identifiers[0]", ""),
    "a USCC with a wrong check": (
        buyer(identifiers=(Identifier("USCC", "91110000600037342L"),)),
        "buyer.identifiers[0]",
        "",
    ),
    "a scheme that nobody knows": (buyer(identifiers=(Identifier("FOO", "1"),)), "buyer.identifiers[0]", ""),
    "two numbers of one scheme": (
        buyer(identifiers=(Identifier("INN", "7707083893"), Identifier("INN", "7707083893"))),
        "buyer.identifiers[1]",
        "",
    ),
    "an electronic address of no scheme": (
        seller(electronic=Identifier("MAIL", "a@b.example")),
        "seller.electronic",
        "BR-62",
    ),
    "an e-mail address that is none": (buyer(electronic=Identifier("EM", "acme")), "buyer.electronic", "BR-63"),
    "an IBAN with a wrong digit": (pay(iban="DE89370400440532013001"), "payment.iban", "BR-50"),
    "an IBAN with blanks": (pay(iban="DE89 3704 0044 0532 0130 00"), "payment.iban", "BR-50"),
    "an account without number": (sample(payment=PaymentMeans(holder="Us")), "payment.iban", "BR-50"),
    "an IBAN and an account": (pay(account="123"), "payment.iban", "BR-50"),
    "an account that is a formula": (sample(payment=PaymentMeans(account="=1+1")), "payment.account", "BR-50"),
    "a BIC that is none": (pay(bic="X"), "payment.bic", ""),
    "a reference too long": (pay(reference="x" * 141), "payment.reference", ""),
    "a line without number": (with_line(number=""), "lines[0].number", "BR-21"),
    "two lines of one number": (with_line(number="2"), "lines[1].number", "BR-21"),
    "a line without name": (with_line(name=""), "lines[0].name", "BR-25"),
    "a unit that is none": (with_line(unit="HOURS"), "lines[0].unit", "BR-23"),
    "a quantity of nothing": (with_line(quantity=Decimal(0)), "lines[0].quantity", "BR-22"),
    "a quantity beyond measure": (with_line(quantity=Decimal("1E+30")), "lines[0].quantity", ""),
    "a quantity that is no number": (with_line(quantity=Decimal("NaN")), "lines[0].quantity", ""),
    "a quantity without end": (with_line(quantity=Decimal("Infinity")), "lines[0].quantity", ""),
    "a quantity too fine": (with_line(quantity=Decimal("0.00001")), "lines[0].quantity", ""),
    "a quantity that was a float": (with_line(quantity=Decimal.from_float(0.1)), "lines[0].quantity", ""),
    "a negative price": (with_line(unit_price=Decimal(-1)), "lines[0].unit_price", "BR-27"),
    "a price too fine": (with_line(unit_price=Decimal("0.0000001")), "lines[0].unit_price", ""),
    "a price beyond measure": (with_line(unit_price=Decimal(10**13)), "lines[0].unit_price", ""),
    "a rate of a float": (with_line(rate=Decimal.from_float(19.1)), "lines[0].rate", "BR-CO-17"),
    "a rate above 100": (with_line(rate=Decimal(101)), "lines[0].rate", "BR-CO-17"),
    "a negative rate": (with_line(rate=Decimal(-1)), "lines[0].rate", "BR-CO-17"),
    "a rate so low that the schematrons see none": (with_line(rate=Decimal("0.01")), "lines[0].rate", "BR-CO-17"),
    "standard rate of nothing": (with_line(rate=Decimal(0)), "lines[0].rate", "BR-S-05"),
    "IGIC of nothing": (with_line(category=L, rate=Decimal(0)), "lines[0].rate", "BR-AF-05"),
    "a discount at standard rate of nothing": (discount(rate=Decimal(0)), "adjustments[0].rate", "BR-S-06"),
    "a charge at standard rate of nothing": (
        discount(is_charge=True, rate=Decimal(0)),
        "adjustments[0].rate",
        "BR-S-07",
    ),
    "zero rated with a rate": (with_line(category=Z), "lines[0].rate", "BR-Z-05"),
    "exempt with a rate": (with_line(category=E), "lines[0].rate", "BR-E-05"),
    "reverse charge with a rate": (with_line(category=AE), "lines[0].rate", "BR-AE-05"),
    "intra-community with a rate": (with_line(category=K), "lines[0].rate", "BR-IC-05"),
    "export with a rate": (with_line(category=G), "lines[0].rate", "BR-G-05"),
    "outside the scope with a rate": (with_line(category=OUT), "lines[0].rate", "BR-O-05"),
    "exempt without a reason": (untaxed(E, exemptions=()), "exemptions", "BR-E-10"),
    "reverse charge without a reason": (untaxed(AE, exemptions=()), "exemptions", "BR-AE-10"),
    "intra-community without a reason": (untaxed(K, exemptions=()), "exemptions", "BR-IC-10"),
    "export without a reason": (untaxed(G, exemptions=()), "exemptions", "BR-G-10"),
    "outside the scope without a reason": (untaxed(OUT, exemptions=()), "exemptions", "BR-O-10"),
    "an empty reason": (untaxed(E, exemptions=(Exemption(E),)), "exemptions[0]", "BR-E-10"),
    "a reason for the standard rate": (sample(exemptions=(Exemption(S, "why"),)), "exemptions[0]", "BR-S-10"),
    "a reason for zero rated": (untaxed(Z, exemptions=(Exemption(Z, "why"),)), "exemptions[0]", "BR-Z-10"),
    "a reason for what is not there": (sample(exemptions=(Exemption(E, "why"),)), "exemptions[0]", ""),
    "two reasons for one category": (
        untaxed(E, exemptions=(Exemption(E, "a"), Exemption(E, "b"))),
        "exemptions[1]",
        "",
    ),
    "a code that is not in the list": (
        untaxed(E, exemptions=(Exemption(E, "a", "VATEX-XX"),)),
        "exemptions[0].code",
        "BR-CL-22",
    ),
    "standard rate without the seller's number": (
        seller(vat_id="", tax_number=""),
        "seller.vat_id",
        "BR-S-02",
    ),
    "zero rated without the seller's number": (
        untaxed(Z, seller=replace(AGENCY, vat_id="", tax_number="")),
        "seller.vat_id",
        "BR-Z-02",
    ),
    "exempt without the seller's number": (
        untaxed(E, seller=replace(AGENCY, vat_id="", tax_number="")),
        "seller.vat_id",
        "BR-E-02",
    ),
    "export with a tax number alone": (untaxed(G, seller=replace(AGENCY, vat_id="")), "seller.vat_id", "BR-G-02"),
    "intra-community with a tax number alone": (
        untaxed(K, seller=replace(AGENCY, vat_id="")),
        "seller.vat_id",
        "BR-IC-02",
    ),
    "intra-community without the buyer's number": (
        untaxed(K, buyer=replace(ACME, vat_id="")),
        "buyer.vat_id",
        "BR-IC-02",
    ),
    "reverse charge without the buyer's number": (
        untaxed(AE, buyer=replace(ACME, vat_id="")),
        "buyer.vat_id",
        "BR-AE-02",
    ),
    "outside the scope with the seller's VAT number": (untaxed(OUT, seller=AGENCY), "seller.vat_id", "BR-O-02"),
    "outside the scope with the buyer's VAT number": (untaxed(OUT, buyer=ACME), "buyer.vat_id", "BR-O-02"),
    "outside the scope beside something else": (
        untaxed(OUT, lines=(replace(MILESTONE, category=OUT, rate=Decimal(0)), HOURS)),
        "lines",
        "BR-O-11",
    ),
    "intra-community without a day of delivery": (
        untaxed(K, delivered_on=None, starts_on=None, ends_on=None),
        "delivered_on",
        "BR-IC-11",
    ),
    "intra-community without a country of delivery": (
        untaxed(K, deliver_to_country=""),
        "deliver_to_country",
        "BR-IC-12",
    ),
    "a discount on the whole without a category": (discount(category=None), "adjustments[0].category", "BR-32"),
    "a discount on the whole without a rate": (discount(rate=None), "adjustments[0].category", "BR-32"),
    "a charge on the whole without a category": (
        discount(is_charge=True, category=None),
        "adjustments[0].category",
        "BR-37",
    ),
    "a discount without a reason": (discount(reason=""), "adjustments[0].reason", "BR-33"),
    "a line's discount without a reason": (line_discount(reason=""), "lines[0].adjustments[0].reason", "BR-33"),
    "a line's discount with a category of its own": (line_discount(category=S), "lines[0].adjustments[0].category", ""),
    "a line's discount with a rate of its own": (
        line_discount(rate=Decimal(7)),
        "lines[0].adjustments[0].category",
        "",
    ),
    "a negative discount": (discount(amount=Decimal(-1)), "adjustments[0].amount", ""),
    "a discount finer than the currency": (discount(amount=Decimal("0.001")), "adjustments[0].amount", ""),
    "a percent of nothing said": (line_discount(percent=Decimal(5)), "lines[0].adjustments[0].percent", "PEPPOL-R041"),
    "a percent that does not come to the amount": (
        line_discount(percent=Decimal(5), base=Decimal(100)),
        "lines[0].adjustments[0].amount",
        "PEPPOL-R040",
    ),
    "discounts without end": (
        sample(adjustments=(Adjustment(True, Decimal(1), "r", category=S, rate=Decimal(19)),) * 21),
        "adjustments",
        "",
    ),
    "a prepayment that is negative": (sample(prepaid=Decimal(-1)), "prepaid", ""),
    "a prepayment finer than the currency": (sample(prepaid=Decimal("0.001")), "prepaid", ""),
    "more prepaid than there is": (sample(prepaid=Decimal(99999)), "prepaid", "BR-CO-16"),
    "less than nothing": (with_line(quantity=Decimal(-10)), "lines", ""),
    "a sum beyond measure": (
        with_line(quantity=Decimal(999_999), unit_price=Decimal(999_999_999)),
        "lines[0].quantity",
        "",
    ),
    "books in a currency that does not exist": (
        sample(accounting_currency="EUX", exchange_rate=Decimal(1)),
        "accounting_currency",
        "BR-CL-05",
    ),
    "books in the document's own currency": (
        sample(accounting_currency="EUR", exchange_rate=Decimal(1)),
        "accounting_currency",
        "BR-53",
    ),
    "books without a rate": (sample(accounting_currency="USD"), "exchange_rate", "BR-53"),
    "a rate without books": (sample(exchange_rate=Decimal(1)), "exchange_rate", "BR-53"),
    "a rate of nothing": (sample(accounting_currency="USD", exchange_rate=Decimal(0)), "exchange_rate", "BR-53"),
    "a negative rate of exchange": (
        sample(accounting_currency="USD", exchange_rate=Decimal(-1)),
        "exchange_rate",
        "",
    ),
    "yen with sen": (sample(currency="JPY", prepaid=Decimal("0.5")), "prepaid", ""),
    "a credit note of nothing": (replace(CREDIT, preceding=None), "preceding", "BR-55"),
    "a credit note of an invoice without number": (
        replace(CREDIT, preceding=Reference("", ISSUED)),
        "preceding.number",
        "BR-55",
    ),
    "a credit note before its invoice": (
        replace(CREDIT, preceding=Reference("RE-1", ISSUED + DAY)),
        "preceding.issued_on",
        "",
    ),
    "a credit note of itself": (replace(CREDIT, preceding=Reference("GS-1", ISSUED)), "preceding.number", ""),
    "a credit note that asks for money": (
        replace(CREDIT, lines=(replace(MILESTONE, quantity=Decimal(-1)),)),
        "lines",
        "",
    ),
    "a note that says nothing": (sample(notes=("Thanks", "")), "notes[1]", "PEPPOL-R008"),
    "a credit note without a reason": (credit_of(sample(), "GS-1", ISSUED, ""), "notes[0]", "PEPPOL-R008"),
    "a control character": (sample(notes=("a\x00b",)), "notes[0]", ""),
    "half a surrogate pair": (buyer(name="a\ud800"), "buyer.name", ""),
    "a carriage return": (sample(notes=("a\rb",)), "notes[0]", ""),
    "what XML cannot hold": (with_line(description="a\ufffe"), "lines[0].description", ""),
    "blanks around": (with_line(why=" because"), "lines[0].why", ""),
    "a text without end": (sample(payment_terms="x" * 5001), "payment_terms", ""),
    "a contact that hides an escape": (buyer(contact=Contact("\x1b[31m")), "buyer.contact.name", ""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named_by_its_field_and_rule(name):
    document, field, rule = BROKEN[name]
    found = [one for one in rules.problems(document) if one.field == field]
    assert found, rules.problems(document)
    assert rule in {one.rule for one in found}
    for one in found:
        assert len(one.message) > 15
        assert one.message[-1] != "."


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_not_issued(name):
    document, field, rule = BROKEN[name]
    with pytest.raises(Invalid) as refused:
        rules.check(document)
    said = {where: words for where, words, _value in refused.value.problems}
    assert field in said
    assert all(words.endswith(".") and words[0] == words[0].upper() for words in said.values())
    if rule:
        assert any(f"({rule})" in words for _where, words, _value in refused.value.problems)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_that_can_be_issued_breaks_no_rule(name):
    assert rules.problems(KINDS[name]()) == []


def test_all_problems_are_told_at_once():
    document = replace(seller(name=""), number="", currency="EUX", due_on=ISSUED - DAY, lines=())
    fields = {one.field for one in rules.problems(document)}
    assert {"seller.name", "number", "currency", "due_on", "lines"} <= fields


def test_a_message_says_what_would_be_right():
    with pytest.raises(Invalid) as refused:
        rules.check(untaxed(OUT, seller=AGENCY))
    message = (
        "A document outside the scope of tax names no VAT numbers: put it under tax_number or leave it out (BR-O-02)."
    )
    assert refused.value.message == message
    assert refused.value.value == "DE136695976"


def test_a_credit_note_needs_no_day_of_payment():
    assert CREDIT.kind is Kind.CREDIT_NOTE
    assert rules.problems(CREDIT) == []


def test_a_price_of_nothing_may_be_shown():
    assert rules.problems(with_line(unit_price=Decimal(0))) == []


def test_hostile_values_are_shown_shortened():
    for document in (
        sample(number="x" * 10_000),
        with_line(quantity=Decimal(10) ** 9000),
        with_line(quantity=Decimal("1E-9000")),
        buyer(name="x" * 10_000),
    ):
        for one in rules.problems(document):
            assert len(str(one.value)) <= 200
