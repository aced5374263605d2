"""Money is exact: what is written comes back, sums are whole numbers, and rounding is where it is stated."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import money
from portal.errors import Invalid
from portal.money import Money
from web import formats

CURRENCIES = st.sampled_from(["EUR", "USD", "JPY", "KRW", "KWD", "TND", "IQD", "CNY", "RUB"])
MINOR = st.integers(-money.MOST_MINOR, money.MOST_MINOR)
QUANTITY = st.decimals(-1_000_000, 1_000_000, places=4, allow_nan=False)
PRICE = st.decimals(0, 10**6, places=6, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1234.50", "EUR", 123450),
        ("1234.5", "EUR", 123450),
        ("1234", "EUR", 123400),
        ("0", "EUR", 0),
        ("-0", "EUR", 0),
        ("-0.01", "EUR", -1),
        ("1500", "JPY", 1500),
        ("1.125", "KWD", 1125),
        ("0.001", "IQD", 1),
        ("9999999999999.99", "EUR", money.MOST_MINOR),
    ],
)
def test_an_amount_is_read_exactly(text, currency, minor):
    found = money.parse(text, currency)
    assert (found, type(found.minor)) == (Money(minor, currency), int)


@pytest.mark.parametrize(
    "text",
    ["1.234", "1e3", "1E3", "NaN", "Infinity", "-Infinity", "1,50", "1 000", "+1", "01", ".5", "5.", "", " 1", "1 ",
     "1\n", "١", "１", "0x10", "--1", "1_000", "10000000000000.00", "9" * 60, 1.5, 1, None, True, Decimal(1)],
)  # fmt: skip
def test_whatever_is_no_amount_is_refused_with_its_field(text):
    with pytest.raises(Invalid) as refused:
        money.parse(text, "EUR", "lines[2].price")
    assert (refused.value.field, refused.value.value) == ("lines[2].price", str(text)[:40])


@pytest.mark.parametrize(
    ("text", "currency", "most"),
    [("1.0", "JPY", "no"), ("1.001", "EUR", "at most 2"), ("1.0001", "KWD", "at most 3"), ("1.00", "KRW", "no")],
)
def test_no_more_places_than_the_currency_has(text, currency, most):
    with pytest.raises(Invalid, match=f"amount may have {most} decimal places"):
        money.parse(text, currency)


@pytest.mark.parametrize("code", ["eur", "EURO", "XXX", "XAU", "DEM", "BGN", "", None, 978, ["EUR"]])
def test_only_currencies_that_somebody_is_paid_in(code):
    with pytest.raises(Invalid) as refused:
        money.check_currency(code)
    assert refused.value.field == "currency"


@pytest.mark.parametrize("code", ["EUR", "JPY", "KWD"])
def test_a_currency_in_use_is_taken(code):
    assert money.check_currency(code) == code


def test_the_three_kinds_of_currency_do_not_overlap():
    kinds = (money.WITHOUT_MINOR_UNIT, money.WITH_TWO_PLACES, money.WITH_THREE_PLACES)
    assert sum(map(len, kinds)) == len(money.CURRENCIES)
    assert all(len(code) == 3 and code.isupper() for code in money.CURRENCIES)


@given(MINOR, CURRENCIES)
def test_what_is_written_is_read_back(minor, currency):
    one = Money(minor, currency)
    assert money.parse(one.amount, currency) == one
    assert one.shown() == {"amount": one.amount, "currency": currency}


@given(MINOR, CURRENCIES)
def test_an_amount_is_written_in_plain_digits_with_all_places(minor, currency):
    whole, point, part = Money(minor, currency).amount.partition(".")
    assert len(part) == money.places_of(currency)
    assert bool(point) == bool(part)
    assert whole.lstrip("-").isdigit()


@pytest.mark.parametrize(
    ("quantity", "price", "currency", "net"),
    [
        ("3", "33.333333", "EUR", "100.00"),
        ("1", "0.005", "EUR", "0.01"),
        ("1", "0.004999", "EUR", "0.00"),
        ("-1", "0.005", "EUR", "-0.01"),
        ("2.5", "0.01", "EUR", "0.03"),
        ("0.5", "1", "JPY", "1"),
        ("1.5", "1", "JPY", "2"),
        ("0.4999", "1", "JPY", "0"),
        ("1", "0.0005", "KWD", "0.001"),
        ("1000000", "999999.999999", "EUR", "999999999999.00"),
    ],
)
def test_a_line_is_rounded_once_half_up(quantity, price, currency, net):
    assert money.line_net(Decimal(quantity), Decimal(price), currency).amount == net


@given(QUANTITY, PRICE, CURRENCIES)
def test_a_line_is_never_more_than_half_a_unit_off_and_its_reversal_cancels_it(quantity, price, currency):
    net = money.line_net(quantity, price, currency)
    exact = Fraction(quantity) * Fraction(price) * 10 ** money.places_of(currency)
    assert abs(exact - net.minor) <= Fraction(1, 2)
    assert net + money.line_net(-quantity, price, currency) == Money(0, currency)


@given(MINOR.map(lambda minor: minor // 10**4), st.decimals(0, 100, places=4), CURRENCIES)
def test_tax_is_never_more_than_half_a_unit_off(minor, rate, currency):
    tax = money.tax_on(Money(minor, currency), rate)
    assert abs(Fraction(minor) * Fraction(rate) / 100 - tax.minor) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("net", "rate", "tax"), [("100.00", "19", "19.00"), ("0.50", "5", "0.03"), ("10.10", "8.875", "0.90")]
)
def test_tax_is_rounded_half_up(net, rate, tax):
    assert money.tax_on(money.parse(net, "EUR"), Decimal(rate)).amount == tax


@given(st.lists(st.integers(-(10**9), 10**9)), CURRENCIES)
def test_a_total_is_the_sum_in_any_order(minors, currency):
    amounts = [Money(minor, currency) for minor in minors]
    assert money.total(amounts, currency) == money.total(reversed(amounts), currency) == Money(sum(minors), currency)


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9), CURRENCIES)
def test_a_difference_undoes_a_sum_and_what_is_taken_back_cancels_out(one, other, currency):
    a, b, nothing = Money(one, currency), Money(other, currency), Money(0, currency)
    assert a + b - b == a
    assert a - b == a + -b
    assert a - a == a + -a == nothing


def test_two_currencies_are_never_added_up():
    for sum_of in (lambda a, b: a + b, lambda a, b: a - b, lambda a, b: money.total([a, b], "EUR")):
        with pytest.raises(ValueError, match="cannot be added up"):
            sum_of(Money(1, "EUR"), Money(1, "USD"))


@pytest.mark.parametrize(("minor", "fits"), [(10**15 - 1, True), (10**15, False)])
@pytest.mark.parametrize("sign", [1, -1])
def test_fifteen_digits_of_the_smallest_unit_can_be_kept(minor, fits, sign):
    amount = Money(sign * minor, "EUR")
    if fits:
        assert money.check_most(amount, "lines") == amount == money.parse(amount.amount, "EUR")
        return
    with pytest.raises(Invalid, match="more than can be kept"):
        money.check_most(amount, "lines")
    with pytest.raises(Invalid, match="between"):
        money.parse(amount.amount, "EUR")


def test_what_is_too_large_to_be_kept_is_refused():
    with pytest.raises(Invalid, match="more than can be kept"):
        money.line_net(money.MOST_QUANTITY, money.MOST_PRICE, "KWD")


@pytest.mark.parametrize("text", ["-0", "-0.00"])
def test_nought_has_no_sign(text):
    assert str(money.decimal(text, "rate", places=2, most=Decimal(10))) == text[1:]


@pytest.mark.parametrize(("text", "places", "ok"), [("0.1234", 4, True), ("0.12345", 4, False), ("-1", 4, False)])
def test_a_quantity_says_how_many_places_it_may_have(text, places, ok):
    if ok:
        assert money.decimal(text, "quantity", places=places, most=Decimal(10)) == Decimal(text)
        return
    with pytest.raises(Invalid) as refused:
        money.decimal(text, "quantity", places=places, most=Decimal(10))
    assert refused.value.field == "quantity"


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "shown"),
    [
        (123450, "EUR", "en", "€1,234.50"),
        (-123450, "EUR", "ru", "-1\xa0234,50\xa0€"),
        (1500, "JPY", "zh_CN", "JP¥1,500"),
        (1125, "IQD", "en", "IQD1.125"),
    ],
)
def test_a_page_writes_all_places_that_the_currency_has(minor, currency, locale, shown):
    assert formats.money(minor, currency, locale) == shown
