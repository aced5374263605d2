"""Decisions and rounds of testing that wait are read in one statement, and are those that are read apart."""

from datetime import timedelta

import pytest

from portal import clock
from portal.acceptance import waiting
from portal.decisions import waiting as decisions
from tests.support.acceptance import add_plan, begun, offer, open_round
from tests.support.decisions import ask
from tests.support.statements import counting


@pytest.fixture
async def busy(database, cast):
    """Three rounds, in all of which Ada tests and in the first Eve too, and three decisions."""
    today = clock.now().date()
    await begun(database, cast)
    for plan, days in ((2, 5), (3, 1)):
        await add_plan(database, cast)
        await offer(database, cast, plan)
        await open_round(database, cast, "ada", plan=plan, ends_on=today + timedelta(days=days))
    for subject, days in ((1, 9), (2, None), (3, 3)):
        due = today + timedelta(days=days) if days else None
        await ask(database, cast, subject_number=subject, due_on=due)
    return cast


@pytest.mark.parametrize(("who", "plans"), [("ada", [3, 2, 1]), ("eve", [1]), ("finn", []), ("wei", [])])
async def test_what_is_read_together_is_what_is_read_apart(database, busy, who, plans):
    async with database.read() as db:
        scope = await busy.scope(db, who)
        with counting(database) as statements:
            found = await waiting.in_project(db, scope)
            everywhere = await waiting.everywhere(db, scope.viewer)
        assert len(statements) == 2
        assert found.decisions == everywhere.decisions == await decisions.waiting(db, scope)
        assert [one.number for one in found.decisions] == [3, 1, 2]
        assert found.rounds == everywhere.rounds == await waiting.to_test(db, scope)
        assert [one.plan_number for one in found.rounds] == plans


async def test_both_are_counted(database, busy):
    async with database.read() as db:
        counts = {
            who: await waiting.counts_everywhere(db, (await busy.scope(db, who)).viewer) for who in ("ada", "eve")
        }
    assert counts == {"ada": {"BRIDGE": {"mine": 6}}, "eve": {"BRIDGE": {"mine": 1, "client": 3}}}
