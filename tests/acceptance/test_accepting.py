"""Defects and acceptance: one step to the backlog, what is signed, and what follows from each answer."""

import json
from datetime import UTC, datetime, time, timedelta

import pytest

from portal import clock, settlement
from portal.acceptance import case_pages, deeming, defects, editing, gates, pages, results, standing
from portal.acceptance.defects import NewDefect
from portal.acceptance.models import AcceptanceState, Outcome, Severity, Why
from portal.access import Role
from portal.apart import SomeFailed
from portal.backlog import commands as backlog
from portal.backlog import queries as items
from portal.decisions import commands as decisions
from portal.decisions import queries as asked
from portal.decisions.models import DecisionState, Verdict
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.ledger import canonical
from portal.ledger import queries as ledger
from portal.projects import queries as projects
from portal.projects.commands import change_project
from portal.trace.models import TraceKind
from portal.traceability import links_of
from tests.support.acceptance import (
    add_milestone,
    add_plan,
    answer,
    ask,
    begun,
    close_round,
    offer,
    open_round,
    say,
    say_all,
)
from tests.support.changes import sign
from tests.support.decisions import grant
from tests.support.statements import counting

P, F = Outcome.PASSED, Outcome.FAILED
STATE = AcceptanceState


async def defect(database, cast, who="ada", title="It does not ask", case=1, number=1, **more):
    async with database.write() as db:
        given = NewDefect(title=title, severity=Severity.MAJOR, **more)
        return await defects.raise_defect(db, await cast.scope(db, who), 1, number, case, given)


async def finish(database, cast, number):
    async with database.write() as db:
        dan = await cast.scope(db, "dan")
        await backlog.change_item(db, dan, number, {"status": "Done"})


ALL_PASSED = {1: P, 2: P, 3: P}


async def played(database, cast, **fields):
    """A plan of a milestone whose only round is over."""
    milestone = await add_milestone(database, cast)
    outcomes = fields.pop("outcomes", ALL_PASSED)
    await begun(database, cast, milestone_number=milestone, **fields)
    await say_all(database, cast, outcomes)
    await close_round(database, cast)
    return milestone


async def row_of(database, cast, number=1, who="ada"):
    async with database.read() as db:
        return await standing.acceptance(db, await cast.scope(db, who), number)


async def milestone_of(database, cast, number):
    async with database.read() as db:
        return await projects.milestone(db, await cast.scope(db, "ada"), number)


async def test_a_failed_case_makes_a_defect_in_one_step_linked_both_ways(database, cast):
    milestone = await add_milestone(database, cast)
    await begun(database, cast, milestone_number=milestone)
    with pytest.raises(Conflict):
        await defect(database, cast)
    await say(database, cast, "ada", 1, F, remark="A blank page.", device="Tablet")
    first = await defect(database, cast, environment="Firefox")
    again = await defect(database, cast)
    assert first.item_number == again.item_number
    async with database.read() as db:
        eve = await cast.scope(db, "eve")
        item = await items.item(db, eve, first.item_number)
        assert (item.type, item.audience) == ("bug", "client")
        for words in ("1. Open the page → It asks for a name", "A blank page.", "Firefox", "Tablet", "The front page"):
            assert words in item.description
        (link,) = await links_of(db, eve, TraceKind.ITEM, item.number)
        assert (link.kind, link.number) == (TraceKind.TEST_PLAN, 1)
        page = await case_pages.case_page(db, eve, 1, 1, 1)
        assert [(one.item_number, one.title, one.severity) for one in page.defects] == [
            (item.number, "It does not ask", Severity.MAJOR)
        ]
        over = await standing.defects_over_rounds(db, eve, 1)
        assert [(one.found[Severity.MAJOR], one.open[Severity.MAJOR]) for one in over.defects] == [(1, 1)]


