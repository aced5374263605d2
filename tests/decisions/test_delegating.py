""" "X decides for me until Friday"."""

import asyncio
from datetime import timedelta

import pytest
import time_machine

from portal.access import Role
from portal.decisions import delegations
from portal.decisions.models import Verdict
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.ledger import queries as ledger
from portal.ledger import receipts
from portal.ledger.models import Audience
from tests.support.decisions import answer, ask, grant, join, proof_of


async def delegate(database, cast, to="eve", first=0, last=4, name="ada"):
    async with database.write() as db:
        scope = await cast.scope(db, name)
        days = (scope.today + timedelta(days=one) for one in (first, last))
        return await delegations.delegate(db, scope, cast.people[to], *days, proof_of(name))


async def test_a_delegate_decides_in_the_others_name_and_the_receipt_says_so(database, cast, keys):
    await delegate(database, cast)
    answered = await answer(database, cast, keys, await ask(database, cast), "eve")
    assert answered.decision.outcome is Verdict.APPROVED
    event = receipts.verify(answered.receipt.token, keys.public).event
    assert event["actor"] == f"person:{cast.people['eve']}"
    assert event["body"]["for"] == f"person:{cast.people['ada']}"


async def test_how_its_giver_was_signed_in_is_kept_and_the_ledger_has_the_digest_alone(database, cast):
    row = await delegate(database, cast)
    async with database.read() as db:
        scope = await cast.scope(db, "eve")
        (given,) = await ledger.of_subject(db, scope.project_id, scope.audiences, "delegation", row.number)
    assert (row.evidence["name"], row.evidence["sub"], row.evidence["amr"]) == ("Ada", "ada", ["pwd"])
    assert given.body == {
        "to": f"person:{cast.people['eve']}", "from_on": row.from_on.isoformat(), "until_on": row.until_on.isoformat(),
        "evidence_digest": receipts.document_digest(row.evidence),
    }  # fmt: skip


async def test_a_delegation_holds_on_its_days_alone(database, cast, keys):
    with time_machine.travel("2026-05-04T08:00:00Z", tick=False) as now:
        await delegate(database, cast, first=1, last=2)
        decision = await ask(database, cast)
        with pytest.raises(NotAllowed):
            await answer(database, cast, keys, decision, "eve")
        now.shift(timedelta(days=3))
        with pytest.raises(NotAllowed):
            await answer(database, cast, keys, decision, "eve")
        now.shift(timedelta(days=-1))
        assert (await answer(database, cast, keys, decision, "eve")).decision.outcome is Verdict.APPROVED


async def test_an_ended_delegation_holds_no_longer(database, cast, keys):
    row = await delegate(database, cast)
    async with database.write() as db:
        with pytest.raises(NotFound):
            await delegations.end(db, await cast.scope(db, "eve"), row.number)
        await delegations.end(db, await cast.scope(db, "ada"), row.number)
    with pytest.raises(NotAllowed):
        await answer(database, cast, keys, await ask(database, cast), "eve")


async def test_delegating_shows_no_price_to_who_may_not_see_it(database, cast, keys):
    await delegate(database, cast)
    decision = await ask(database, cast, audience=Audience.BILLING)
    with pytest.raises(NotFound):
        await answer(database, cast, keys, decision, "eve")


async def test_one_person_answers_for_two(database, cast, keys):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    await delegate(database, cast)
    decision = await ask(database, cast, people=(cast.people["ada"], cast.people["eve"]))
    assert (await answer(database, cast, keys, decision, "eve")).decision.outcome is None
    # The same words once more are the same answer, unless it is said for whom they are.
    both = await answer(database, cast, keys, decision, "eve", principal=cast.people["ada"])
    assert both.decision.outcome is Verdict.APPROVED


async def test_one_person_with_delegations_is_one_where_two_are_needed(database, cast, keys):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
        await grant(db, cast, "finn", Role.APPROVER)
    await delegate(database, cast)
    decision = await ask(database, cast, needed=2)
    with pytest.raises(Conflict):  # Eve has a voice of her own: Ada's is not used up beside it
        await answer(database, cast, keys, decision, "eve", principal=cast.people["ada"])
    assert (await answer(database, cast, keys, decision, "eve")).decision.outcome is None
    for principal in (cast.people["ada"], cast.people["eve"], None):
        again = {"principal": principal, "comment": "Once more"}
        with pytest.raises(Conflict):
            await answer(database, cast, keys, decision, "eve", **again)
    done = await answer(database, cast, keys, decision, "finn")
    assert done.decision.outcome is Verdict.APPROVED
    body = receipts.verify(done.receipt.token, keys.public).event["body"]
    assert (body["approvals"], body["needed"]) == (2, 2)


async def test_a_delegate_of_two_is_one_where_two_of_three_are_needed(database, cast, keys):
    async with database.write() as db:
        for name in ("eve", "finn"):
            await grant(db, cast, name, Role.APPROVER)
        await join(db, cast, "nemo")
    await delegate(database, cast, "nemo")
    await delegate(database, cast, "nemo", name="eve")
    people = tuple(cast.people[name] for name in ("ada", "eve", "finn"))
    decision = await ask(database, cast, people=people, needed=2)
    outcomes = await asyncio.gather(
        *(answer(database, cast, keys, decision, "nemo", principal=one) for one in people[:2]), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["Answered", "Conflict"]
    assert (await answer(database, cast, keys, decision, "finn")).decision.outcome is Verdict.APPROVED


async def test_a_double_click_in_ones_own_name_is_no_answer_for_another(database, cast, keys):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    await delegate(database, cast)
    decision = await ask(database, cast, needed=2)
    first, second = await asyncio.gather(*(answer(database, cast, keys, decision, "eve") for _ in range(2)))
    assert first.receipt.token == second.receipt.token


async def test_nobody_is_answered_for_who_did_not_delegate(database, cast, keys):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    with pytest.raises(Invalid):
        await answer(database, cast, keys, await ask(database, cast), "eve", principal=cast.people["ada"])


@pytest.mark.parametrize("to", ["ada", "mallory", "wei", "nemo"])
async def test_only_another_member_can_stand_in(database, cast, to):
    with pytest.raises(Invalid):
        await delegate(database, cast, to)


@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 92), (9, 101)])
async def test_somebody_stands_in_for_one_day_or_a_quarter_of_a_year(database, cast, first, last):
    assert (await delegate(database, cast, first=first, last=last)).ended_at is None


@pytest.mark.parametrize(("first", "last"), [(-1, 3), (3, 2), (0, 93)])
async def test_wrong_days_are_refused(database, cast, first, last):
    with pytest.raises(Invalid):
        await delegate(database, cast, first=first, last=last)


async def test_two_delegations_do_not_overlap(database, cast):
    await delegate(database, cast, "eve", 0, 4)
    with pytest.raises(Conflict):
        await delegate(database, cast, "finn", 4, 6)
    await delegate(database, cast, "finn", 8, 9)
    with pytest.raises(Conflict):
        await delegate(database, cast, "eve", 5, 8)
    await delegate(database, cast, "finn", 5, 7)


async def test_who_may_not_decide_cannot_hand_it_on(database, cast):
    for name in ("eve", "wei"):
        with pytest.raises(NotAllowed):
            await delegate(database, cast, "finn", name=name)
