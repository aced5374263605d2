"""Where more is open or was said than is listed: what matters most is never what is left out."""

from datetime import date, timedelta

import time_machine

from portal import clock
from portal.access import Role
from portal.decisions import delegations, queries, remarks, reminders, waiting
from portal.projects import commands as projects
from tests.support.decisions import ask, grant, proof_of


async def test_what_is_due_soonest_and_ones_own_is_listed_whatever_else_is_open(database, cast, monkeypatch):
    monkeypatch.setattr(waiting, "MOST", 2)
    today, ada, eve = clock.now().date(), (cast.people["ada"],), (cast.people["eve"],)
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    for subject, days in ((1, None), (2, 30), (3, 2), (4, 9)):
        due = today + timedelta(days=days) if days else None
        await ask(database, cast, subject_number=subject, due_on=due, people=eve)
    await ask(database, cast, subject_number=5, due_on=today + timedelta(days=60), people=ada)
    async with database.read() as db:
        for name, first in (("ada", [5, 3]), ("eve", [3, 4]), ("wei", [3, 4])):
            scope = await cast.scope(db, name)
            assert [one.number for one in await waiting.waiting(db, scope)] == first
            assert [one.number for one in await waiting.waiting_everywhere(db, scope.viewer)] == first


async def test_the_clock_counts_all_that_is_open(database, cast, monkeypatch):
    monkeypatch.setattr(waiting, "MOST", 2)
    with time_machine.travel("2026-11-26T09:00:00Z", tick=False) as now:
        for subject in range(1, 4):
            await ask(database, cast, subject_number=subject)
            now.shift(timedelta(hours=1))
        async with database.read() as db:
            waited = await waiting.waited_in_all(db, await cast.scope(db, "ada"))
    assert (waited.client, waited.agency) == ((3 + 2 + 1) * 60, 0)


async def test_no_day_is_left_out_of_a_calendar_and_nothing_of_a_count(database, cast, monkeypatch):
    monkeypatch.setattr(waiting, "MOST", 1)
    due = [clock.now().date() + timedelta(days=days) for days in (5, 6, 7)]
    for subject, day in enumerate([*due, None], 1):
        await ask(database, cast, subject_number=subject, due_on=day)
    async with database.write() as db:
        for number in (2, 3):
            await remarks.remark(db, await cast.scope(db, "ada"), number, "Which?", is_question=True)
    async with database.read() as db:
        for name, days, counts in (
            ("ada", due[:1], {"mine": 2, "agency": 2}),
            ("wei", due[1:], {"client": 2, "agency": 2}),
        ):
            viewer = (await cast.scope(db, name)).viewer
            assert [one.due_on for one in await waiting.due_everywhere(db, viewer)] == days
            assert await waiting.counts_everywhere(db, viewer) == {"BRIDGE": counts}


async def test_what_was_said_last_is_always_shown(database, cast, monkeypatch):
    monkeypatch.setattr(queries, "MOST_REMARKS", 3)
    await ask(database, cast)
    for word in "abcde":
        async with database.write() as db:
            await remarks.remark(db, await cast.scope(db, "eve"), 1, word)
    async with database.read() as db:
        detail = await queries.detail(db, await cast.scope(db, "ada"), 1)
    assert [one.remark.text for one in detail.remarks] == ["c", "d", "e"]


@time_machine.travel("2026-11-26T23:30:00Z", tick=False)
async def test_the_days_of_a_delegation_and_of_a_due_date_are_the_projects_own(database, cast):
    async with database.write() as db:
        scope = await cast.scope(db, "ada")
        assert scope.today == date(2026, 11, 27)  # in Berlin the day has begun
        await delegations.delegate(db, scope, cast.people["eve"], scope.today, scope.today, proof_of("ada"))
    await ask(database, cast, due_on=date(2026, 11, 27))
    async with database.read() as db:
        eve = await cast.scope(db, "eve")
        for found in (await waiting.waiting(db, eve), await waiting.waiting_everywhere(db, eve.viewer)):
            assert [(one.is_mine, one.is_overdue) for one in found] == [(True, False)]
    with time_machine.travel("2026-11-27T23:30:00Z", tick=False):
        async with database.read() as db:
            eve = await cast.scope(db, "eve")
            assert [(one.is_mine, one.is_overdue) for one in await waiting.waiting(db, eve)] == [(False, True)]


async def archive(database, cast, key):
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei", key), {"status": "archived"})


async def test_what_an_archived_project_left_open_keeps_no_reminder_from_others(database, cast, monkeypatch):
    monkeypatch.setattr(reminders, "MOST", 1)
    with time_machine.travel("2026-11-26T12:00:00Z", tick=False) as now:
        await ask(database, cast, "HARBOUR", due_on=date(2026, 11, 26))
        await archive(database, cast, "HARBOUR")
        await ask(database, cast, due_on=date(2026, 11, 27))
        now.shift(timedelta(days=1))
        assert await reminders.remind(database) == 1


async def test_what_is_due_first_is_reminded_of_first(database, cast, monkeypatch):
    monkeypatch.setattr(reminders, "MOST", 1)
    with time_machine.travel("2026-11-25T12:00:00Z", tick=False) as now:
        await ask(database, cast, due_on=date(2026, 11, 27))
        await ask(database, cast, due_on=date(2026, 11, 26), subject_number=2)
        now.shift(timedelta(days=1))
        assert await reminders.remind(database) == 1