async def test_a_case_of_many_words_makes_a_defect_all_the_same(database, cast):
    """What an item has no room for stands with the case, which its description names first."""
    long = "x" * 20_000
    steps = [{"action": long, "expected": long}] * 6
    await begun(database, cast, cases=[{"title": "Long", "precondition": long, "steps": steps, "expected": long}])
    await say(database, cast, "ada", 1, F, remark="A blank page.")
    row = await defect(database, cast)
    async with database.read() as db:
        item = await items.item(db, await cast.scope(db, "ada"), row.item_number)
    assert item.description.startswith("Test plan 1, case 1: Long; round 1.")
    assert item.description.endswith("**Seen**\n\nA blank page.")


async def test_staff_and_testers_raise_defects_and_nobody_else(database, cast):
    await begun(database, cast, "ada")
    await say(database, cast, "ada", 1, F)
    await defect(database, cast, "dan")
    with pytest.raises(NotAllowed):
        await defect(database, cast, "eve")
    with pytest.raises(NotFound):
        await defect(database, cast, "mallory")


async def test_a_defect_that_is_done_is_asked_again_and_an_open_one_waits(database, cast):
    await begun(database, cast)
    await say_all(database, cast, {1: F, 2: P, 3: F})
    for case in (1, 3):
        await defect(database, cast, case=case, title=f"Case {case}")
    await close_round(database, cast)
    with pytest.raises(Conflict):
        await open_round(database, cast)
    await finish(database, cast, 1)
    await open_round(database, cast)
    async with database.read() as db:
        ada = await cast.scope(db, "ada")
        head = await pages.round_head(db, ada, 1, 2)
        found = await pages.round_cases(db, ada, head.round)
        assert [(one.number, one.why) for one in found] == [(1, Why.DEFECT_DONE)]
        over = await standing.defects_over_rounds(db, ada, 1)
        assert [one.open[Severity.MAJOR] for one in over.defects] == [2, 1]


async def test_what_passed_is_asked_again_when_what_it_covers_changed(database, cast):
    async with database.write() as db:
        dan = await cast.scope(db, "dan")
        for title in ("Pay", "Print"):
            await backlog.add_item(db, dan, {"title": title, "audience": "client"})
    await begun(database, cast, cases=[{"title": title, "item_number": at} for at, title in ((1, "Pay"), (2, "Print"))])
    await say_all(database, cast, {1: P, 2: P})
    await close_round(database, cast)
    async with database.write() as db:
        dan = await cast.scope(db, "dan")
        await backlog.change_item(db, dan, 2, {"priority": "high"})
    with pytest.raises(Conflict):
        await open_round(database, cast)
    async with database.write() as db:
        await backlog.change_item(db, await cast.scope(db, "dan"), 1, {"acceptance_criteria": "- By card"})
    assert (await open_round(database, cast)).cases == 1


async def test_what_changed_is_still_asked_after_a_result_of_it_was_taken_back(database, cast):
    """The item was reworded while the round ran in which its case had passed already."""
    async with database.write() as db:
        await backlog.add_item(db, await cast.scope(db, "dan"), {"title": "Pay", "audience": "client"})
    await begun(database, cast, cases=[{"title": "Pay", "item_number": 1}])
    await say(database, cast, "ada", 1, P)
    async with database.write() as db:
        await backlog.change_item(db, await cast.scope(db, "dan"), 1, {"acceptance_criteria": "- By card"})
    await close_round(database, cast)
    await open_round(database, cast)
    said = await say(database, cast, "ada", 1, P, number=2)
    async with database.write() as db:
        await results.undo(db, await cast.scope(db, "ada"), 1, 2, [said.id])
    await close_round(database, cast, 2)
    assert (await open_round(database, cast)).cases == 1


