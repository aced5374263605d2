"""An acceptance overtakes open offers that were made for the plan as it was before: they come back to be revised."""

import asyncio
from datetime import date

import pytest

from portal.changes import contract_view
from portal.changes import queries as changes
from portal.changes.models import ChangeState as State
from portal.decisions import queries as decisions
from portal.decisions.models import DecisionState
from portal.errors import Conflict, Invalid
from portal.ledger import queries as ledger
from tests.support.billing import confirmed
from tests.support.cast import add_item
from tests.support.changes import LATER, an_offer, answer, line, offered, priced, raised, sign

APRIL, MAY = ([{"number": 1, "on": date(2027, month, 10)}] for month in (4, 5))
FIVE, EIGHT, GONE = ([{"number": 1} | change] for change in ({"points": "5"}, {"points": "8"}, {"removed": True}))


async def states(database, cast):
    """Where each change request stands, in the order of their numbers."""
    async with database.read() as db:
        rows = await changes.changes(db, await cast.scope(db, "wei"))
    return [row.request.state for row in reversed(rows)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"milestones": APRIL}, {"milestones": MAY}),
        ({"items_changed": FIVE}, {"items_changed": EIGHT}),
        ({"items_changed": FIVE}, {"items_changed": GONE}),
        ({"lines": [line(quantity="-60")]}, {"lines": [line(quantity="-41")]}),
    ],
    ids=["a milestone moved twice", "an item changed twice", "an item removed", "a total below nothing"],
)
@pytest.mark.parametrize("turned", [False, True])
async def test_what_both_would_move_is_offered_anew(database, cast, contract, keys, first, second, turned):
    one, other = [await an_offer(database, cast, LATER | way) for way in (first, second)]
    accepted, overtaken = (other, one) if turned else (one, other)
    await answer(database, cast, keys, accepted)
    assert await states(database, cast) == ([State.BEING_PRICED, State.ACCEPTED] if turned else
                                            [State.ACCEPTED, State.BEING_PRICED])  # fmt: skip
    with pytest.raises(Conflict):
        await answer(database, cast, keys, overtaken)


async def test_it_is_said_why_and_the_question_is_gone(database, cast, contract, keys):
    one, other = [await an_offer(database, cast, LATER | {"milestones": days}) for days in (APRIL, MAY)]
    await answer(database, cast, keys, one)
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        decision = await decisions.decision(db, scope, other.decision_number)
        view = await changes.change_view(db, scope, other.number)
        (last, *_) = await ledger.of_subject(db, scope.project_id, scope.audiences, "change_request", other.number)
    assert decision.state is DecisionState.WITHDRAWN
    assert decision.reason == "Another change request moved what this offer rests on: the offer is being revised."
    assert (view.request.valid_until, view.options) == (None, [])
    assert (last.kind, last.actor) == ("change_request.pricing_began", "system")


async def test_any_alternative_that_was_overtaken_takes_the_offer_back(database, cast, contract, keys):
    one = await an_offer(database, cast, LATER | {"milestones": APRIL})
    await an_offer(database, cast, LATER, LATER | {"milestones": MAY})
    await answer(database, cast, keys, one)
    assert await states(database, cast) == [State.ACCEPTED, State.BEING_PRICED]


async def test_only_what_was_chosen_overtakes(database, cast, contract, keys):
    one = await an_offer(database, cast, LATER | {"milestones": APRIL}, LATER)
    await an_offer(database, cast, LATER | {"milestones": MAY})
    await answer(database, cast, keys, one, choice="B")
    assert await states(database, cast) == [State.ACCEPTED, State.OFFERED]


async def test_offers_that_meet_nowhere_stand(database, cast, contract, keys):
    await add_item(database, cast, title="Lamps")
    one = await an_offer(database, cast, LATER | {"milestones": APRIL, "items_changed": FIVE})
    other = await an_offer(database, cast, LATER | {"items_changed": [{"number": 2, "points": "1"}]})
    await answer(database, cast, keys, one)
    await answer(database, cast, keys, other)
    assert await states(database, cast) == [State.ACCEPTED, State.ACCEPTED]


async def test_of_two_that_meet_and_are_accepted_at_once_one_is_done(database, cast, contract, keys):
    both = [await an_offer(database, cast, LATER | {"milestones": days}) for days in (APRIL, MAY)]
    done = await asyncio.gather(*(answer(database, cast, keys, one) for one in both), return_exceptions=True)
    assert sorted(isinstance(one, Conflict) for one in done) == [False, True]
    assert sorted(await states(database, cast)) == [State.ACCEPTED, State.BEING_PRICED]


async def test_one_that_was_offered_anew_can_be_accepted(database, cast, contract, keys):
    one, other = [await an_offer(database, cast, LATER | {"milestones": days}) for days in (MAY, APRIL)]
    await answer(database, cast, keys, one)
    await answer(database, cast, keys, await offered(database, cast, other.number, [LATER | {"milestones": MAY}]))
    async with database.read() as db:
        standing = await contract_view.contract_view(db, await cast.scope(db, "ada"))
    assert (standing.total.amount, standing.milestones[0].agreed) == ("10800.00", date(2027, 5, 10))


async def test_a_confirmed_milestone_takes_offers_back_that_would_move_it(database, cast, contract, keys):
    await an_offer(database, cast, LATER | {"milestones": APRIL})
    await an_offer(database, cast, LATER | {"items_changed": FIVE})
    await confirmed(database, cast, keys)
    assert await states(database, cast) == [State.BEING_PRICED, State.OFFERED]
    async with database.read() as db:
        decision = await decisions.decision(db, await cast.scope(db, "ada"), 1)
    assert decision.reason == "A milestone that this offer would move was confirmed: the offer is being revised."


async def test_a_confirmed_milestone_is_neither_offered_anew_nor_priced(database, cast, contract, keys):
    await priced(database, cast, (await raised(database, cast)).number, [LATER | {"milestones": APRIL}])
    await confirmed(database, cast, keys)
    with pytest.raises(Conflict, match=r"Milestone 1 was confirmed on .* Price this anew"):
        await offered(database, cast, 1, None)
    with pytest.raises(Invalid, match="Milestone 1 was confirmed on") as refused:
        await priced(database, cast, 1, [LATER, LATER | {"milestones": MAY}])
    assert refused.value.field == "alternatives[1].milestones"


LARGEST = line(quantity="10000", unit_price="999999999.9999", tax_category="Z", tax_rate="0")
"""Just below the largest amount that is kept."""


@pytest.mark.parametrize("lines", [[line(quantity="-101")], [LARGEST]], ids=["less than nothing", "too much"])
async def test_an_alternative_that_the_contract_could_not_take_is_not_offered(database, cast, contract, lines):
    await priced(database, cast, (await raised(database, cast)).number, [LATER, LATER | {"lines": lines}])
    with pytest.raises(Conflict, match="Alternative B would bring the contract"):
        await offered(database, cast, 1, None)


async def test_nor_is_one_that_the_ceiling_could_not_take(database, cast):
    await sign(database, cast, milestones=[], kind="time_and_materials", ceiling="9999999999999.99")
    await priced(database, cast, (await raised(database, cast)).number, [LATER])
    with pytest.raises(Conflict, match="Alternative A would bring the contract"):
        await offered(database, cast, 1, None)
