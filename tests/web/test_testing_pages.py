"""Testing in the browser: one case a screen, results that count once, marking many, and who may do what."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from httpx2 import Response
from sqlalchemy import func, select

from portal import clock
from portal.acceptance.models import Outcome, TestResult
from portal.calendar_feed import queries as calendar
from portal.db import Database
from portal.projects import commands as projects
from tests.support import testers
from tests.support.acceptance import (
    CASES,
    add_plan,
    ask,
    begun,
    close_round,
    offer,
    open_round,
    say,
    say_all,
)
from tests.support.cast import Cast
from tests.support.files import picture
from tests.support.statements import counting
from tests.web.conftest import SAME_ORIGIN, Browser

TESTS = "/projects/BRIDGE/tests"
PLAN, ROUND = f"{TESTS}/1", f"{TESTS}/1/rounds/1"
CASE = f"{ROUND}/cases/1"
JSON = {"Accept": "application/json"}


async def send(
    browser: Browser,
    path: str = CASE,
    who: str = "ada",
    *,
    photo: bytes | None = None,
    headers: dict[str, str] | None = None,
    **fields: str,
) -> Response:
    """The form of one case, as its page sends it."""
    given = {"id": str(uuid4()), "outcome": "passed", "remark": "", "device": ""} | fields
    parts: list[Any] = [(name, (None, value)) for name, value in given.items()]
    parts += [("file", ("photo.png", photo, "image/png"))] if photo else []
    all_headers = browser.cast.cookie(who) | SAME_ORIGIN | (headers or {})
    return await browser.client.post(f"{path}/results", files=parts, headers=all_headers)


async def count(database: Database, cast: Cast) -> int:
    async with database.read() as db:
        mine = TestResult.project_id == (await cast.scope(db, "wei")).project_id
        return await db.scalar(select(func.count()).select_from(TestResult).where(mine)) or 0


async def test_a_tester_goes_from_case_to_case_until_all_is_said(browser: Browser, running: Cast) -> None:
    page = await browser.open(CASE)
    assert [one.get("value") for one in page.all("input[@name='outcome']")] == [
        "passed", "failed", "blocked", "not_applicable",
    ]  # fmt: skip
    for number, following in ((1, f"{ROUND}/cases/2"), (2, f"{ROUND}/cases/3"), (3, f"{ROUND}?notice=done")):
        kept = await send(browser, f"{ROUND}/cases/{number}", remark="As it should be.", device="A phone")
        assert (kept.status_code, kept.headers["location"]) == (303, following)
    assert "You have said something of every case." in await browser.read(f"{ROUND}?notice=done")
    shown = await browser.read(CASE)
    for said in ("Passed", "As it should be.", "A phone", "Ada", "One signs in", "It asks for a name"):
        assert said in shown


@pytest.mark.parametrize("headers", [JSON, {}])
async def test_a_result_that_is_sent_twice_is_one(
    browser: Browser, database: Database, running: Cast, headers: dict[str, str]
) -> None:
    result = str(uuid4())
    sent = [await send(browser, id=result, photo=picture(), headers=headers) for _ in range(3)]
    assert {one.status_code for one in sent} == {200 if headers else 303}
    if headers:
        assert {one.json()["kept"] for one in sent} == {result}
        assert {one.json()["next"] for one in sent} == {f"{ROUND}/cases/2"}
    assert await count(database, running) == 1
    page = await browser.open(CASE)
    assert len([link for link in page.all("a") if f"{PLAN}/files/" in link.get("href", "")]) == 1


async def test_a_photo_opens_for_whoever_sees_the_plan(browser: Browser, database: Database, running: Cast) -> None:
    await testers.enter(database, running)
    assert (await send(browser, outcome="failed", photo=picture())).status_code == 303
    link = re.search(rf'href="({PLAN}/files/\d+)"', (await browser.open(CASE, "tess")).text)
    assert link is not None
    for who, status in {"ada": 200, "eve": 200, "tess": 200, "dan": 200, "mallory": 404, "nemo": 404}.items():
        found = await browser.get(link[1], who)
        assert found.status_code == status, who
        assert (found.headers["content-type"] == "image/png") == (status == 200)


async def test_a_result_that_waited_tells_when_it_was_entered(
    browser: Browser, database: Database, running: Cast
) -> None:
    entered = clock.now()
    with time_machine.travel(entered + timedelta(hours=1), tick=False):
        assert (await send(browser, at=entered.isoformat(), headers=JSON)).status_code == 200
    async with database.read() as db:
        mine = TestResult.project_id == (await running.scope(db, "wei")).project_id
        assert (await db.scalar(select(TestResult.at).where(mine))) == entered


@pytest.mark.parametrize(
    ("wrong", "status"),
    [({"id": "1"}, 422), ({"outcome": "perfect"}, 422), ({"outcome": ""}, 422), ({"remark": "x" * 4001}, 422),
     ({"device": "x" * 301}, 422), ({"stranger": "1"}, 422), ({"at": "yesterday"}, 422),
     ({"at": "2026-11-26T10:00:00"}, 422)],
)  # fmt: skip
async def test_what_is_wrong_is_refused_and_leaves_nothing(
    browser: Browser, database: Database, running: Cast, wrong: dict[str, Any], status: int
) -> None:
    assert (await send(browser, photo=picture(), **wrong)).status_code == status
    assert await count(database, running) == 0


async def test_an_id_that_is_another_results_is_refused(browser: Browser, database: Database, running: Cast) -> None:
    result = str(uuid4())
    await send(browser, id=result)
    tries: tuple[tuple[str, str, dict[str, Any]], ...] = (
        (CASE, "eve", {}), (f"{ROUND}/cases/2", "ada", {}), (CASE, "ada", {"outcome": "failed"}),
    )  # fmt: skip
    for path, who, fields in tries:
        assert (await send(browser, path, who, id=result, **fields)).status_code == 409
    assert await count(database, running) == 1


async def test_what_waited_in_a_browser_is_not_entered_by_who_signed_in_there_after(
    browser: Browser, database: Database, running: Cast
) -> None:
    ada = str(running.people["ada"])
    late = await send(browser, CASE, "eve", photo=picture(), headers=JSON, entered_by=ada)
    assert (late.status_code, late.headers.get("location")) == (303, "/auth/login")
    assert await count(database, running) == 0
    assert (await send(browser, CASE, "ada", headers=JSON, entered_by=ada)).status_code == 200


@pytest.mark.parametrize("who", ["dan", "wei", "root", "finn", "tess"])
async def test_staff_and_those_who_do_not_test_in_it_enter_nothing(
    browser: Browser, database: Database, running: Cast, who: str
) -> None:
    await testers.enter(database, running)
    page = await browser.open(CASE, who)
    assert not page.all("input[@name='outcome']")
    assert not (await browser.open(ROUND, who)).all("input[@name='cases']")
    assert (await send(browser, who=who)).status_code == 403
    for path in ("/results", "/results/undo"):
        answered = await browser.post(ROUND + path, who, outcome="passed", cases="1", id=str(uuid4()), ids="")
        assert answered.status_code == 403
    assert await count(database, running) == 0


async def test_whoever_looks_as_the_client_enters_nothing(browser: Browser, database: Database, running: Cast) -> None:
    assert (await browser.post("/projects/BRIDGE/view-as", "wei", role="approver")).status_code == 303
    assert not (await browser.open(CASE, "wei")).all("input[@name='outcome']")
    assert (await send(browser, who="wei")).status_code == 403
    assert (await browser.post(f"{CASE}/defects", "wei", title="x")).status_code == 403
    assert await count(database, running) == 0


async def mark(browser: Browser, *cases: int, outcome: str = "passed", seed: str = "") -> Response:
    return await browser.post(f"{ROUND}/results", cases=[str(one) for one in cases], outcome=outcome,
                              id=seed or str(uuid4()))  # fmt: skip


async def test_many_cases_are_marked_at_once_and_taken_back(
    browser: Browser, database: Database, running: Cast
) -> None:
    await say(database, running, "ada", 2, Outcome.FAILED, remark="Before")
    marked = await mark(browser, 1, 2, 3)
    assert marked.status_code == 303
    shown = await browser.open(marked.headers["location"])
    assert "Marked." in shown.text
    ids = shown.all("input[@name='ids']")[0].get("value")
    assert (await browser.post(f"{ROUND}/results/undo", ids=ids)).status_code == 303
    assert "Taken back." in await browser.read(f"{ROUND}?notice=undone")
    case = await browser.read(f"{ROUND}/cases/2")
    assert "Before" in case
    assert ("Taken back." in case, "replaced since" in case) == (True, False)
    page = await browser.open(f"{ROUND}?only=to_do")
    assert [one.get("value") for one in page.all("input[@name='cases']")] == ["1", "3"]


async def test_a_double_click_marks_once_and_going_back_marks_anew(
    browser: Browser, database: Database, running: Cast
) -> None:
    seed = str(uuid4())
    for _ in range(2):
        marked = await mark(browser, 1, 2, seed=seed)
    assert await count(database, running) == 2
    ids = marked.headers["location"].rpartition("undo=")[2]
    await browser.post(f"{ROUND}/results/undo", ids=ids)
    await mark(browser, 1, 2, seed=seed)
    page = await browser.open(f"{ROUND}?only=mine")
    assert [one.get("value") for one in page.all("input[@name='cases']")] == ["1", "2"]


async def test_wrong_markings_are_refused(browser: Browser, running: Cast) -> None:
    assert (await browser.post(f"{ROUND}/results", outcome="passed", id=str(uuid4()))).status_code == 422
    assert (await mark(browser, 1, outcome="perfect")).status_code == 422
    assert (await mark(browser, 99)).status_code == 404
    assert (await browser.post(f"{ROUND}/results/undo", ids="nonsense")).status_code == 422
    assert (await browser.post(f"{ROUND}/results/undo", ids=uuid4().hex)).status_code == 404
    assert (await browser.get(f"{ROUND}?notice=marked&undo=<b>")).status_code == 422


async def test_a_closed_round_says_so_and_keeps_nothing(browser: Browser, database: Database, running: Cast) -> None:
    early = str(uuid4())
    await send(browser, id=early)
    await close_round(database, running)
    refused = await send(browser, remark="My careful words", headers=JSON)
    assert refused.status_code == 409
    assert "This round is closed" in refused.text
    assert (await mark(browser, 1)).status_code == 409
    again = await send(browser, id=early, headers=JSON)
    assert (again.status_code, again.json()["kept"]) == (200, early)
    page = await browser.open(CASE)
    assert "This round is closed." in page.text
    assert not page.all("input[@name='outcome']")
    assert await count(database, running) == 1


async def test_a_failed_case_becomes_a_defect_in_one_step(browser: Browser, database: Database, running: Cast) -> None:
    assert (await browser.post(f"{CASE}/defects", title="Twice")).status_code == 409
    await send(browser, outcome="failed", remark="The amount stands there twice.")
    for _ in range(2):
        made = await browser.post(f"{CASE}/defects", title="Amount twice", severity="blocker", environment="A phone")
        assert (made.status_code, made.headers["location"]) == (303, f"{CASE}#defects")
    shown = await browser.read(CASE)
    assert "Amount twice" in shown
    assert "Blocker" in shown
    item = re.search(r'href="(/projects/BRIDGE/items/\d+)">Amount twice', (await browser.open(CASE)).text)
    assert item is not None
    assert "The amount stands there twice." in await browser.read(item[1])
    assert (await browser.post(f"{CASE}/defects", title="x", severity="huge")).status_code == 422
    assert (await browser.post(f"{CASE}/defects", "finn", title="x")).status_code == 403
    assert "Defects found in each round" in await browser.read(PLAN)


async def test_filters_show_what_they_say(browser: Browser, database: Database, running: Cast) -> None:
    await say(database, running, "ada", 1, Outcome.PASSED)
    await say(database, running, "eve", 2, Outcome.FAILED)
    seen = {}
    for only in ("all", "mine", "to_do", "not_run", "failed", "blocked", "passed"):
        page = await browser.open(f"{ROUND}?only={only}")
        seen[only] = [one.get("value") for one in page.all("input[@name='cases']")]
    assert seen == {
        "all": ["1", "2", "3"], "mine": ["1"], "to_do": ["2", "3"], "not_run": ["3"], "failed": ["2"], "blocked": [],
        "passed": ["1"],
    }  # fmt: skip
    for only, title in (("failed", "One pays"), ("not_run", "One signs out"), ("passed", "One signs in")):
        shown = await browser.read(f"{PLAN}?only={only}")
        assert [one["title"] for one in CASES if one["title"] in shown] == [title]
    for path in (f"{ROUND}?only=nonsense", f"{PLAN}?only=nonsense"):
        assert (await browser.get(path)).status_code == 422
    for after in ("x", "1", "-1.2", "99999999999999999999.1"):
        assert (await browser.get(f"{ROUND}?after={after}")).status_code == 200


@pytest.mark.parametrize("number", ["99", "-1", "99999999999999999999", "-99999999999999999999"])
async def test_what_is_not_there_is_404(browser: Browser, running: Cast, number: str) -> None:
    for path in (f"{TESTS}/{number}", f"{PLAN}/rounds/{number}", f"{ROUND}/cases/{number}", f"{PLAN}/files/{number}",
                 f"{TESTS}/{number}/sheet.pdf", f"{PLAN}/acceptances/{number}/protocol.pdf"):  # fmt: skip
        assert (await browser.get(path)).status_code == 404, path


async def test_the_pages_cost_the_same_however_many_cases_and_testers_there_are(
    browser: Browser, database: Database, running: Cast
) -> None:
    async def cost() -> dict[str, int]:
        found = {}
        for path in (TESTS, PLAN, ROUND, CASE):
            with counting(database) as seen:
                await browser.open(path)
            found[path] = len(seen)
        return found

    before = await cost()
    for number in (1, 2, 3):
        await say(database, running, "eve", number, Outcome.FAILED)
    await close_round(database, running)
    more = [{"title": f"Case {number}"} for number in range(120)]
    plan = await add_plan(database, running, more, title="More")
    await offer(database, running, plan.number)
    await open_round(database, running, "ada", "eve", "finn", plan=plan.number)
    await say_all(database, running, dict.fromkeys(range(1, 100), Outcome.PASSED), plan=plan.number)
    assert await cost() == before
    assert before[PLAN] <= 7
    assert before[CASE] <= 4
    assert before[ROUND] <= 4
    other = f"{TESTS}/2/rounds/1"
    with counting(database) as seen:
        page = await browser.open(other)
    assert len(seen) == before[ROUND]
    following = page.all("a[@rel='next']")[0].get("href")
    assert len((await browser.open(following)).all("input[@name='cases']")) == 20


async def test_a_tester_alone_tests_and_hears_of_nothing_else(browser: Browser, database: Database, cast: Cast) -> None:
    await testers.enter(database, cast)
    await begun(database, cast, "tess")
    kept = await send(browser, who="tess", outcome="failed", photo=picture())
    assert kept.headers["location"] == f"{ROUND}/cases/2"
    assert (await browser.post(f"{CASE}/defects", "tess", title="Broken")).status_code == 303
    page = await browser.open(CASE, "tess")
    assert "Broken" in page.text
    assert f"{'/projects/BRIDGE'}/items/" not in page.text
    await close_round(database, cast)
    await ask(database, cast)
    assert "Acceptance:" not in (await browser.open("/waiting", "tess")).text
    assert "decisions" not in (await browser.open(PLAN, "tess")).text
    async with database.write() as db:
        await projects.add_milestone(db, await cast.scope(db, "wei"), name="Opening",
                                     expected_on=(clock.now() + timedelta(days=3)).date())  # fmt: skip
    async with database.read() as db:
        assert await calendar.entries(db, cast.viewer("tess")) == []
        assert await calendar.entries(db, cast.viewer("ada"))
