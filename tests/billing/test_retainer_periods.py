"""Retainers: each period is drafted once, on its first day, whoever asks and however often."""

from datetime import date, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from portal.apart import SomeFailed
from portal.billing import drafts, periods, plan
from portal.billing.models import Invoice
from portal.changes import contracts
from portal.changes.models import Period
from portal.errors import Conflict
from portal.projects import commands as projects
from tests.support.billing import bill
from tests.support.changes import CONTRACT, line, sign
from tests.support.statements import counting

days = st.dates(date(2000, 1, 1), date(2090, 1, 1))


@given(days, st.sampled_from(Period))
def test_a_day_is_in_its_period_and_periods_have_no_gap(day, period):
    first = periods.first_day(day, period)
    after = periods.following(first, period)
    assert first <= day < after
    assert periods.first_day(after - timedelta(days=1), period) == first
    assert periods.first_day(after, period) == after


@given(days, days, st.sampled_from(Period))
def test_no_period_is_drafted_before_the_contract_nor_before_it_begins(signed, today, period):
    first = periods.first_day(today, period)
    assert list(periods.begun(signed, None, today, period)) == ([first] if first >= signed else [])


@given(days, st.sampled_from(Period), st.integers(1, 30))
def test_what_was_missed_is_drafted_in_its_order(first, period, count):
    last = periods.first_day(first, period)
    today = last
    for _ in range(count):
        today = periods.following(today, period)
    found = list(periods.begun(date(1990, 1, 1), last, today, period))
    assert (len(found), found[-1], sorted(set(found))) == (count, today, found)


@pytest.fixture
async def retained(database, cast):
    """BRIDGE by the month, with two rates of tax, signed in January."""
    lines = [line(text="Care"), line(text="Books", quantity="2", tax_rate="7")]
    await sign(database, cast, kind="retainer", period="month", lines=lines, milestones=[])
    await bill(database, cast)


async def drafted(database, cast):
    async with database.read() as db:
        scope = await cast.scope(db, "maria")
        statement = select(Invoice).where(Invoice.project_id == scope.project_id).order_by(Invoice.number)
        return [(one.title, one.net_minor) for one in await db.scalars(statement)]


async def test_a_month_is_drafted_once_from_the_contracts_lines(retained, database, cast):
    with time_machine.travel("2026-11-26T12:00:00Z"):
        assert [await periods.draft_due(database) for _ in range(3)] == [1, 0, 0]
    assert await drafted(database, cast) == [("Retainer, 1\u2009–\u200930 Nov 2026", 120_000)]


async def test_the_next_month_begins_by_the_projects_clock_and_nothing_is_missed(retained, database, cast):
    with time_machine.travel("2026-11-26T12:00:00Z") as now:
        await periods.draft_due(database)
        now.move_to("2026-11-30T22:30:00Z")  # half past eleven in Berlin
        assert await periods.draft_due(database) == 0
        now.move_to("2026-11-30T23:30:00Z")
        assert await periods.draft_due(database) == 1
        now.move_to("2027-03-01T12:00:00Z")
        assert await periods.draft_due(database) == 3


async def test_a_period_whose_draft_was_thrown_away_is_not_drafted_by_itself_again(retained, database, cast):
    await periods.draft_due(database)
    async with database.write() as db:
        await drafts.discard_draft(db, await cast.scope(db, "maria"), 1)
    assert await periods.draft_due(database) == 0
    async with database.write() as db:
        row = await drafts.draft_plan(db, await cast.scope(db, "maria"), [1, 2])
    assert row.net_minor == 120_000


async def test_a_retainer_has_no_other_plan_than_its_periods(retained, database, cast):
    """One in their place would bill a period twice, and forget which were drafted: they would be drafted again."""
    await periods.draft_due(database)
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        await drafts.discard_draft(db, scope, 1)
        with pytest.raises(Conflict):
            await plan.set_plan(db, scope, 0, [{"kind": "change_request", "text": "All", "percent": "100"}])
    assert await periods.draft_due(database) == 0


async def retain(database, cast, key, rate):
    """A project by the month, with one rate of tax."""
    async with database.write() as db:
        care = [line(text="Care", tax_rate=rate)]
        terms = CONTRACT | {"kind": "retainer", "period": "month", "lines": care, "milestones": []}
        await contracts.record_contract(db, await cast.scope(db, "wei", key), terms)
    await bill(database, cast, key)


async def test_one_projects_trouble_keeps_no_other_from_being_billed(database, cast, caplog):
    await retain(database, cast, "BRIDGE", "8.875")
    await retain(database, cast, "HARBOUR", "19")
    assert await periods.draft_due(database) == 1
    assert "could not be drafted" in caplog.text


async def test_nor_does_a_fault_that_nobody_foresaw(database, cast, monkeypatch):
    for key in ("BRIDGE", "HARBOUR"):
        await retain(database, cast, key, "19")
    works = periods.draft_begun

    async def fails(db, project_id, key):
        if key == "BRIDGE":
            raise ValueError
        return await works(db, project_id, key)

    monkeypatch.setattr(periods, "draft_begun", fails)
    with pytest.raises(SomeFailed) as some:
        await periods.draft_due(database)
    assert (some.value.failed, some.value.done) == (1, 1)


async def test_nothing_is_drafted_for_other_contracts_or_an_archived_project(database, cast):
    await sign(database, cast, milestones=[])
    await bill(database, cast)
    assert await periods.draft_due(database) == 0


async def test_nothing_is_drafted_for_an_archived_project(retained, database, cast):
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei"), {"status": "archived"})
    with counting(database) as statements:
        assert await periods.draft_due(database) == 0
    assert len(statements) == 1
