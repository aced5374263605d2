"""What keeps a thing from being accepted, however late it comes: a go/no-go that said no, or that it was accepted."""

from datetime import timedelta

import pytest

from portal import clock, settlement
from portal.acceptance import deeming, standing
from portal.acceptance.models import AcceptanceState, Outcome
from portal.access import Role
from portal.decisions import queries as decisions
from portal.decisions import remarks
from portal.decisions.commands import Answer
from portal.decisions.models import DecisionState, Verdict
from portal.errors import Conflict
from portal.people import commands as people
from portal.projects import queries as projects
from tests.support.acceptance import add_milestone, add_plan, answer, ask, begun, close_round, offer, say_all
from tests.support.billing import confirmed
from tests.support.changes import sign
from tests.support.decisions import PORTAL, grant, proof_of

STATE = AcceptanceState


async def played(database, cast, **fields):
    """A plan of a milestone whose only round is over."""
    milestone = await add_milestone(database, cast)
    await begun(database, cast, milestone_number=milestone, **fields)
    await say_all(database, cast, dict.fromkeys((1, 2, 3), Outcome.PASSED))
    await close_round(database, cast)
    return milestone


async def row_of(database, cast, number):
    async with database.read() as db:
        return await standing.acceptance(db, await cast.scope(db, "ada"), number)


async def milestone_of(database, cast, number):
    async with database.read() as db:
        return await projects.milestone(db, await cast.scope(db, "ada"), number)


async def set_deemed(database, cast, days):
    await sign(database, cast, milestones=(), documents=(), deemed_after_days=days)


async def days_pass(database, monkeypatch, days=33):
    start = clock.now()
    for day in range(days):
        monkeypatch.setattr(clock, "now", lambda day=day: start + timedelta(days=day))
        await deeming.deem_due(database)


async def test_a_milestone_that_was_confirmed_otherwise_is_not_deemed_accepted_again(database, cast, keys, monkeypatch):
    await set_deemed(database, cast, 30)
    milestone = await played(database, cast)
    row = await ask(database, cast)
    await confirmed(database, cast, keys, milestone)
    signed = await milestone_of(database, cast, milestone)
    await days_pass(database, monkeypatch)
    assert (await row_of(database, cast, row.number)).state is STATE.WITHDRAWN
    assert (await milestone_of(database, cast, milestone)).seq == signed.seq


async def asked_before_the_no_go(database, cast, keys):
    """The rollout is put to the client, and then the pilot's go/no-go says no."""
    await played(database, cast, is_gate=True)
    later = await add_milestone(database, cast, "Rollout")
    await add_plan(database, cast, milestone_number=later)
    await offer(database, cast, 2)
    rollout = await ask(database, cast, 2)
    await answer(database, cast, keys, await ask(database, cast), Verdict.DECLINED, "No-go.")
    return later, rollout


async def test_a_no_go_blocks_what_was_asked_before_it(database, cast, keys):
    later, rollout = await asked_before_the_no_go(database, cast, keys)
    with pytest.raises(Conflict):
        await answer(database, cast, keys, rollout)
    assert (await milestone_of(database, cast, later)).accepted_on is None
    await answer(database, cast, keys, rollout, Verdict.DECLINED, "Nor this.")


async def test_silence_accepts_nothing_behind_a_no_go(database, cast, keys, monkeypatch):
    await set_deemed(database, cast, 30)
    later, rollout = await asked_before_the_no_go(database, cast, keys)
    await days_pass(database, monkeypatch)
    assert (await row_of(database, cast, rollout.number)).state is STATE.WITHDRAWN
    assert (await milestone_of(database, cast, later)).accepted_on is None


async def test_a_no_go_is_not_gone_round_by_asking_for_a_confirmation(database, cast, keys):
    later, _ = await asked_before_the_no_go(database, cast, keys)
    with pytest.raises(Conflict):
        async with database.write() as db:
            await settlement.ask_confirmation(db, await cast.scope(db, "wei"), later)


