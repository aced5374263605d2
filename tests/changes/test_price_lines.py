"""Lines, taxes and alternatives: what is accepted, what it comes to, and how it is refused."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.changes import offering, pricing, terms
from portal.changes.models import TaxCategory
from portal.errors import Invalid
from portal.money import Money, places_of
from tests.support.changes import CONTRACT, LATER, NOW, line

RATES = st.sampled_from(["5", "7", "9.5", "19", "20", "8.875"])
LINES = st.lists(
    st.builds(
        lambda quantity, price, rate: line(quantity=f"{quantity:f}", unit_price=f"{price:f}", tax_rate=rate),
        st.decimals(-9999, 9999, places=4).filter(lambda quantity: quantity != 0),
        st.decimals(0, 99999, places=6),
        RATES,
    ),
    max_size=12,
)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "1.00001"}, "quantity"),
        ({"quantity": 1.5}, "quantity"),
        ({"quantity": "NaN"}, "quantity"),
        ({"quantity": "1000001"}, "quantity"),
        ({"unit_price": "-1"}, "unit_price"),
        ({"unit_price": "1e3"}, "unit_price"),
        ({"unit_price": "0.0000001"}, "unit_price"),
        ({"unit": "hour"}, "unit"),
        ({"unit": None}, "unit"),
        ({"tax_category": "X"}, "tax_category"),
        ({"tax_rate": "19,0"}, "tax_rate"),
        ({"tax_rate": "101"}, "tax_rate"),
        ({"tax_rate": "0"}, "tax_rate"),
        ({"tax_category": "Z"}, "tax_rate"),
        ({"tax_category": "AE"}, "tax_rate"),
        ({"tax_category": "O"}, "tax_rate"),
        ({"tax_category": "E"}, "tax_rate"),
        ({"tax_category": "K"}, "tax_rate"),
        ({"tax_category": "G"}, "tax_rate"),
        ({"text": " "}, "text"),
        ({"text": "a\nb"}, "text"),
        ({"discount": "1"}, "discount"),
    ],
)
def test_a_wrong_line_is_refused_with_its_place(wrong, field):
    with pytest.raises(Invalid) as refused:
        pricing.lines([line(), line(**wrong)], "EUR", "alternatives[0].lines")
    assert refused.value.field == f"alternatives[0].lines[1].{field}"


@pytest.mark.parametrize(
    ("given", "net"),
    [
        ({"quantity": "1000000", "unit_price": "1"}, "1000000.00"),
        ({"quantity": "-1000000", "unit_price": "1"}, "-1000000.00"),
        ({"quantity": "0.0001", "unit_price": "1000000000"}, "100000.00"),
        ({"quantity": "1", "unit_price": "0.000001"}, "0.00"),
        ({"quantity": "1", "unit_price": "0"}, "0.00"),
        ({"quantity": "1", "unit_price": "1", "tax_rate": "100"}, "1.00"),
        ({"quantity": "1", "unit_price": "1", "tax_rate": "0.0001"}, "1.00"),
        ({"quantity": "1", "unit_price": "1", "text": "x" * 500}, "1.00"),
    ],
)
def test_a_line_may_be_as_large_and_as_small_as_this(given, net):
    (found,) = pricing.lines([line(**given)], "EUR")
    assert found.net.amount == net


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"quantity": "1000000.0001"}, "quantity"),
        ({"quantity": "-1000000.0001"}, "quantity"),
        ({"quantity": "1", "unit_price": "1000000000.000001"}, "unit_price"),
        ({"tax_rate": "100.0001"}, "tax_rate"),
        ({"tax_rate": "0.00001"}, "tax_rate"),
        ({"text": "x" * 501}, "text"),
    ],
)
def test_a_line_beyond_that_is_refused(wrong, field):
    with pytest.raises(Invalid) as refused:
        pricing.lines([line(**wrong)], "EUR")
    assert refused.value.field == f"lines[0].{field}"


@pytest.mark.parametrize(("text", "kept"), [(None, None), ("0", "0"), ("0.5", "0.5"), ("10000", "10000")])
def test_an_alternative_takes_so_many_days_or_says_nothing_of_them(text, kept):
    found = pricing.days(text)
    assert (None if found is None else str(found)) == kept


@pytest.mark.parametrize("text", ["-1", "10000.01", "3 days", 3])
def test_days_that_are_none_are_refused(text):
    with pytest.raises(Invalid) as refused:
        pricing.days(text)
    assert refused.value.field == "days"


@pytest.mark.parametrize("field", sorted(pricing.LINE_FIELDS))
def test_a_line_says_all_of_itself(field):
    with pytest.raises(Invalid) as refused:
        pricing.lines([{name: value for name, value in line().items() if name != field}], "EUR")
    assert refused.value.field == f"lines[0].{field}"


def test_there_are_not_endless_lines_and_alternatives():
    with pytest.raises(Invalid):
        pricing.lines([line()] * 101, "EUR")
    assert len(pricing.lines([line()] * 100, "EUR")) == 100
    assert [one.key for one in offering.alternatives([LATER] * 5, "EUR")] == list("ABCDE")
    with pytest.raises(Invalid, match="At most 5"):
        offering.alternatives([LATER] * 6, "EUR")


@pytest.mark.parametrize(
    ("category", "rate"),
    [("S", "19"), ("Z", "0"), ("E", "0"), ("AE", "0"), ("K", "0"), ("G", "0"), ("O", "0"), ("L", "7"), ("L", "0"),
     ("M", "4"), ("M", "0")],
)  # fmt: skip
def test_every_tax_category_has_its_rates(category, rate):
    (one,) = pricing.lines([line(tax_category=category, tax_rate=rate)], "EUR")
    assert (one.tax_category, one.tax_rate) == (TaxCategory(category), Decimal(rate))


def test_tax_is_worked_out_on_the_sum_of_a_rate_not_line_by_line():
    cents = [line(quantity="1", unit_price="0.02", tax_rate="19")] * 5
    sums = pricing.sums(pricing.lines(cents, "EUR"), "EUR")
    assert [(one.net.amount, one.tax.amount) for one in sums.taxes] == [("0.10", "0.02")]
    assert (sums.net.amount, sums.gross.amount) == ("0.10", "0.12")


def test_rates_are_kept_apart():
    sums = pricing.sums(pricing.lines([line(), line(tax_rate="7"), line(tax_rate="7.0")], "EUR"), "EUR")
    assert [(str(one.rate), one.net.amount, one.tax.amount) for one in sums.taxes] == [
        ("7", "2000.00", "140.00"), ("19", "1000.00", "190.00"),
    ]  # fmt: skip


@given(LINES, st.sampled_from(["EUR", "JPY", "KWD"]))
def test_sums_reconcile_to_the_last_unit(given_lines, currency):
    lines = pricing.lines(given_lines, currency)
    sums = pricing.sums(lines, currency)
    assert sums.net.minor == sum(one.net.minor for one in lines) == sum(one.net.minor for one in sums.taxes)
    assert sums.gross.minor == sums.net.minor + sum(one.tax.minor for one in sums.taxes)
    exact = sum(Fraction(one.quantity) * Fraction(one.unit_price) for one in lines) * 10 ** places_of(currency)
    assert abs(exact - sums.net.minor) <= Fraction(len(lines), 2)


def test_nothing_comes_to_nothing():
    assert pricing.sums((), "EUR") == pricing.Sums(Money(0, "EUR"), (), Money(0, "EUR"))


def test_alternatives_are_called_by_letters_in_their_order():
    assert [one.key for one in offering.alternatives([NOW, LATER, LATER], "EUR")] == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"free": True}, "free"),
        ({"title": ""}, "title"),
        ({"days": "-1"}, "days"),
        ({"days": "1.234"}, "days"),
        ({"price": "100"}, "price"),
        ({"milestones": [{"number": 1, "on": None}] * 2}, "milestones"),
        ({"items_added": [{"points": "3"}]}, "items_added[0].title"),
        ({"items_added": [{"title": "x", "points": "lots"}]}, "items_added[0].points"),
        ({"items_added": [{"title": "x", "points": "1.23456"}]}, "items_added[0].points"),
        ({"items_added": [{"title": "x", "audience": "internal"}]}, "items_added[0].audience"),
        ({"items_added": [{"title": "x", "status": "Done"}]}, "items_added[0].status"),
        ({"items_added": [{"title": "x"}] * 51}, "items_added"),
        ({"items_changed": [{"number": 1}]}, "items_changed[0]"),
        ({"items_changed": [{"number": 1, "removed": True, "points": "1"}]}, "items_changed[0]"),
        ({"items_changed": [{"number": 1, "points": "1"}] * 2}, "items_changed"),
        ({"items_changed": [{"number": 1, "type": "epic"}]}, "items_changed[0].type"),
    ],
)
def test_a_wrong_alternative_is_refused_with_its_place(wrong, field):
    with pytest.raises(Invalid) as refused:
        offering.alternatives([LATER, LATER | wrong], "EUR")
    assert refused.value.field == f"alternatives[1].{field}"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "barter"}, "kind"),
        ({"currency": "XXX"}, "currency"),
        ({"lines": []}, "lines"),
        ({"lines": [line(quantity="-1")]}, "lines"),
        ({"ceiling": "20000.00"}, "ceiling"),
        ({"kind": "time_and_materials"}, "ceiling"),
        ({"kind": "time_and_materials", "ceiling": "9999.99"}, "ceiling"),
        ({"kind": "time_and_materials", "ceiling": "20000.001"}, "ceiling"),
        ({"kind": "retainer"}, "period"),
        ({"kind": "retainer", "period": "week"}, "period"),
        ({"period": "month"}, "period"),
        ({"documents": [1, 1]}, "documents"),
        ({"milestones": [{"number": 1, "on": None}] * 2}, "milestones"),
        ({"bought": "x" * 20_001}, "bought"),
        ({"total": "1.00"}, "total"),
    ],
)
def test_a_wrong_contract_is_refused_with_its_field(wrong, field):
    with pytest.raises(Invalid) as refused:
        terms.terms({"currency": "EUR"} | CONTRACT | wrong)
    assert refused.value.field == field


@pytest.mark.parametrize("field", ["kind", "bought", "lines", "signed_on", "currency"])
def test_a_contract_says_all_of_itself(field):
    with pytest.raises(Invalid) as refused:
        terms.terms({name: value for name, value in ({"currency": "EUR"} | CONTRACT).items() if name != field})
    assert refused.value.field == field


@pytest.mark.parametrize(
    "kind", [{}, {"kind": "time_and_materials", "ceiling": "12000.00"}, {"kind": "retainer", "period": "month"}]
)
def test_the_three_kinds_of_contract(kind):
    signed = terms.terms({"currency": "EUR"} | CONTRACT | kind)
    assert signed.total.amount == "10000.00"
    assert (signed.ceiling.amount if signed.ceiling else None) == kind.get("ceiling")
    assert signed.period == kind.get("period")
