"""What a contract comes to with its amendments, and what of it a bill rests on (docs/changes.md). No database."""

from datetime import date
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.changes import tally, terms
from portal.errors import Invalid
from portal.money import Money
from tests.support.changes import CONTRACT, line

WHOLE = {"currency": "EUR"} | CONTRACT
MARCH, APRIL, MAY = (date(2027, month, 1) for month in (3, 4, 5))


def euros(minor: int) -> Money:
    """So many cents."""
    return Money(minor, "EUR")


def test_each_amendment_goes_on_from_the_total_before_it():
    assert tally.running(euros(1_000), [euros(200), euros(-50)]) == [euros(1_200), euros(1_150)]


def test_without_amendments_there_is_nothing_after_the_original():
    assert tally.running(euros(1_000), []) == []


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(-(10**9), 10**9), min_size=1))
def test_the_last_total_is_the_original_and_all_amendments(original, nets):
    totals = tally.running(euros(original), map(euros, nets))
    assert totals == [euros(original + so_far) for so_far in accumulate(nets)]


def test_a_milestones_day_is_that_of_the_last_amendment_that_moved_it():
    moved = tally.agreed({1: MARCH, 2: MARCH}, [{1: MAY}, {}, {1: APRIL, 3: MAY}])
    assert moved == {1: APRIL, 2: MARCH, 3: MAY}


def test_the_days_that_were_signed_stay_as_they_were():
    signed = {1: MARCH}
    tally.agreed(signed, [{1: MAY}])
    assert signed == {1: MARCH}


def bills(**more: object) -> dict[str, str | int]:
    """What a bill can rest on of a contract with these differences."""
    return terms.amounts(terms.terms(WHOLE | more))


@pytest.mark.parametrize(
    "words",
    [
        {"bought": "A bridge of stone."},
        {"payment_terms": "Within 14 days."},
        {"lines": [line(text="The bridge over the river", quantity="100")]},
        {"milestones": []},
        {"signed_on": date(2026, 1, 16)},
        {"deemed_after_days": 14},
    ],
)
def test_words_and_days_of_a_contract_are_nothing_that_a_bill_rests_on(words):
    assert bills(**words) == bills()


@pytest.mark.parametrize(
    "amount",
    [
        {"currency": "USD"},
        {"kind": "time_and_materials", "ceiling": "10000.00"},
        {"kind": "retainer", "period": "month"},
        {"lines": [line(quantity="101")]},
        {"lines": [line(quantity="50", unit_price="200")]},
        {"lines": [line(quantity="100", unit="DAY")]},
        {"lines": [line(quantity="100", tax_rate="7")]},
        {"lines": [line(quantity="100", tax_category="E", tax_rate="0")]},
        {"lines": [line(quantity="60"), line(quantity="40")]},
    ],
)
def test_each_amount_of_a_contract_is_what_a_bill_rests_on(amount):
    assert bills(**amount) != bills()


@pytest.mark.parametrize(("first", "second"), [("month", "quarter"), ("quarter", "year")])
def test_so_is_a_retainers_period(first, second):
    assert bills(kind="retainer", period=first) != bills(kind="retainer", period=second)


def test_so_is_the_ceiling_of_time_and_materials():
    kind = {"kind": "time_and_materials"}
    assert bills(**kind, ceiling="10000.00") != bills(**kind, ceiling="10000.01")


def test_a_contract_may_come_to_nothing_and_not_to_less():
    given_back = line(text="Given back", quantity="-100")
    assert terms.terms(WHOLE | {"lines": [line(quantity="100"), given_back]}).total == euros(0)
    for lines in ([], [line(quantity="99.9999"), given_back]):
        with pytest.raises(Invalid) as refused:
            terms.terms(WHOLE | {"lines": lines})
        assert refused.value.field == "lines"


@pytest.mark.parametrize(
    ("days", "fits"), [(None, True), (1, True), (365, True), (0, False), (366, False), (True, False)]
)
def test_silence_counts_after_a_day_to_a_year_or_never(days, fits):
    if fits:
        assert terms.terms(WHOLE | {"deemed_after_days": days}).deemed_after_days == days
        return
    with pytest.raises(Invalid) as refused:
        terms.terms(WHOLE | {"deemed_after_days": days})
    assert refused.value.field == "deemed_after_days"


@pytest.mark.parametrize("field", ["documents", "milestones"])
def test_a_hundred_things_are_named_each_once(field):
    def named(*numbers: int) -> dict[str, object]:
        return {field: list(numbers) if field == "documents" else [{"number": one, "on": MARCH} for one in numbers]}

    assert len(getattr(terms.terms(WHOLE | named(*range(1, 101))), field)) == 100
    for numbers in (range(1, 102), (1, 1)):
        with pytest.raises(Invalid) as refused:
            terms.terms(WHOLE | named(*numbers))
        assert refused.value.field == field