async def test_a_no_go_blocks_a_confirmation_that_was_asked_before_it(database, cast, keys):
    await played(database, cast, is_gate=True)
    later = await add_milestone(database, cast, "Rollout")
    async with database.write() as db:
        asked_for = await settlement.ask_confirmation(db, await cast.scope(db, "wei"), later)
    await answer(database, cast, keys, await ask(database, cast), Verdict.DECLINED, "No-go.")
    given = Answer(Verdict.APPROVED, asked_for.digest.hex())
    async with database.write() as db:
        scope = await cast.scope(db, "ada")
        with pytest.raises(Conflict):
            await settlement.decide(db, scope, keys, PORTAL, asked_for.number, given, proof_of("ada"))
    assert (await milestone_of(database, cast, later)).accepted_on is None


async def test_no_part_is_asked_about_beside_the_last(database, cast, keys):
    """It could be refused while the last part, which accepts the milestone, is accepted."""
    await played(database, cast)
    await answer(database, cast, keys, await ask(database, cast, part="Shop", is_whole=False))
    await ask(database, cast, part="Back office")
    with pytest.raises(Conflict):
        await ask(database, cast, part="Manual", is_whole=False)


async def test_nor_is_the_whole_asked_about_beside_a_part(database, cast):
    await played(database, cast)
    await ask(database, cast, part="Shop", is_whole=False)
    with pytest.raises(Conflict) as refused:
        await ask(database, cast)
    assert "The part Shop" in refused.value.message


async def both_plans_asked(database, cast):
    """Two plans of one milestone, each put to the client, and the question whether it is reached."""
    milestone = await played(database, cast)
    await begun(database, cast, milestone_number=milestone)
    await close_round(database, cast, plan=2)
    rows = [await ask(database, cast, plan) for plan in (1, 2)]
    async with database.write() as db:
        return rows, await settlement.ask_confirmation(db, await cast.scope(db, "wei"), milestone)


async def open_questions(database, cast):
    async with database.read() as db:
        found = await decisions.decisions(db, await cast.scope(db, "ada"), state=DecisionState.ASKED)
    return [one.number for one in found]


async def test_an_accepted_milestone_leaves_no_question_that_nobody_can_answer(database, cast, keys):
    (first, second), _ = await both_plans_asked(database, cast)
    await answer(database, cast, keys, first)
    assert (await row_of(database, cast, second.number)).state is STATE.WITHDRAWN
    assert await open_questions(database, cast) == []


async def test_nor_does_a_confirmed_one(database, cast, keys):
    rows, asked_for = await both_plans_asked(database, cast)
    async with database.write() as db:
        given = Answer(Verdict.APPROVED, asked_for.digest.hex())
        await settlement.decide(db, await cast.scope(db, "ada"), keys, PORTAL, asked_for.number, given, proof_of("ada"))
    assert {(await row_of(database, cast, one.number)).state for one in rows} == {STATE.WITHDRAWN}
    assert await open_questions(database, cast) == []


async def test_where_nobody_is_left_who_could_answer_no_silence_counts(database, cast, monkeypatch):
    await set_deemed(database, cast, 30)
    await played(database, cast)
    row = await ask(database, cast, people=(cast.people["ada"],))
    async with database.write() as db:
        await people.change_roles(db, await cast.scope(db, "wei"), cast.people["ada"], ["viewer"])
    await days_pass(database, monkeypatch)
    kept = await row_of(database, cast, row.number)
    assert (kept.state, kept.announced) == (STATE.ASKED, 0)
    async with database.write() as db:
        await people.change_roles(db, await cast.scope(db, "wei"), cast.people["ada"], ["approver"])
    await days_pass(database, monkeypatch, 3)
    assert (await row_of(database, cast, row.number)).state is STATE.DEEMED


async def test_a_no_go_stands_while_its_question_is_put_anew(database, cast, keys):
    await played(database, cast, is_gate=True)
    later = await add_milestone(database, cast, "Rollout")
    await add_plan(database, cast, milestone_number=later)
    await offer(database, cast, 2)
    await answer(database, cast, keys, await ask(database, cast), Verdict.DECLINED, "No-go.")
    await ask(database, cast)
    with pytest.raises(Conflict):
        await ask(database, cast, 2)


