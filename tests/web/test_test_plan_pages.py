"""A test plan's page, and its acceptance: what stands how, what is decided, and what holds its milestone up."""

from fastapi import FastAPI

from portal import traceability
from portal.acceptance.models import Outcome
from portal.access import Role
from portal.db import Database
from portal.decisions import delegations
from portal.decisions.models import Verdict
from portal.trace.models import TraceKind
from portal.trace.rules import End
from tests.support import requirements, testers
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
from tests.support.cast import Cast
from tests.support.decisions import grant, proof_of
from tests.support.statements import counting
from tests.web.conftest import Browser

TESTS = "/projects/BRIDGE/tests"
PLAN = f"{TESTS}/1"


async def test_a_draft_is_among_us_until_it_is_offered(browser: Browser, database: Database, cast: Cast) -> None:
    await add_plan(database, cast)
    assert "Nothing is tested yet." in await browser.read(TESTS)
    assert (await browser.get(PLAN)).status_code == 404
    assert "Draft" in await browser.read(PLAN, "dan")
    await offer(database, cast)
    shown = await browser.read(PLAN)
    for said in ("Test plan 1, version 1", "none is blocked", "Missing: 3", "No round yet.", "One pays"):
        assert said in shown


async def test_every_plan_is_found_however_many_came_after_it(browser: Browser, database: Database, cast: Cast) -> None:
    for number in range(1, 52):
        await add_plan(database, cast, title=f"Plan {number}.")
        await offer(database, cast, number)
    first = (await browser.open(TESTS, "eve")).text
    assert ("Plan 51." in first, "Plan 1." in first, f'href="{TESTS}?before=2"' in first) == (True, False, True)
    assert "Plan 1." in await browser.read(f"{TESTS}?before=2", "eve")


async def test_a_plan_says_how_many_of_its_cases_stand_how(browser: Browser, database: Database, running: Cast) -> None:
    await say_all(database, running, {1: Outcome.PASSED, 2: Outcome.FAILED})
    assert "Passed 1 Not applicable 0 Blocked 0 Failed 1 Not run 1" in await browser.read(PLAN)


async def test_what_a_plan_belongs_together_with_is_one_click_away(
    browser: Browser, database: Database, running: Cast
) -> None:
    await testers.enter(database, running)
    await requirements.add(database, running)
    await requirements.add(database, running, title="Inside", audience="internal")
    async with database.write() as db:
        for number in (1, 2):
            ends = End(TraceKind.TEST_PLAN, 1), End(TraceKind.REQUIREMENT, number)
            await traceability.link(db, await running.scope(db, "dan"), *ends)
    found = {}
    for who in ("ada", "dan", "tess"):
        page = await browser.open(PLAN, who)
        found[who] = [link.get("href").rpartition("/")[2] for link in page.all("section[@id='links']//a")]
    assert found == {"ada": ["1"], "dan": ["1", "2"], "tess": []}


async def test_acceptance_is_read_decided_and_printed(
    browser: Browser, database: Database, portal: FastAPI, running: Cast
) -> None:
    await say(database, running, "ada", 1, Outcome.PASSED)
    await say(database, running, "ada", 2, Outcome.FAILED, remark="Two receipts")
    await close_round(database, running)
    asked = await ask(database, running)
    page = f"/projects/BRIDGE/decisions/{asked.decision_number}"
    shown = await browser.open(page)
    said = shown.words(shown.all("main")[0])
    for words in ("version 1", "Missing: 1", "Met", "One pays", "Ada: Failed", "Two receipts", "Nobody ran it.",
                  "a dash, the text, and a day", asked.protocol_digest.hex()):  # fmt: skip
        assert words in said, words
    assert [one.get("value") for one in shown.all("input[@name='verdict']")] == [
        "approved", "approved_with_remarks", "declined",
    ]  # fmt: skip
    comment = "- The footer on a phone — 2030-12-10\n- The second receipt"
    await answer(database, running, portal.state.keys, asked, Verdict.APPROVED_WITH_REMARKS, comment)
    plan = await browser.read(PLAN)
    for words in ("Accepted with reservations", "The footer on a phone", "The second receipt", "Protocol (PDF)"):
        assert words in plan
    for path in (page, "/projects/BRIDGE/decisions"):
        assert "Accepted with reservations" in await browser.read(path)


async def test_the_page_of_an_acceptance_costs_the_same_with_many_results(
    browser: Browser, database: Database, running: Cast
) -> None:
    await close_round(database, running)
    first = await ask(database, running)
    many = await add_plan(database, running, [{"title": f"Case {one}"} for one in range(350)], title="Many")
    await offer(database, running, many.number)
    await open_round(database, running, plan=many.number)
    await say_all(database, running, dict.fromkeys(range(1, 351), Outcome.PASSED), plan=many.number)
    await close_round(database, running, plan=many.number)
    second = await ask(database, running, plan=many.number)
    costs = []
    for number in (first.decision_number, second.decision_number):
        with counting(database) as seen:
            page = await browser.open(f"/projects/BRIDGE/decisions/{number}")
        costs.append(len(seen))
    assert costs[0] == costs[1]
    assert "50 more cases stand in the PDF." in page.text


async def test_a_no_go_stands_at_its_milestone_until_it_is_a_go(
    browser: Browser, database: Database, portal: FastAPI, cast: Cast
) -> None:
    milestone = await add_milestone(database, cast, "Pilot")
    await begun(database, cast, milestone_number=milestone, is_gate=True)
    await close_round(database, cast)
    refused = await ask(database, cast)
    await answer(database, cast, portal.state.keys, refused, Verdict.DECLINED, "Too slow.")
    for path in ("/projects/BRIDGE/milestones", f"/projects/BRIDGE/milestones/{milestone}"):
        assert "No-go" in await browser.read(path)
    again = await ask(database, cast)
    await answer(database, cast, portal.state.keys, again)
    for path in ("/projects/BRIDGE/milestones", f"/projects/BRIDGE/milestones/{milestone}"):
        shown = await browser.read(path)
        assert "No-go" not in shown
        assert "Confirmed by the client" in shown


async def test_who_cannot_answer_is_told_of_the_question_and_a_delegate_decides(
    browser: Browser, database: Database, running: Cast
) -> None:
    async with database.write() as db:
        await grant(db, running, "eve", Role.APPROVER)
        scope = await running.scope(db, "ada")
        await delegations.delegate(db, scope, running.people["finn"], scope.today, scope.today, proof_of("ada"))
    await close_round(database, running)
    await ask(database, running, people=(running.people["ada"],))
    for who, label in (("ada", "Decide"), ("eve", "To the question"), ("finn", "Decide"), ("dan", "To the question")):
        page = await browser.open(PLAN, who)
        assert [page.words(one) for one in page.all("a[@class='button primary']")] == [label]


async def test_a_round_that_runs_is_one_click_away_whatever_was_asked_before_it(
    browser: Browser, database: Database, running: Cast
) -> None:
    await close_round(database, running)
    await ask(database, running)
    assert "To the round" not in await browser.read(TESTS)
    await open_round(database, running)
    shown = await browser.read(TESTS)
    assert ("To the round" in shown, "Withdrawn" in shown) == (True, False)
