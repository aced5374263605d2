"""What clients owe, by age and currency, and the export for bookkeeping: nothing across currencies, nothing twice."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine

from portal.billing import accounts, balance, bookkeeping, drafts, issuing, receivables
from portal.billing import coming as expected
from portal.changes.models import ContractKind
from portal.errors import Invalid, NotAllowed, NotFound
from portal.money import Money
from portal.projects import commands as projects
from portal.spreadsheet import rows_as_csv
from tests.support.billing import bill, drafted, paid, planned, quick
from web.billing_chart import money_charts

LINE = {
    "number": "1",
    "name": "Work",
    "quantity": "1",
    "unit": "LS",
    "unit_price": "100",
    "category": "S",
    "rate": "19",
}
NOON = "2026-11-02T12:00:00Z"


async def issued(database, cast, key="BRIDGE", **more):
    async with database.write() as db:
        scope = await cast.scope(db, "maria", key)
        row = await drafts.draft_lines(db, scope, "Work", {"lines": [LINE | more]})
    return await quick(database, cast, key, row.number)


async def owed(database, cast, who="maria"):
    async with database.read() as db:
        return await receivables.receivables(db, cast.viewer(who))


@pytest.mark.parametrize(("late", "bucket"), [
    (-30, 0), (0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4), (4000, 4),
])  # fmt: skip
async def test_an_invoice_is_as_late_as_its_projects_calendar_says(database, cast, late, bucket):
    await bill(database, cast)
    with time_machine.travel(NOON, tick=False) as now:
        row = await issued(database, cast)
        now.shift(timedelta(days=30 + late))
        (client,) = await owed(database, cast)
    assert row.due_on == date(2026, 12, 2)
    assert [one.minor for one in client.buckets] == [11_900 if at == bucket else 0 for at in range(5)]
    assert (client.total, client.invoices[0].days) == (Money(11_900, "EUR"), late)


async def test_currencies_and_clients_are_kept_apart(database, cast):
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei", "HARBOUR"), {"currency": "JPY"})
    for key in ("BRIDGE", "HARBOUR"):
        await bill(database, cast, key)
        await issued(database, cast, key)
    found = await owed(database, cast)
    assert [(one.client, one.currency, one.total.minor) for one in found] == [
        ("Acme", "EUR", 11_900), ("Other & Co", "JPY", 119),
    ]  # fmt: skip
    assert {code: sums[0].minor for code, sums in receivables.totals(found).items()} == {"EUR": 11_900, "JPY": 119}


async def test_what_is_paid_or_taken_back_is_not_owed(database, cast, store):
    await bill(database, cast)
    for _ in range(3):
        await issued(database, cast)
    await paid(database, cast, "119", 1)
    await paid(database, cast, "19", 2)
    async with database.write() as db:
        await issuing.credit(db, await cast.scope(db, "maria"), store, 3, "Wrong")
    (client,) = await owed(database, cast)
    assert ([one.number for one in client.invoices], client.total.minor) == ([2], 10_000)


@pytest.mark.parametrize("who", ["dan", "ada", "finn"])
async def test_nobody_else_reads_what_is_owed(database, cast, who):
    with pytest.raises(NotAllowed):
        await owed(database, cast, who)
    async with database.read() as db:
        with pytest.raises(NotAllowed):
            await bookkeeping.export(db, cast.viewer(who), date(2026, 11, 1), date(2026, 11, 2))


async def test_the_export_has_each_rate_and_each_payment_and_a_credit_note_against(database, cast, store):
    await bill(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        lines = [LINE, LINE | {"number": "2", "rate": "7", "unit_price": "50"}]
        await drafts.draft_lines(db, scope, "@Work", {"lines": lines})
        today = scope.today
    await quick(database, cast)
    await paid(database, cast, "50", text="+49")
    async with database.write() as db:
        await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "Wrong")
    async with database.read() as db:
        rows = await bookkeeping.export(db, cast.viewer("maria"), today, today)
        none = await bookkeeping.export(db, cast.viewer("maria"), date(2020, 1, 1), date(2020, 12, 31))
    told = [dict(zip(bookkeeping.COLUMNS, row, strict=True)) for row in rows]
    assert [(one["kind"], one["tax_rate"], one["gross"] and one["gross"].minor) for one in told] == [
        ("invoice", Decimal(19), 11_900), ("invoice", Decimal(7), 5_350), ("credit_note", Decimal(19), -11_900),
        ("credit_note", Decimal(7), -5_350), ("payment", None, None),
    ]  # fmt: skip
    assert told[4]["paid"] == Money(5_000, "EUR")
    assert none == []
    text = rows_as_csv(rows)
    assert ("'@Work" in text, "'+49" in text, ",-119.00," in text) == (True, True, True)


async def test_the_export_leaves_open_what_is_owed_also_where_something_was_paid_before(database, cast, store):
    """What is charged less what was paid is the balance of the statement: for the invoice, and with its credit note."""
    await bill(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        await drafts.draft_lines(db, scope, "Work", {"lines": [LINE], "prepaid": "40"})
        today = scope.today
    await quick(database, cast)

    async def left():
        async with database.read() as db:
            rows = await bookkeeping.export(db, cast.viewer("maria"), today, today)
        told = [dict(zip(bookkeeping.COLUMNS, row, strict=True)) for row in rows]
        return [(one["kind"], one["paid"].minor) for one in told if one["paid"]], sum(
            (one["gross"].minor if one["gross"] else 0) - (one["paid"].minor if one["paid"] else 0) for one in told
        )

    assert await left() == ([("paid_before", 4_000)], 7_900)
    async with database.write() as db:
        await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "Wrong")
    assert await left() == ([("paid_before", 4_000), ("paid_before", -4_000)], 0)


@pytest.mark.parametrize(("first", "last"), [
    (date(2026, 2, 1), date(2026, 1, 31)), (date(2025, 1, 1), date(2026, 1, 2)),
])  # fmt: skip
async def test_a_period_is_in_order_and_a_year_at_most(database, cast, first, last):
    async with database.read() as db:
        with pytest.raises(Invalid):
            await bookkeeping.export(db, cast.viewer("maria"), first, last)


async def test_the_budget_is_what_was_agreed_changed_and_invoiced(database, cast, store):
    await planned(database, cast)
    await drafted(database, cast)
    await quick(database, cast)
    await paid(database, cast, "1000")
    async with database.read() as db:
        found = await balance.budget(db, await cast.scope(db, "finn"))
        nothing = [await balance.budget(db, await cast.scope(db, who)) for who in ("eve", "dan")]
    assert found is not None
    assert (found.kind, found.total.minor, found.invoiced.minor, found.share) == (
        ContractKind.FIXED_PRICE, 1_000_000, 400_000, 40,
    )  # fmt: skip
    assert (found.remaining, found.paid.minor, found.open.minor) == (Money(600_000, "EUR"), 100_000, 376_000)
    assert nothing == [None, None]
    async with database.write() as db:
        await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "Wrong")
    async with database.read() as db:
        found = await balance.budget(db, await cast.scope(db, "finn"))
    assert found is not None
    assert (found.invoiced.minor, found.share, found.open.minor) == (0, 0, 0)


async def test_what_is_to_come_is_what_no_issued_invoice_bills(database, cast):
    await planned(database, cast)
    await drafted(database, cast)
    async with database.read() as db:
        scope = await cast.scope(db, "finn")
        found = await expected.coming(db, scope)
        assert {one.text: one.gross.minor for one in found} == {"End of warranty": 476_000, "Opening": 714_000}
        with pytest.raises(NotFound):
            await expected.coming(db, await cast.scope(db, "eve"))
    await quick(database, cast)
    async with database.read() as db:
        assert [one.text for one in await expected.coming(db, scope)] == ["Opening"]


def day(on, gross, paid=0, currency="EUR"):
    return balance.DayOfMoney(on, *(Money(one, currency) for one in (gross, paid, gross - paid, 0, 0)))


def coming(on, gross, currency="EUR"):
    return expected.Coming("x", on, None, Money(gross, currency), Money(gross, currency))


def test_a_chart_has_every_month_and_its_pieces_stack_from_the_ground():
    today = date(2026, 11, 26)
    (chart,) = money_charts([day(date(2026, 9, 1), 10_000, 4_000)], [coming(date(2026, 12, 24), 5_000)], today)
    assert [month.first.month for month in chart.months] == [9, 10, 11, 12]
    assert (chart.kinds, chart.undated.minor) == (["paid", "open", "coming"], 0)
    paid_part, open_part = chart.months[0].parts
    assert paid_part.y + paid_part.height == pytest.approx(chart.bottom)
    assert open_part.y + open_part.height == pytest.approx(paid_part.y)
    assert chart.months[1].parts == []


def test_what_was_expected_before_today_stands_in_this_month_and_what_has_no_day_is_told():
    today = date(2026, 11, 26)
    (chart,) = money_charts([], [coming(date(2026, 1, 1), 5_000), coming(None, 700)], today)
    assert ([month.first for month in chart.months], chart.undated.minor) == ([date(2026, 11, 1)], 700)


def test_each_currency_has_a_chart_and_a_long_life_is_cut_to_two_years_around_today():
    today = date(2026, 11, 26)
    charts = money_charts(
        [day(date(2016, 1, 1), 100), day(date(2026, 11, 1), 100), day(date(2026, 1, 1), 5, currency="JPY")],
        [coming(date(2030, 1, 1), 100)], today,
    )  # fmt: skip
    assert [chart.currency for chart in charts] == ["EUR", "JPY"]
    months = [month.first for month in charts[0].months]
    assert (len(months), date(2026, 11, 1) in months) == (24, True)


def test_what_is_due_on_the_last_of_days_has_its_chart():
    """A day that somebody wrote for never."""
    (chart,) = money_charts([], [coming(date.max, 100)], date(2026, 11, 26))
    assert [month.first for month in chart.months] == [date(9999, 12, 1)]


def test_nothing_is_no_chart():
    assert money_charts([], [], date(2026, 11, 26)) == []
    assert money_charts([], [coming(None, 1)], date(2026, 11, 26)) == []


async def test_reminders_can_be_switched_off_and_an_unknown_field_is_refused(database, cast):
    await bill(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        assert (await accounts.put_account(db, scope, {"reminds": False})).reminds is False
        with pytest.raises(Invalid):
            await accounts.put_account(db, scope, {"rate": "5"})
