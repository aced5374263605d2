"""A document's sums reconcile to the last minor unit, in every currency; a credit note cancels them exactly."""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import money
from portal.billing.document import Adjustment, Exemption, Line, TaxCategory, credit_of
from portal.billing.totals import exact, line_net, share, totals
from portal.errors import Invalid
from tests.support.invoices import HOURS, ISSUED, KINDS, MILESTONE, TRAVEL, generated, sample

S, Z = TaxCategory.STANDARD, TaxCategory.ZERO
E, AE = TaxCategory.EXEMPT, TaxCategory.REVERSE_CHARGE
CURRENCIES = st.sampled_from(("EUR", "JPY", "KWD", "CHF", "BHD", "ISK"))


def amounts(currency, most=10**6):
    return st.integers(0, most).map(lambda minor: Decimal(minor).scaleb(-money.places_of(currency)))


@st.composite
def documents(draw):
    currency = draw(CURRENCIES)
    adjustment = st.builds(
        Adjustment, st.booleans(), amounts(currency), st.just("r"), category=st.none(), rate=st.none()
    )
    line = st.builds(
        Line, st.just("1"), st.just("n"), st.decimals("-1000", "1000", places=4), st.just("HUR"),
        st.decimals("0", "10000", places=6), st.sampled_from((S, Z)), st.sampled_from((Decimal(7), Decimal(19))),
        adjustments=st.lists(adjustment, max_size=2).map(tuple),
    ).map(lambda one: one if one.category is S else replace(one, rate=Decimal(0)))  # fmt: skip
    whole = st.builds(
        Adjustment, st.booleans(), amounts(currency), st.just("r"), category=st.just(S), rate=st.just(Decimal(19))
    )
    return sample(
        currency=currency, lines=tuple(draw(st.lists(line, min_size=1, max_size=8))),
        adjustments=tuple(draw(st.lists(whole, max_size=3))), prepaid=draw(amounts(currency)),
    )  # fmt: skip


@given(documents())
@settings(max_examples=300)
def test_every_sum_is_the_sum_of_its_parts(document):
    made = totals(document)
    currency = document.currency
    assert made.line_total == money.total(made.lines, currency)  # BR-CO-10
    assert made.net == made.line_total - made.allowances + made.charges  # BR-CO-13
    assert made.net == money.total((group.net for group in made.groups), currency)
    assert made.tax == money.total((group.tax for group in made.groups), currency)  # BR-CO-14
    assert made.gross == made.net + made.tax  # BR-CO-15
    assert made.payable == made.gross - made.prepaid  # BR-CO-16
    assert made.prepaid == exact(document.prepaid, currency)


@given(documents())
@settings(max_examples=300)
def test_no_tax_is_off_by_more_than_half_a_minor_unit(document):
    for group in totals(document).groups:
        exactly = Decimal(group.net.minor) * group.rate / 100
        assert abs(Decimal(group.tax.minor) - exactly) <= Decimal("0.5")  # BR-CO-17
        assert group.tax.minor == int(exactly.to_integral_value(ROUND_HALF_UP))


@given(documents())
@settings(max_examples=200)
def test_an_invoice_and_its_credit_note_come_to_the_same(document):
    """A credit note's amounts are positive as the invoice's are: what is taken back is each of them, to the cent."""
    assert totals(credit_of(document, "GS-1", ISSUED, "Agreed")) == totals(document)


@given(documents())
@settings(max_examples=100)
def test_the_order_of_lines_changes_no_sum(document):
    turned = replace(document, lines=document.lines[::-1])
    assert totals(turned).groups == totals(document).groups
    assert totals(turned).payable == totals(document).payable


@given(documents())
@settings(max_examples=100)
def test_taking_all_lines_back_gives_the_opposite_lines(document):
    back = replace(
        document,
        lines=tuple(replace(line, quantity=-line.quantity, adjustments=()) for line in document.lines),
    )
    there = replace(document, lines=tuple(replace(line, adjustments=()) for line in document.lines))
    assert [-one for one in totals(there).lines] == list(totals(back).lines)


@pytest.mark.parametrize(
    ("quantity", "price", "currency", "net"),
    [
        ("1", "0.005", "EUR", "0.01"),
        ("-1", "0.005", "EUR", "-0.01"),
        ("3", "33.333333", "EUR", "100.00"),
        ("0.3333", "1", "JPY", "0"),
        ("1", "0.5", "JPY", "1"),
        ("1", "1.0005", "KWD", "1.001"),
        ("412.5", "0.333333", "EUR", "137.50"),
    ],
)
def test_a_line_is_rounded_once_half_up_and_away_from_zero(quantity, price, currency, net):
    line = replace(MILESTONE, quantity=Decimal(quantity), unit_price=Decimal(price))
    assert line_net(line, currency).amount == net


