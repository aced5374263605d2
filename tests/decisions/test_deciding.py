"""Asking, answering and what closes a decision: exactly one outcome, whoever comes when."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from portal import clock, settlement
from portal.access import Role
from portal.decisions import commands, queries, remarks, waiting
from portal.decisions.commands import Answer, Closed, NotCurrent
from portal.decisions.models import DecisionAnswer, DecisionState, DecisionTurn, Side, Verdict
from portal.decisions.rules import MOST_CONTENT
from portal.errors import Conflict, Invalid, NotAllowed, NotFound, TooLarge
from portal.ledger import queries as ledger
from portal.ledger import receipts
from portal.ledger.models import Audience, Receipt
from tests.support.decisions import PORTAL, QUESTION, UNFOLLOWED, answer, ask, grant, proof_of


async def counted(database, table) -> int:
    async with database.read() as db:
        statement = select(func.count()).select_from(table).execution_options(cross_project="the test counts rows")
        return await db.scalar(statement)


async def found(database, cast, number=1, name="ada"):
    async with database.read() as db:
        return await queries.decision(db, await cast.scope(db, name), number)


async def test_an_approval_settles_the_decision_and_gives_a_receipt(database, cast, keys):
    decision = await ask(database, cast)
    answered = await answer(database, cast, keys, decision)
    assert (answered.decision.state, answered.decision.outcome) == (DecisionState.DECIDED, Verdict.APPROVED)
    proved = receipts.verify(answered.receipt.token, keys.public)
    assert proved.disclosed["content"] == QUESTION.content
    assert proved.disclosed["evidence"]["sub"] == "ada"
    assert proved.event["actor"] == f"person:{cast.people['ada']}"
    assert proved.event["body"]["outcome"] == "approved"


async def test_the_ledger_names_the_evidence_by_digest_alone(database, cast, keys):
    await answer(database, cast, keys, await ask(database, cast))
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
        events = await ledger.since(db, scope.project_id, tuple(Audience), 0)
    assert "ada@example.com" not in str(events)
    assert events[-1].body["evidence_digest"]


@pytest.mark.parametrize("name", ["eve", "finn", "mallory", "wei", "root"])
async def test_nobody_decides_without_the_role(database, cast, keys, name):
    decision = await ask(database, cast)
    with pytest.raises((NotAllowed, NotFound)):
        await answer(database, cast, keys, decision, name)
    assert (await found(database, cast)).state is DecisionState.ASKED


async def test_who_is_not_named_does_not_decide(database, cast, keys):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    decision = await ask(database, cast, people=(cast.people["eve"],))
    with pytest.raises(NotAllowed):
        await answer(database, cast, keys, decision, "ada")
    assert (await answer(database, cast, keys, decision, "eve")).decision.outcome is Verdict.APPROVED


async def test_a_price_is_decided_by_somebody_who_may_see_it(database, cast, keys):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    decision = await ask(database, cast, audience=Audience.BILLING)
    with pytest.raises(NotFound):
        await answer(database, cast, keys, decision, "eve")
    assert (await answer(database, cast, keys, decision, "ada")).decision.outcome is Verdict.APPROVED


async def test_two_of_three(database, cast, keys):
    async with database.write() as db:
        for name in ("eve", "finn"):
            await grant(db, cast, name, Role.APPROVER)
    people = tuple(cast.people[name] for name in ("ada", "eve", "finn"))
    decision = await ask(database, cast, people=people, needed=2)
    assert (
        await answer(database, cast, keys, decision, "ada", Verdict.DECLINED, comment="No.")
    ).decision.outcome is None
    assert (await answer(database, cast, keys, decision, "eve")).decision.outcome is None
    assert (await answer(database, cast, keys, decision, "finn")).decision.outcome is Verdict.APPROVED


async def test_a_double_click_is_one_answer_with_one_receipt(database, cast, keys):
    decision = await ask(database, cast)
    first, second = await asyncio.gather(*(answer(database, cast, keys, decision) for _ in range(2)))
    assert first.receipt.token == second.receipt.token
    assert {first.is_new, second.is_new} == {True, False}
    assert await counted(database, DecisionAnswer) == await counted(database, Receipt) == 1


async def test_of_two_approvers_at_once_one_decides_and_the_other_is_told(database, cast, keys):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    decision = await ask(database, cast)
    both = (
        answer(database, cast, keys, decision, "ada"),
        answer(database, cast, keys, decision, "eve", Verdict.DECLINED, comment="No."),
    )
    done = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Answered", "Closed"]
    assert await counted(database, DecisionAnswer) == 1


async def test_of_a_withdrawal_and_an_approval_at_once_one_holds(database, cast, keys):
    decision = await ask(database, cast)

    async def withdraw():
        async with database.write() as db:
            return await commands.withdraw(db, await cast.scope(db, "wei"), 1, "A mistake")

    done = await asyncio.gather(answer(database, cast, keys, decision), withdraw(), return_exceptions=True)
    assert sum(isinstance(one, Closed) for one in done) == 1
    state = (await found(database, cast)).state
    assert state is (DecisionState.WITHDRAWN if isinstance(done[0], Closed) else DecisionState.DECIDED)


async def test_what_was_shown_before_a_new_version_decides_nothing(database, cast, keys):
    old = await ask(database, cast)
    new = await ask(database, cast, subject_version=2, content={"title": "Sign in", "version": 2})
    with pytest.raises(Closed) as refused:
        await answer(database, cast, keys, old)
    assert refused.value.state is DecisionState.SUPERSEDED
    with pytest.raises(NotCurrent):
        await answer(database, cast, keys, new, digest=old.digest.hex())
    assert (await found(database, cast, new.number)).state is DecisionState.ASKED
    assert (await answer(database, cast, keys, new)).decision.outcome is Verdict.APPROVED


async def test_an_old_approval_stands_when_a_new_version_is_asked(database, cast, keys):
    await answer(database, cast, keys, await ask(database, cast))
    await ask(database, cast, subject_version=2)
    assert (await found(database, cast, 1)).outcome is Verdict.APPROVED
    assert (await found(database, cast, 2)).state is DecisionState.ASKED


async def test_an_answer_cannot_be_changed(database, cast, keys):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    decision = await ask(database, cast, people=(cast.people["ada"], cast.people["eve"]))
    await answer(database, cast, keys, decision, "ada")
    with pytest.raises(Conflict):
        await answer(database, cast, keys, decision, "ada", Verdict.DECLINED, comment="On second thoughts")


async def test_who_approves_a_choice_takes_one(database, cast, keys):
    decision = await ask(database, cast, choices=(("A", "Now"), ("B", "Later")))
    with pytest.raises(Invalid):
        await answer(database, cast, keys, decision)
    assert (await answer(database, cast, keys, decision, choice="B")).decision.choice == "B"


async def test_a_refusal_chooses_nothing(database, cast, keys):
    decision = await ask(database, cast, choices=(("A", "Now"), ("B", "Later")))
    answered = await answer(database, cast, keys, decision, verdict=Verdict.DECLINED, comment="Neither", choice="B")
    assert (answered.decision.outcome, answered.decision.choice) == (Verdict.DECLINED, None)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"title": " "}, "title"),
        ({"audience": Audience.INTERNAL}, "audience"),
        ({"needed": 0}, "needed"),
        ({"due_on": clock.now().date() - timedelta(days=3)}, "due_on"),
        ({"holds_up": "x" * 501}, "holds_up"),
    ],
)
async def test_a_wrong_question_names_its_field(database, cast, wrong, field):
    with pytest.raises(Invalid) as refused:
        await ask(database, cast, **wrong)
    assert refused.value.field == field


async def test_people_who_could_not_answer_are_not_asked(database, cast):
    for name in ("eve", "mallory", "wei"):
        with pytest.raises(Invalid):
            await ask(database, cast, people=(cast.people[name],))


@pytest.mark.parametrize("name", ["ada", "eve"])
async def test_clients_do_not_ask(database, cast, name):
    async with database.write() as db:
        with pytest.raises(NotAllowed):
            await commands.ask(db, await cast.scope(db, name), QUESTION)


async def test_a_withdrawal_says_why(database, cast):
    await ask(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        with pytest.raises(Invalid):
            await commands.withdraw(db, scope, 1, "  ")
        await commands.withdraw(db, scope, 1, "Asked too early")
    assert (await found(database, cast)).reason == "Asked too early"


async def test_a_question_back_passes_the_turn_and_the_answer_passes_it_back(database, cast):
    with time_machine.travel("2026-05-04T08:00:00Z", tick=False) as now:
        await ask(database, cast)
        for who, hours, is_question in (("ada", 1, True), ("wei", 3, False), ("eve", 0, False)):
            now.shift(timedelta(hours=hours))
            async with database.write() as db:
                await remarks.remark(db, await cast.scope(db, who), 1, "Which account?", is_question=is_question)
        now.shift(timedelta(hours=2))
        async with database.read() as db:
            scope = await cast.scope(db, "ada")
            shown = await queries.detail(db, scope, 1)
            in_all = await waiting.waited_in_all(db, scope)
    assert shown.decision.turn is Side.CLIENT
    assert (shown.waited.client, shown.waited.agency) == (3 * 60, 3 * 60)
    assert in_all == shown.waited


async def test_changes_that_are_wanted_wait_for_the_agency_until_it_asks_anew(database, cast, keys):
    await answer(database, cast, keys, await ask(database, cast), verdict=Verdict.CHANGES_WANTED, comment="Bigger")
    assert (await found(database, cast)).turn is Side.AGENCY
    await ask(database, cast, subject_version=2)
    assert (await found(database, cast, 1)).turn is None
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
        turns = (await db.scalars(select(DecisionTurn).where(DecisionTurn.project_id == scope.project_id))).all()
    assert [(one.decision_number, one.side) for one in turns if one.until_at is None] == [(2, Side.CLIENT)]


async def test_a_judgement_is_internal(database, cast):
    await ask(database, cast)
    async with database.write() as db:
        await remarks.judge(db, await cast.scope(db, "dan"), 1, "They always take a week")
        with pytest.raises(NotAllowed):
            await remarks.judge(db, await cast.scope(db, "ada"), 1, "What?")
    async with database.read() as db:
        ada = await cast.scope(db, "ada")
        assert await queries.judgements(db, ada, 1) == []
        kept = await queries.judgements(db, await cast.scope(db, "dan"), 1)
        assert [one.text for one in kept] == ["They always take a week"]
        events = await ledger.since(db, ada.project_id, ada.audiences, 0)
    assert "always take a week" not in str(events)


async def test_what_follows_is_done_once_and_with_the_answer_or_not_at_all(database, cast, keys, monkeypatch):
    decision, done = await ask(database, cast), []

    async def follow(_db, scope, settled):
        done.append((scope.viewer.actor, settled.outcome))
        if len(done) == 1:
            raise Conflict("The room refuses")

    monkeypatch.setattr(settlement, "FOLLOWS", {decision.kind: replace(UNFOLLOWED[decision.kind], after=follow)})

    async def decide():
        given = Answer(Verdict.APPROVED, decision.digest.hex())
        async with database.write() as db:
            scope = await cast.scope(db, "ada")
            return await settlement.decide(db, scope, keys, PORTAL, 1, given, proof_of("ada"))

    with pytest.raises(Conflict):
        await decide()
    assert (await found(database, cast)).state is DecisionState.ASKED
    assert await counted(database, Receipt) == 0
    assert [(await decide()).is_new for _ in range(2)] == [True, False]
    assert done == [("system", Verdict.APPROVED)] * 2


async def test_a_refusal_sent_twice_is_one_though_the_form_named_an_alternative(database, cast, keys):
    decision = await ask(database, cast, choices=(("A", "Now"), ("B", "Later")))
    refused = {"verdict": Verdict.DECLINED, "comment": "Too dear.", "choice": "A"}
    first = await answer(database, cast, keys, decision, **refused)
    again = await answer(database, cast, keys, decision, **refused)
    assert (again.is_new, again.receipt.seq) == (False, first.receipt.seq)


async def test_whatever_can_be_asked_can_be_answered_and_what_no_receipt_holds_cannot_be_asked(database, cast, keys):
    most = {"description": "桥" * ((MOST_CONTENT - 30) // 3)}
    answered = await answer(database, cast, keys, await ask(database, cast, content=most), comment="桥" * 4_000)
    assert receipts.verify(answered.receipt.token, keys.public).disclosed["content"] == most
    with pytest.raises(TooLarge):
        await ask(database, cast, subject_number=2, content={"description": "桥" * (MOST_CONTENT // 3 + 1)})