async def test_acceptance_signs_the_protocol_and_accepts_the_milestone(database, cast, keys):
    milestone = await played(database, cast)
    row = await ask(database, cast)
    assert canonical.digest_of(row.protocol) == row.protocol_digest
    protocol = json.loads(row.protocol)
    assert [one["verdict"] for one in protocol["cases"]] == ["passed"] * 3
    assert [one["name"] for one in protocol["cases"][0]["results"]] == ["Ada"]
    assert [(one["what"], one["is_met"]) for one in protocol["criteria"]] == [("all_run", True), ("most_failed", True)]
    async with database.read() as db:
        content = asked.content_of(await asked.decision(db, await cast.scope(db, "ada"), row.decision_number))
    assert content["protocol_sha256"] == row.protocol_digest.hex()
    assert len(content["results"]) == 3
    await answer(database, cast, keys, row)
    assert (await row_of(database, cast)).state is STATE.ACCEPTED
    assert (await milestone_of(database, cast, milestone)).accepted_on is not None
    with pytest.raises(Conflict):
        await ask(database, cast)


async def test_what_was_said_of_other_words_is_not_signed_with_a_case(database, cast):
    await played(database, cast)
    async with database.write() as db:
        await editing.change_case(db, await cast.scope(db, "dan"), 1, 1, {"expected": "The second page"})
    await offer(database, cast)
    reworded, same, _ = json.loads((await ask(database, cast)).protocol)["cases"]
    assert (reworded["verdict"], reworded["results"]) == (None, [])
    assert [one["name"] for one in same["results"]] == ["Ada"]


async def test_reservations_become_items_with_their_day(database, cast, keys):
    milestone = await played(database, cast)
    day = (clock.now() + timedelta(days=14)).date().isoformat()
    comment = f"We accept, but:\n- The footer on a phone — {day}\n- The manual"
    await answer(database, cast, keys, await ask(database, cast), Verdict.APPROVED_WITH_REMARKS, comment)
    row = await row_of(database, cast)
    assert row.state is STATE.ACCEPTED_WITH_RESERVATIONS
    assert [(one["text"], one["due_on"]) for one in row.reservations] == [
        ("The footer on a phone", day), ("The manual", None),
    ]  # fmt: skip
    async with database.read() as db:
        item = await items.item(db, await cast.scope(db, "eve"), row.reservations[0]["item"])
        assert (item.title, day in item.description) == ("The footer on a phone", True)
    assert (await milestone_of(database, cast, milestone)).accepted_on is not None


async def test_a_reservation_of_the_past_decides_nothing(database, cast, keys):
    await played(database, cast)
    row = await ask(database, cast)
    for comment in ("- The footer — 2001-01-01", "- The footer — 2026-19-01"):
        with pytest.raises(Invalid):
            await answer(database, cast, keys, row, Verdict.APPROVED_WITH_REMARKS, comment)
    assert (await row_of(database, cast)).state is STATE.ASKED


async def test_refused_with_reasons_accepts_nothing_and_can_be_asked_anew(database, cast, keys):
    milestone = await played(database, cast, outcomes={1: F, 2: P, 3: P})
    row = await ask(database, cast)
    assert not all(one["is_met"] for one in json.loads(row.protocol)["criteria"])
    await answer(database, cast, keys, row, Verdict.DECLINED, "It does not work.")
    assert (await row_of(database, cast)).state is STATE.REFUSED
    assert (await milestone_of(database, cast, milestone)).accepted_on is None
    assert (await ask(database, cast)).number == 2


async def test_a_protocol_is_accepted_or_refused_never_changed(database, cast, keys):
    await played(database, cast)
    with pytest.raises(Invalid):
        await answer(database, cast, keys, await ask(database, cast), Verdict.CHANGES_WANTED, "Another colour.")


async def test_two_approvers_with_opposite_answers(database, cast, keys):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    milestone = await played(database, cast)
    row = await ask(database, cast, people=(cast.people["ada"], cast.people["eve"]))
    await answer(database, cast, keys, row)
    assert (await row_of(database, cast)).state is STATE.ASKED
    await answer(database, cast, keys, row, Verdict.DECLINED, "Not yet.", who="eve")
    assert (await row_of(database, cast)).state is STATE.REFUSED
    assert (await milestone_of(database, cast, milestone)).accepted_on is None


