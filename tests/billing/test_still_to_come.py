"""What is still to be invoiced: all that is agreed and on no invoice, by its day, and what of it is a forecast."""

from datetime import date
from decimal import Decimal

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from portal.billing import drafts, periods, plan
from portal.billing.coming import Agreed, Basis, Coming, coming, forecast
from portal.changes.models import ContractKind, Period
from portal.errors import NotFound
from portal.money import Money
from portal.projects import commands as projects
from tests.support.billing import bill, drafted, planned, quick
from tests.support.changes import LATER, an_offer, answer, line, sign
from tests.support.statements import counting

TODAY = date(2026, 11, 27)
WORK = {"number": "1", "name": "Work", "quantity": "1", "unit": "LS", "category": "S", "rate": "19"}


def euros(minor):
    return Money(minor, "EUR")


def agreed(**more):
    given = {"kind": ContractKind.FIXED_PRICE, "whole": euros(100_000), "invoiced": euros(0),
             "nets": {Decimal(19): euros(100_000)}, "period": None, "signed_on": date(2026, 1, 15), "last": None,
             "work_ends_on": None}  # fmt: skip
    return Agreed(**given | more)


def part(minor):
    return Coming("Part", TODAY, None, euros(minor), euros(minor))


class TestTheRest:
    def test_what_the_plan_does_not_hold_is_told_without_a_day(self):
        (rest,) = forecast(agreed(invoiced=euros(20_000)), [part(30_000)], TODAY)
        assert (rest.basis, rest.on, rest.net.minor, rest.gross.minor) == (Basis.UNPLANNED, None, 50_000, 59_500)
        assert not rest.is_forecast

    @pytest.mark.parametrize(("invoiced", "planned"), [(100_000, 0), (70_000, 30_000), (120_000, 0), (0, 100_000)])
    def test_nothing_is_told_of_what_is_billed_or_planned_whole(self, invoiced, planned):
        assert list(forecast(agreed(invoiced=euros(invoiced)), [part(planned)], TODAY)) == []

    def test_of_time_and_materials_it_is_what_is_left_to_the_ceiling_by_the_end_of_the_work(self):
        end = date(2027, 3, 1)
        given = agreed(kind=ContractKind.TIME_AND_MATERIALS, invoiced=euros(99_999), work_ends_on=end)
        (rest,) = forecast(given, [], TODAY)
        assert (rest.basis, rest.on, rest.net.minor, rest.is_forecast) == (Basis.CEILING, end, 1, True)

    def test_its_tax_is_that_of_the_contracts_lines(self):
        nets = {Decimal(19): euros(75_000), Decimal(7): euros(25_000)}
        (rest,) = forecast(agreed(nets=nets), [part(60_000)], TODAY)
        assert rest.gross.minor - rest.net.minor == 6_400  # 30,000 at 19 % and 10,000 at 7 %

    @given(st.integers(0, 10**9), st.integers(0, 10**9), st.lists(st.integers(1, 10**8), max_size=5))
    def test_all_that_is_told_comes_to_the_whole(self, whole, invoiced, planned):
        parts = [part(one) for one in planned]
        rest = list(forecast(agreed(whole=euros(whole), invoiced=euros(invoiced)), parts, TODAY))
        left = whole - invoiced - sum(planned)
        assert sum(one.net.minor for one in rest) == max(0, left)


class TestARetainer:
    def test_it_is_told_for_a_year_ahead_from_the_period_after_the_last_draft(self):
        given = agreed(kind=ContractKind.RETAINER, period=Period.MONTH, last=date(2026, 11, 1))
        found = list(forecast(given, [], TODAY))
        assert [one.on for one in found] == [date(2026, 12, 1), *(date(2027, month, 1) for month in range(1, 12))]
        assert {(one.basis, one.gross.minor, one.is_forecast) for one in found} == {(Basis.PERIOD, 119_000, True)}
        assert (found[0].ends_on, found[2].ends_on) == (date(2026, 12, 31), date(2027, 2, 28))

    @given(
        st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.dates(date(2020, 1, 1), date(2030, 1, 1)),
        st.sampled_from(Period),
    )  # fmt: skip
    def test_what_is_due_by_now_is_among_what_is_told(self, signed_on, today, period):
        told = list(periods.ahead(signed_on, None, today, period))
        assert set(periods.begun(signed_on, None, today, period)) <= set(told)
        assert all(one >= signed_on for one in told)
        assert told == sorted(set(told))


async def told(database, cast, name="finn"):
    async with database.read() as db:
        found = await coming(db, await cast.scope(db, name))
    return [(one.basis, one.on, one.net.minor) for one in found]