def test_tax_is_worked_out_on_the_sum_of_a_rate_and_not_line_by_line():
    lines = tuple(replace(MILESTONE, number=str(at), unit_price=Decimal("0.03")) for at in range(3))
    (group,) = totals(sample(lines=lines)).groups
    assert group.tax.amount == "0.02"  # three times 0.0057 line by line would be 0.03


def test_discounts_and_charges_on_the_whole_are_taxed_in_the_category_that_they_name():
    made = totals(KINDS["discounts and charges"]())
    assert [(group.rate, group.net.amount, group.tax.amount) for group in made.groups] == [
        (Decimal(19), "16248.38", "3087.19"),
        (Decimal(7), "149.84", "10.49"),
    ]
    assert (made.allowances.amount, made.charges.amount) == ("100.00", "12.34")


def test_the_same_rate_written_otherwise_is_the_same_row():
    lines = (replace(MILESTONE, rate=Decimal("19.00")), replace(HOURS, rate=Decimal(19)))
    assert len(totals(sample(lines=lines)).groups) == 1


def test_nothing_is_charged_where_no_tax_is_charged():
    for name in ("category AE", "category E", "category K", "category G", "category O", "category Z"):
        made = totals(KINDS[name]())
        assert made.tax.minor == 0, name
        assert made.gross == made.net, name


def test_each_category_says_its_own_reason_why_no_tax_is_charged():
    lines = (replace(MILESTONE, category=E, rate=Decimal(0)), replace(HOURS, category=AE, rate=Decimal(0)), TRAVEL)
    made = totals(sample(lines=lines, exemptions=(Exemption(AE, code="VATEX-EU-AE"), Exemption(E, "Section 4 No. 21"))))
    assert {group.category: (group.reason, group.code) for group in made.groups} == {
        E: ("Section 4 No. 21", ""), AE: ("", "VATEX-EU-AE"), S: ("", ""),
    }  # fmt: skip


def test_what_was_paid_before_is_deducted_at_the_end():
    made = totals(sample(prepaid=Decimal("5000.45")))
    assert (made.gross.amount, made.payable.amount) == ("20345.45", "15345.00")


@pytest.mark.parametrize(
    ("books", "rate", "tax"), [("EUR", "0.91837", "2970.53"), ("JPY", "155.5", "502976"), ("KWD", "0.3", "970.371")]
)
def test_the_tax_total_in_the_books_currency_is_rounded_once_to_its_own_unit(books, rate, tax):
    document = sample(currency="USD", accounting_currency=books, exchange_rate=Decimal(rate))
    assert totals(document).tax.amount == "3234.57"
    assert totals(document).tax_accounted.amount == tax


@pytest.mark.parametrize(("books", "rate"), [("", None), ("USD", None), ("", Decimal("0.9"))])
def test_without_books_in_another_currency_and_a_rate_to_it_no_tax_is_said_in_it(books, rate):
    assert totals(sample(accounting_currency=books, exchange_rate=rate)).tax_accounted is None


def test_a_share_is_rounded_half_up():
    assert share(Decimal("12.5"), Decimal("0.20"), "EUR").amount == "0.03"
    assert share(Decimal("33.33"), Decimal("100"), "JPY").amount == "33"


def test_sums_too_large_to_be_kept_are_refused():
    huge = tuple(
        replace(MILESTONE, number=str(at), quantity=Decimal(9999), unit_price=Decimal(999_999_999)) for at in range(2)
    )
    with pytest.raises(Invalid, match="more than can be kept"):
        totals(sample(lines=huge))


def test_what_is_left_to_pay_can_be_too_large_where_nothing_else_is():
    """All that can be kept was paid before, and the document takes something back."""
    most = Decimal(money.MOST_MINOR).scaleb(-2)
    with pytest.raises(Invalid, match="prepaid comes to more than can be kept"):
        totals(sample(lines=(replace(MILESTONE, quantity=Decimal(-1)),), prepaid=most))
    assert totals(sample(prepaid=most)).payable == totals(sample()).gross - exact(most, "EUR")


def test_an_amount_with_more_places_than_its_currency_is_a_fault_of_the_program():
    with pytest.raises(ValueError, match="more places"):
        exact(Decimal("0.5"), "JPY")


@pytest.mark.parametrize("seed", range(30))
def test_random_documents_reconcile_when_read_back_from_their_own_figures(seed):
    made = totals(generated(seed))
    rebuilt = sum((Decimal(one.amount) for one in made.lines), Decimal(0))
    rebuilt += Decimal(made.charges.amount) - Decimal(made.allowances.amount)
    rebuilt += sum((Decimal(group.tax.amount) for group in made.groups), Decimal(0))
    assert rebuilt - Decimal(made.prepaid.amount) == Decimal(made.payable.amount)
