"""The payment plan: parts that come to what was agreed, to the cent, and what makes them due."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.billing import parts, plan
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.money import Money
from tests.support.billing import bill, drafted, planned
from tests.support.changes import line, set_stage, sign

HUNDREDTHS = st.lists(st.integers(1, 10_000), min_size=1, max_size=30)


def percents_of(weights):
    """Shares of 100 percent in about these weights."""
    total = sum(weights)
    percents = [Decimal(one * 100 * 10_000 // total).scaleb(-4) for one in weights]
    percents[0] += Decimal(100) - sum(percents)
    return percents


@given(st.integers(-(10**13), 10**13), HUNDREDTHS)
def test_shares_come_to_the_whole_and_each_is_within_a_unit_of_its_percent(minor, weights):
    percents = percents_of(weights)
    shares = parts.split(Money(minor, "EUR"), percents)
    assert sum(one.minor for one in shares) == minor
    assert all(abs(one.minor - minor * p / 100) < 1 for one, p in zip(shares, percents, strict=True))


@given(st.lists(st.integers(-(10**13), 10**13), min_size=1, max_size=9), HUNDREDTHS)
def test_shares_of_several_taxes_come_to_each_of_them(minors, weights):
    percents = percents_of(weights)
    shares = parts.split_each([Money(one, "EUR") for one in minors], percents)
    assert len(shares) == len(percents)
    assert [sum(one.minor for one in column) for column in zip(*shares, strict=True)] == minors


@pytest.mark.parametrize(
    "percents", [["50", "49.9999"], ["100.0001"], ["50", "50.0001"], ["0", "100"], ["-1", "101"], []]
)
def test_shares_that_are_not_the_whole_are_refused(percents):
    with pytest.raises(Invalid):
        parts.split(Money(100, "EUR"), [Decimal(one) for one in percents])


async def set_plan(database, cast, *items, name="maria", amendment=0):
    async with database.write() as db:
        return await plan.set_plan(db, await cast.scope(db, name), amendment, items)


def by_day(**more):
    from portal import clock

    return {"kind": "date", "due_on": clock.now().date(), "text": "Part"} | more


async def test_a_third_three_times_is_the_contract(database, cast):
    await set_stage(database, cast)
    rows = await set_plan(database, cast, *(by_day(percent=one) for one in ("33.3333", "33.3333", "33.3334")))
    assert sum(one.net_minor for one in rows) == 1_000_000
    assert [one.net_minor for one in rows] == [333_333, 333_333, 333_334]


@pytest.fixture
async def two_taxes(database, cast):
    """BRIDGE for 100.01 at 19 percent and 50.00 at 7."""
    lines = [line(quantity="1", unit_price="100.01"), line(quantity="1", unit_price="50", tax_rate="7")]
    await sign(database, cast, lines=lines, milestones=[])


async def test_halves_of_a_price_of_two_taxes_are_four_parts_that_come_to_it(two_taxes, database, cast):
    rows = await set_plan(database, cast, by_day(percent="50"), by_day(percent="50"))
    assert [(one.number, one.tax_rate, one.net_minor) for one in rows] == [
        (1, 19, 5_001), (2, 7, 2_500), (3, 19, 5_000), (4, 7, 2_500),
    ]  # fmt: skip


async def test_amounts_do_not_say_which_tax_they_are_of(two_taxes, database, cast):
    with pytest.raises(Invalid) as refused:
        await set_plan(database, cast, by_day(amount="150.01"))
    assert (refused.value.field, "percent" in refused.value.message) == ("items", True)


async def test_amounts_come_to_what_was_agreed(database, cast):
    await set_stage(database, cast)
    with pytest.raises(Invalid) as refused:
        await set_plan(database, cast, by_day(amount="4000.00"), by_day(amount="5999.99"))
    assert "9999.99" in refused.value.message
    assert len(await set_plan(database, cast, by_day(amount="4000.00"), by_day(amount="6000.00"))) == 2


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"kind": "milestone", "text": "x", "percent": "100"}, "items[0].milestone"),
        ({"kind": "date", "text": "x", "percent": "100"}, "items[0].due_on"),
        ({"kind": "whenever", "text": "x", "percent": "100"}, "items[0].kind"),
        ({"kind": "period", "text": "x", "percent": "100"}, "items[0].kind"),
        ({"kind": "change_request", "text": " ", "percent": "100"}, "items[0].text"),
        ({"kind": "change_request", "text": "x", "percent": "1e2"}, "items[0].percent"),
        ({"kind": "change_request", "text": "x", "percent": "100", "amount": "1"}, "items"),
        ({"kind": "change_request", "text": "x", "percent": "100", "colour": "red"}, "items[0].colour"),
    ],
)
async def test_a_wrong_part_names_its_field(database, cast, item, field):
    await set_stage(database, cast)
    with pytest.raises(Invalid) as refused:
        await set_plan(database, cast, item)
    assert refused.value.field == field


async def test_a_milestone_that_is_not_there_makes_nothing_due(database, cast):
    await set_stage(database, cast)
    with pytest.raises(NotFound):
        await set_plan(database, cast, {"kind": "milestone", "milestone": 9, "text": "x", "percent": "100"})


async def test_what_is_billed_is_not_planned_anew(database, cast):
    await planned(database, cast)
    await drafted(database, cast, 2)
    with pytest.raises(Conflict):
        await set_plan(database, cast, by_day(percent="100"))


async def test_without_a_contract_there_is_nothing_to_plan(database, cast):
    await bill(database, cast)
    with pytest.raises(NotFound):
        await set_plan(database, cast, by_day(percent="100"))


@pytest.mark.parametrize("name", ["dan", "ada"])
async def test_only_managers_and_finance_plan(database, cast, name):
    await set_stage(database, cast)
    with pytest.raises(NotAllowed):
        await set_plan(database, cast, by_day(percent="100"), name=name)


@pytest.mark.parametrize("name", ["eve", "dan"])
async def test_who_sees_no_money_sees_no_plan(database, cast, name):
    await planned(database, cast)
    async with database.read() as db:
        with pytest.raises(NotFound):
            await plan.plan_items(db, await cast.scope(db, name))