async def test_reservations_of_all_signers_count(database, cast, keys):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    await played(database, cast)
    row = await ask(database, cast, people=(cast.people["ada"], cast.people["eve"]))
    await answer(database, cast, keys, row, Verdict.APPROVED_WITH_REMARKS, "- One")
    await answer(database, cast, keys, row, Verdict.APPROVED_WITH_REMARKS, "- One\n- Two", who="eve")
    assert [one["text"] for one in (await row_of(database, cast)).reservations] == ["One", "Two"]


@pytest.mark.parametrize("who", ["dan", "wei", "root", "eve"])
async def test_nobody_but_an_approver_signs(database, cast, keys, who):
    await played(database, cast)
    row = await ask(database, cast)
    with pytest.raises(NotAllowed):
        await answer(database, cast, keys, row, who=who)


@pytest.mark.parametrize("who", ["dan", "ada", "maria"])
async def test_managers_ask_for_acceptance(database, cast, who):
    await played(database, cast)
    with pytest.raises(NotAllowed):
        await ask(database, cast, who=who)


async def test_what_is_still_tested_is_not_put_to_the_client(database, cast):
    await begun(database, cast)
    with pytest.raises(Conflict):
        await ask(database, cast)


async def test_a_new_round_or_version_takes_the_question_back(database, cast, keys):
    await played(database, cast, outcomes={1: F, 2: P, 3: P})
    first = await ask(database, cast)
    second = await ask(database, cast)
    assert (await row_of(database, cast)).state is STATE.WITHDRAWN
    await open_round(database, cast)
    assert (await row_of(database, cast, 2)).state is STATE.WITHDRAWN
    for row in (first, second):
        with pytest.raises(Conflict):
            await answer(database, cast, keys, row)


async def test_a_milestone_accepted_in_parts_is_accepted_with_the_last(database, cast, keys):
    milestone = await played(database, cast)
    shop = await ask(database, cast, part="Shop", is_whole=False)
    admin = await ask(database, cast, part="Back office", is_whole=False)
    await answer(database, cast, keys, shop)
    await answer(database, cast, keys, admin, Verdict.DECLINED, "Not yet.")
    assert (await milestone_of(database, cast, milestone)).accepted_on is None
    with pytest.raises(Conflict):
        await ask(database, cast, part="Manual")
    with pytest.raises(Conflict):
        await ask(database, cast, part="Shop", is_whole=False)
    with pytest.raises(Invalid):
        await ask(database, cast, is_whole=False)
    await answer(database, cast, keys, await ask(database, cast, part="Back office"))
    assert (await milestone_of(database, cast, milestone)).accepted_on is not None


async def test_a_no_go_blocks_what_follows_until_it_says_go(database, cast, keys):
    pilot = await played(database, cast, is_gate=True)
    later = await add_milestone(database, cast, "Rollout")
    await add_plan(database, cast, milestone_number=later)
    await offer(database, cast, 2)
    await answer(database, cast, keys, await ask(database, cast), Verdict.DECLINED, "No-go.")
    async with database.read() as db:
        assert await gates.no_go(db, await cast.scope(db, "eve")) == {pilot}
    with pytest.raises(Conflict):
        await ask(database, cast, 2)
    await answer(database, cast, keys, await ask(database, cast))
    async with database.read() as db:
        assert await gates.no_go(db, await cast.scope(db, "eve")) == set()
    await ask(database, cast, 2)


async def set_deemed(database, cast, days):
    await sign(database, cast, milestones=(), documents=(), deemed_after_days=days)