async def test_a_retainers_amendments_count_from_the_next_period_on(database, cast, keys):
    with time_machine.travel(date(2026, 3, 10), tick=False):
        lines = [line(), line(text="Books", tax_rate="7")]
        await sign(database, cast, kind="retainer", period="quarter", lines=lines, milestones=[])
        await bill(database, cast)
        async with database.read() as db:
            project_id = (await cast.scope(db, "maria")).project_id
    with time_machine.travel(date(2026, 4, 10), tick=False):
        async with database.write() as db:
            await periods.draft_begun(db, project_id, "BRIDGE")
        await answer(database, cast, keys, await an_offer(database, cast, LATER))
        drafted_period, *later = await told(database, cast)
        assert drafted_period == (Basis.PERIOD, date(2026, 4, 1), 200_000)  # a draft of two rates is one period
        assert later[0] == (Basis.PERIOD, date(2026, 7, 1), 240_000)
        assert [day for _, day, _ in later][-1] == date(2027, 4, 1)
        await quick(database, cast)
        assert (await told(database, cast)) == later


async def test_time_and_materials_tell_what_is_left_to_the_ceiling(database, cast):
    async with database.write() as db:
        await projects.add_milestone(db, await cast.scope(db, "wei"), name="Opening", promised_on=date(2027, 3, 1))
    await sign(database, cast, kind="time_and_materials", ceiling="12000")
    await bill(database, cast)
    async with database.write() as db:
        lines = {"lines": [WORK | {"unit_price": "500"}]}
        number = (await drafts.draft_lines(db, await cast.scope(db, "maria"), "Hours", lines)).number
    assert await told(database, cast) == [(Basis.CEILING, date(2027, 3, 1), 1_200_000)]
    await quick(database, cast, number=number)
    assert await told(database, cast) == [(Basis.CEILING, date(2027, 3, 1), 1_150_000)]


async def test_a_price_that_is_not_planned_is_told_until_it_is(database, cast):
    await sign(database, cast, milestones=[])
    await bill(database, cast)
    assert await told(database, cast) == [(Basis.UNPLANNED, None, 1_000_000)]
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        await plan.set_plan(db, scope, 0, [{"kind": "date", "due_on": TODAY, "text": "All", "percent": "100"}])
    assert await told(database, cast) == [(Basis.PART, TODAY, 1_000_000)]
    await drafted(database, cast, 1)
    assert await told(database, cast) == [(Basis.PART, TODAY, 1_000_000)]  # a draft is nobody's invoice yet
    await quick(database, cast)
    assert await told(database, cast) == []


async def test_an_archived_project_expects_no_more_periods(database, cast):
    await sign(database, cast, kind="retainer", period="month", milestones=[])
    assert len(await told(database, cast)) >= 12
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei"), {"status": "archived"})
    assert await told(database, cast) == []


async def test_an_archived_project_still_owes_what_was_agreed(database, cast):
    await sign(database, cast, milestones=[])
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei"), {"status": "archived"})
    assert await told(database, cast) == [(Basis.UNPLANNED, None, 1_000_000)]


async def test_the_day_of_a_milestone_is_a_forecast_and_a_day_that_was_agreed_is_none(database, cast):
    await planned(database, cast)
    for done_on, is_forecast in ((None, True), (TODAY, False)):
        async with database.write() as db:
            scope = await cast.scope(db, "wei")
            await projects.change_milestone(db, scope, 1, {"done_on": done_on}, reason="It is open")
        async with database.read() as db:
            found = await coming(db, await cast.scope(db, "finn"))
        assert {one.text: one.is_forecast for one in found} == {"Opening": is_forecast, "End of warranty": False}


async def test_who_sees_no_money_is_told_nothing_and_it_costs_one_statement(database, cast):
    await planned(database, cast)
    async with database.read() as db:
        for name in ("eve", "dan"):
            with pytest.raises(NotFound):
                await coming(db, await cast.scope(db, name))
        scope = await cast.scope(db, "finn")
        with counting(database) as statements:
            await coming(db, scope)
    assert len(statements) == 1


async def test_a_share_of_a_price_of_two_taxes_is_told_once_with_its_milestones_name(database, cast, keys):
    lines = [line(quantity="1", unit_price="100"), line(quantity="1", unit_price="50", tax_rate="7")]
    await planned(database, cast)
    moved = {"title": "Mixed", "lines": lines, "milestones": [{"number": 1, "on": date(2027, 4, 1)}]}
    await answer(database, cast, keys, await an_offer(database, cast, moved))
    async with database.read() as db:
        found = await coming(db, await cast.scope(db, "finn"))
    (mixed,) = [one for one in found if one.text == "A railing"]
    assert (mixed.net.minor, mixed.gross.minor, mixed.milestone, mixed.named) == (15_000, 17_250, 1, "Opening")


async def test_two_changes_of_one_name_are_told_each_by_itself(database, cast, keys):
    await planned(database, cast)
    for _ in range(2):
        await answer(database, cast, keys, await an_offer(database, cast, LATER))
    async with database.read() as db:
        found = await coming(db, await cast.scope(db, "finn"))
    assert [one.net.minor for one in found if one.text == "A railing"] == [40_000, 40_000]
