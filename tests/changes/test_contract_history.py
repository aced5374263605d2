"""Over random histories the contract is what its original and its amendments add up to, and a reader can check it."""

import asyncio
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from portal import clock
from portal.changes import contract_view, expiry
from portal.changes import queries as changes
from portal.changes.models import ChangeState, Contract
from portal.db import Database
from portal.decisions.models import Verdict
from portal.errors import Conflict
from portal.projects import commands as projects
from portal.projects import queries as plan
from tests.support import databases
from tests.support.cast import enter
from tests.support.changes import an_offer, answer, line, raised, set_stage, withdrawn
from tests.support.decisions import keys_in

ACTS = ("accept A", "accept B", "decline", "want changes", "expire", "withdraw", "leave open")
FIRST = date(2027, 3, 1)
ALTERNATIVES = st.builds(
    lambda quantity, price, day: {
        "title": "One way",
        "lines": [line(quantity=f"{quantity:f}", unit_price=f"{price:f}")],
        "milestones": [{"number": number, "on": FIRST + timedelta(days=days)} for number, days in day.items()],
        "items_added": [{"title": "More", "points": "1"}],
    },
    st.decimals(-3, 9, places=4).filter(lambda quantity: quantity != 0),
    st.decimals(0, 999, places=6),
    st.dictionaries(st.sampled_from([1, 2]), st.integers(0, 300), max_size=2),
)
HISTORY = st.lists(st.tuples(st.sampled_from(ACTS), ALTERNATIVES, ALTERNATIVES), min_size=1, max_size=6)


@pytest.mark.slow
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(history=HISTORY)
def test_total_and_dates_follow_from_what_is_listed(history):
    with tempfile.TemporaryDirectory() as folder:
        url = databases.sqlite_copy(Path(folder) / "portal.sqlite")
        asyncio.run(lived(url, Path(folder), history))


async def lived(url, folder, history):
    database = Database(url)
    try:
        cast, keys = await enter(database), keys_in(folder)
        await set_stage(database, cast)
        async with database.write() as db:
            await projects.add_milestone(db, await cast.scope(db, "wei"), name="Second")
        expected = [1_000_000]
        dates = {1: FIRST}
        for act, first, second in history:
            taken = await happens(database, cast, keys, act, first, second)
            if taken is not None:
                net = await latest_net(database, cast)
                expected.append(expected[-1] + net)
                dates |= {move["number"]: move["on"] for move in taken["milestones"]}
            await holds(database, cast, expected, dates)
    finally:
        await database.dispose()


async def happens(database, cast, keys, act, first, second):
    """One change request's life; returns the alternative that was accepted, if one was."""
    if act == "withdraw":
        await withdrawn(database, cast, (await raised(database, cast)).number)
        return None
    request = await an_offer(database, cast, first, second)
    match act:
        case "decline":
            await answer(database, cast, keys, request, verdict=Verdict.DECLINED, comment="No")
        case "want changes":
            await answer(database, cast, keys, request, verdict=Verdict.CHANGES_WANTED, comment="Less")
        case "expire":
            with time_machine.travel(clock.now() + timedelta(days=40)):
                await expiry.expire_due(database)
        case "accept A" | "accept B":
            try:
                await answer(database, cast, keys, request, choice=act[-1])
            except Conflict:
                return None  # less than nothing would be left of the contract
            return first if act[-1] == "A" else second
    return None


async def latest_net(database, cast):
    """The last amendment's net, from its own lines."""
    async with database.read() as db:
        view = await contract_view.contract_view(db, await cast.scope(db, "ada"))
    last = view.amendments[-1]
    net = sum(one.net.minor for one in last.lines)
    assert net == last.net.minor
    return net


async def holds(database, cast, expected, dates):
    """What is kept, what the page lists and what one works out by hand are the same."""
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        view = await contract_view.contract_view(db, scope)
        kept = (await db.scalars(select(Contract).where(Contract.project_id == scope.project_id))).one()
        milestones = {one.number: one for one in await plan.milestones(db, scope)}
        rows = await changes.changes(db, scope)
    by_hand = [sum(one.net.minor for one in view.lines)]
    for amended in view.amendments:
        by_hand.append(by_hand[-1] + sum(one.net.minor for one in amended.lines))
        assert amended.total.minor == by_hand[-1]
    assert by_hand == expected
    assert kept.total_minor == view.total.minor == expected[-1]
    assert [one.amendment.number for one in view.amendments] == list(range(1, len(expected)))
    assert kept.amendments == len(view.amendments) == sum(row.request.state is ChangeState.ACCEPTED for row in rows)
    assert {one.number: one.agreed for one in view.milestones} == dates
    for one in view.milestones:
        by_hand_day = one.moves[-1][1] if one.moves else one.original
        assert by_hand_day == one.agreed == (milestones[one.number].agreed_on or milestones[one.number].promised_on)
