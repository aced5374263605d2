"""What stands at its bound can be issued, and one step beyond it cannot: lengths, places, days, rates and sums."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.billing import rules
from portal.billing.document import Adjustment, Reference, TaxCategory, credit_of
from portal.billing.totals import share
from tests.support.invoices import ACME, ISSUED, MILESTONE, TO, sample, with_line

S, DAY = TaxCategory.STANDARD, timedelta(days=1)
CREDIT = credit_of(sample(), "GS-1", ISSUED, "Agreed")


def quantity(value):
    """With so much of the first line, at a price that keeps the sum small."""
    return with_line(quantity=Decimal(value), unit_price=Decimal("0.001"))


def price(value):
    """With this price of a thousandth of the first line."""
    return with_line(quantity=Decimal("0.001"), unit_price=Decimal(value))


def discount(**changes):
    given = {"is_charge": False, "amount": Decimal(1), "reason": "r", "category": S, "rate": Decimal(19)}
    return sample(adjustments=(Adjustment(**(given | changes)),))


def shared(percent, base):
    """With a charge on the whole of so many percent."""
    amount = share(Decimal(percent), Decimal(base), "EUR").amount
    return discount(is_charge=True, amount=Decimal(amount), percent=Decimal(percent), base=Decimal(base))


def in_books(rate):
    return sample(accounting_currency="USD", exchange_rate=Decimal(rate))


BOUNDS = {
    "a document's number": (lambda length: sample(number="9" * length), 40, 41, "number"),
    "a text": (lambda length: sample(payment_terms="x" * length), 5000, 5001, "payment_terms"),
    "the day of payment, at the earliest": (lambda days: sample(due_on=ISSUED + days * DAY), 0, -1, "due_on"),
    "the day of payment, at the latest": (lambda days: sample(due_on=ISSUED + days * DAY), 730, 731, "due_on"),
    "the end of a period": (lambda days: sample(starts_on=ISSUED, ends_on=ISSUED + days * DAY, lines=(MILESTONE,)),
                            0, -1, "ends_on"),
    "the beginning of a line's period": (lambda day: with_line(starts_on=date(2026, 11, 2) - day * DAY), 1, 2,
                                         "lines[0].starts_on"),
    "the end of a line's period": (lambda days: with_line(ends_on=ISSUED + days * DAY), 0, 1, "lines[0].ends_on"),
    "the day of the invoice that is taken back": (
        lambda days: replace(CREDIT, preceding=Reference("RE-1", ISSUED + days * DAY)), 0, 1, "preceding.issued_on"),
    "a party's name": (lambda length: sample(buyer=replace(ACME, name="x" * length)), 200, 201, "buyer.name"),
    "lines of an address": (lambda count: sample(buyer=replace(ACME, address=("x",) * count)), 3, 4, "buyer.address"),
    "what to write with a payment": (lambda length: sample(payment=replace(TO, reference="x" * length)), 140, 141,
                                     "payment.reference"),
    "a line's number": (lambda length: with_line(number="x" * length), 20, 21, "lines[0].number"),
    "a line's name": (lambda length: with_line(name="x" * length), 500, 501, "lines[0].name"),
    "a quantity": (quantity, "1000000", "1000000.0001", "lines[0].quantity"),
    "what is taken back of a quantity": (quantity, "-1000000", "-1000000.0001", "lines[0].quantity"),
    "a quantity's places": (quantity, "0.0001", "0.00001", "lines[0].quantity"),
    "a price": (price, "9999999999999.99", "10000000000000", "lines[0].unit_price"),
    "a price's places": (price, "0.000001", "0.0000001", "lines[0].unit_price"),
    "discounts and charges": (
        lambda count: sample(adjustments=(Adjustment(True, Decimal(1), "r", category=S, rate=Decimal(19)),) * count),
        20, 21, "adjustments"),
    "a share": (lambda percent: shared(percent, 1), 1000, 1001, "adjustments[0].percent"),
    "a share's places": (lambda percent: shared(percent, 10_000), "0.0001", "0.00001", "adjustments[0].percent"),
    "what a share is of": (lambda base: shared(0, base), "9999999999999.99", "10000000000000", "adjustments[0].base"),
    "an amount's places": (lambda amount: discount(amount=Decimal(amount)), "0.01", "0.001", "adjustments[0].amount"),
    "a rate of exchange": (in_books, "1000000", "1000000.00000001", "exchange_rate"),
    "a rate of exchange's places": (in_books, "0.00000001", "0.000000001", "exchange_rate"),
    "a tax rate, at the least": (lambda rate: with_line(rate=Decimal(rate)), "0.5", "0.49", "lines[0].rate"),
    "a tax rate, at the most": (lambda rate: with_line(rate=Decimal(rate)), "100", "100.01", "lines[0].rate"),
    "a tax rate's places": (lambda rate: with_line(rate=Decimal(rate)), "19.01", "19.001", "lines[0].rate"),
    "what was prepaid": (lambda amount: sample(prepaid=Decimal(amount)), "20345.45", "20345.46", "prepaid"),
    "what is taken back": (lambda amount: replace(sample(lines=(
        replace(MILESTONE, unit_price=Decimal(100)), replace(MILESTONE, number="2", quantity=Decimal(-1),
        unit_price=Decimal(amount))))), "100", "100.01", "lines"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOUNDS)
def test_what_stands_at_its_bound_is_sound_and_what_is_beyond_is_named(name):
    made, at_it, beyond, field = BOUNDS[name]
    assert rules.problems(made(at_it)) == []
    assert field in {one.field for one in rules.problems(made(beyond))}


@pytest.mark.parametrize(
    ("due_on", "terms", "prepaid", "asked"),
    [(None, "", "20345.44", True), (ISSUED, "", "0", False), (None, "30 days", "0", False),
     (None, "", "20345.45", False)],
)  # fmt: skip
def test_where_something_is_to_be_paid_a_day_or_the_terms_say_by_when(due_on, terms, prepaid, asked):
    document = sample(due_on=due_on, payment_terms=terms, prepaid=Decimal(prepaid))
    assert [one.rule for one in rules.problems(document)] == ["BR-CO-25"] * asked


@pytest.mark.parametrize(
    ("document", "right"),
    [(sample(), "it comes to less than nothing: money that goes back is a credit note"),
     (CREDIT, "a credit note's amounts are positive: this one would ask for money")],
)  # fmt: skip
def test_less_than_nothing_is_the_other_kind_of_document(document, right):
    (found,) = rules.problems(replace(document, lines=(replace(MILESTONE, quantity=Decimal(-1)),)))
    assert (found.field, found.message, found.value) == ("lines", right, "-14875.00")