async def test_silence_counts_only_where_the_contract_says_so(database, cast):
    await set_deemed(database, cast, None)
    await played(database, cast)
    row = await ask(database, cast)
    assert row.deemed_on is None
    assert await deeming.deem_due(database) == 0


async def test_deemed_acceptance_is_announced_twice_and_is_no_signature(database, cast, monkeypatch):
    await set_deemed(database, cast, 30)
    milestone = await played(database, cast)
    row = await ask(database, cast)
    asked_on, steps = row.deemed_on - timedelta(days=30), []
    start = datetime.combine(asked_on, time(12), UTC)  # at noon no change of clocks makes it another day
    for day in range(33):
        monkeypatch.setattr(clock, "now", lambda day=day: start + timedelta(days=day))
        for _ in range(2):
            if await deeming.deem_due(database):
                steps.append(day)
    assert steps == [23, 28, 31]
    row = await row_of(database, cast)
    assert (row.state, row.announced) == (STATE.DEEMED, 2)
    async with database.read() as db:
        ada = await cast.scope(db, "ada")
        decision = await asked.decision(db, ada, row.decision_number)
        assert (decision.state, decision.outcome) == (DecisionState.WITHDRAWN, None)
        assert await asked.answers_of(db, ada, decision.number) == []
        kinds = [one.kind for one in await ledger.latest(db, ada.project_id, ada.audiences)]
        assert kinds.count("acceptance.announced") == 2
        assert "acceptance.deemed" in kinds
        assert "milestone.deemed_accepted" in kinds
        assert "milestone.accepted" not in kinds
    assert (await milestone_of(database, cast, milestone)).accepted_on is not None


async def test_an_acceptance_that_cannot_be_deemed_is_counted_as_failed(database, cast, monkeypatch):
    await set_deemed(database, cast, 5)
    await played(database, cast)
    await ask(database, cast)

    async def fails(*_given):
        raise ValueError

    monkeypatch.setattr(deeming, "_step", fails)
    with pytest.raises(SomeFailed):
        await deeming.deem_due(database)


async def test_a_question_that_is_taken_back_ends_its_acceptance_at_once(database, cast):
    await played(database, cast)
    row = await ask(database, cast)
    async with database.write() as db:
        await settlement.withdraw(db, await cast.scope(db, "wei"), row.decision_number, "Not now.")
    assert (await row_of(database, cast)).state is STATE.WITHDRAWN
    async with database.read() as db:
        ada = await cast.scope(db, "ada")
        told = [one for one in await ledger.latest(db, ada.project_id, ada.audiences) if "withdrawn" in one.kind]
    assert [(one.kind, one.body["reason"]) for one in told] == [
        ("acceptance.withdrawn", "Not now."), ("decision.withdrawn", "Not now."),
    ]  # fmt: skip
    assert (await ask(database, cast)).state is STATE.ASKED


async def test_what_was_answered_or_taken_back_is_never_deemed(database, cast, keys, monkeypatch):
    await set_deemed(database, cast, 5)
    await played(database, cast)
    row = await ask(database, cast)
    async with database.write() as db:
        await decisions.withdraw(db, await cast.scope(db, "wei"), row.decision_number, "Not now.")
    start = clock.now()
    for day in range(20):
        monkeypatch.setattr(clock, "now", lambda day=day: start + timedelta(days=day))
        await deeming.deem_due(database)
    assert (await row_of(database, cast)).state is STATE.WITHDRAWN


async def test_silence_in_an_archived_project_says_nothing_and_costs_nothing(database, cast, monkeypatch):
    await set_deemed(database, cast, 5)
    await played(database, cast)
    await ask(database, cast)
    async with database.write() as db:
        await change_project(db, await cast.scope(db, "wei"), {"status": "archived"})
    later = clock.now() + timedelta(days=20)
    monkeypatch.setattr(clock, "now", lambda: later)
    with counting(database) as statements:
        assert await deeming.deem_due(database) == 0
    assert len(statements) == 1