@pytest.mark.parametrize("how", ["confirmed", "by another plan"])
async def test_a_no_go_ends_with_the_acceptance_of_its_milestone(database, cast, keys, how):
    """Nobody could be asked again about a milestone that was accepted: its no would stand for good."""
    pilot = await played(database, cast, is_gate=True)
    later = await add_milestone(database, cast, "Rollout")
    await begun(database, cast, milestone_number=later)
    await close_round(database, cast, plan=2)
    await answer(database, cast, keys, await ask(database, cast), Verdict.DECLINED, "No-go.")
    if how == "confirmed":
        await confirmed(database, cast, keys, pilot)
    else:
        await begun(database, cast, milestone_number=pilot)
        await close_round(database, cast, plan=3)
        await answer(database, cast, keys, await ask(database, cast, 3))
    await answer(database, cast, keys, await ask(database, cast, 2))
    assert (await milestone_of(database, cast, later)).accepted_on is not None


async def test_a_no_go_of_one_part_stands_whatever_another_part_says(database, cast, keys):
    await played(database, cast, is_gate=True)
    later = await add_milestone(database, cast, "Rollout")
    await add_plan(database, cast, milestone_number=later)
    await offer(database, cast, 2)
    shop, office = [await ask(database, cast, part=part, is_whole=False) for part in ("Shop", "Office")]
    await answer(database, cast, keys, shop, Verdict.DECLINED, "No-go.")
    await answer(database, cast, keys, office)
    with pytest.raises(Conflict):
        await ask(database, cast, 2)
    await answer(database, cast, keys, await ask(database, cast))
    await ask(database, cast, 2)


async def test_the_answer_of_one_of_two_is_no_silence(database, cast, keys, monkeypatch):
    """What one signed, and under which reservation, is not made a silence by the other's."""
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    await set_deemed(database, cast, 5)
    milestone = await played(database, cast)
    row = await ask(database, cast, people=(cast.people["ada"], cast.people["eve"]))
    await answer(database, cast, keys, row, Verdict.APPROVED_WITH_REMARKS, "- The footer")
    await days_pass(database, monkeypatch)
    row = await row_of(database, cast, 1)
    assert (row.state, row.announced) == (STATE.ASKED, 0)
    assert (await milestone_of(database, cast, milestone)).accepted_on is None
    await answer(database, cast, keys, row, who="eve")
    assert [one["text"] for one in (await row_of(database, cast, 1)).reservations] == ["The footer"]


async def remark(database, cast, row, who, **more):
    async with database.write() as db:
        await remarks.remark(db, await cast.scope(db, who), row.decision_number, "So?", **more)


async def test_who_waits_for_the_teams_answer_is_not_silent(database, cast, monkeypatch):
    await set_deemed(database, cast, 5)
    await played(database, cast)
    row = await ask(database, cast)
    await remark(database, cast, row, "ada", is_question=True)
    await days_pass(database, monkeypatch)
    row = await row_of(database, cast, 1)
    assert (row.state, row.announced) == (STATE.ASKED, 0)
    await remark(database, cast, row, "dan")
    await days_pass(database, monkeypatch)
    assert (await row_of(database, cast, 1)).state is STATE.DEEMED


async def test_who_got_the_teams_answer_late_has_two_days_for_theirs(database, cast, monkeypatch):
    """The question came after both announcements, and the team answered when the period was over."""
    await set_deemed(database, cast, 10)
    await played(database, cast)
    row = await ask(database, cast)
    start = clock.now().replace(hour=12)  # at noon no change of clocks makes it another day
    states = []
    for day in range(20):
        monkeypatch.setattr(clock, "now", lambda day=day: start + timedelta(days=day))
        if (who := {9: "ada", 15: "dan"}.get(day)) is not None:
            await remark(database, cast, row, who, is_question=who == "ada")
        await deeming.deem_due(database)
        states.append((await row_of(database, cast, 1)).state)
    assert states == [STATE.ASKED] * 18 + [STATE.DEEMED] * 2


async def test_no_silence_counts_before_the_day_by_which_an_answer_is_asked_for(database, cast, monkeypatch):
    await set_deemed(database, cast, 5)
    await played(database, cast)
    day = clock.now().date() + timedelta(days=20)
    row = await ask(database, cast, due_on=day)
    assert row.deemed_on == day
    await days_pass(database, monkeypatch, 20)
    assert (await row_of(database, cast, row.number)).state is STATE.ASKED
