"""A round whose period is over: its pages say so and still take results, staff find it among what waits, as testers
find the rounds in which they have cases left."""

from collections.abc import AsyncIterator
from datetime import date
from uuid import uuid4

import pytest
import time_machine

from portal.acceptance.models import Outcome
from portal.db import Database
from portal.projects import commands as projects
from tests.support import testers
from tests.support.acceptance import add_plan, close_round, offer, open_round, say_all
from tests.support.cast import Cast
from tests.support.decisions import ask
from tests.support.statements import counting
from tests.web.conftest import SAME_ORIGIN, Browser

PLAN = "/projects/BRIDGE/tests/1"
ROUND = f"{PLAN}/rounds/1"
CASE = f"{ROUND}/cases/1"
ENDED = "The period of this round ended on"
LAST = date(2026, 11, 25)
LAST_MINUTE, AFTER = "2026-11-25T22:59:00Z", "2026-11-25T23:00:00Z"
"""By the clock of Berlin, the project's: the end of the last day, and the beginning of the next."""


@pytest.fixture
async def running(database: Database) -> AsyncIterator[time_machine.Traveller]:
    """The clock of a test, in the evening of the last day."""
    with time_machine.travel("2026-11-25T20:00:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
async def tested(running: time_machine.Traveller, database: Database, cast: Cast) -> Cast:
    """A round that ends today, in which Ada and Tess test."""
    await testers.enter(database, cast)
    await add_plan(database, cast)
    await offer(database, cast)
    await open_round(database, cast, "ada", "tess", ends_on=LAST)
    return cast


async def says(browser: Browser, path: str, who: str, text: str = ENDED) -> bool:
    return text in (await browser.open(path, who)).text


@pytest.mark.parametrize("path", [ROUND, CASE])
@pytest.mark.parametrize("who", ["tess", "ada", "dan"])
async def test_a_round_whose_period_is_over_says_so(
    browser: Browser, running: time_machine.Traveller, tested: Cast, path: str, who: str
) -> None:
    running.move_to(LAST_MINUTE)
    assert not await says(browser, path, who)
    running.move_to(AFTER)
    assert await says(browser, path, who)


async def test_a_browser_that_holds_yesterdays_page_is_shown_it_too(
    browser: Browser, running: time_machine.Traveller, tested: Cast
) -> None:
    running.move_to(LAST_MINUTE)
    etag = (await browser.get(ROUND, "tess")).headers["etag"]
    assert (await browser.get(ROUND, "tess", {"If-None-Match": etag})).status_code == 304
    running.move_to(AFTER)
    assert ENDED in (await browser.get(ROUND, "tess", {"If-None-Match": etag})).text


async def test_results_are_taken_until_the_team_closes_it(
    browser: Browser, running: time_machine.Traveller, database: Database, tested: Cast
) -> None:
    running.move_to(AFTER)
    parts = [(name, (None, value)) for name, value in {"id": str(uuid4()), "outcome": "passed"}.items()]
    kept = await browser.client.post(f"{CASE}/results", files=parts, headers=tested.cookie("tess") | SAME_ORIGIN)
    assert kept.status_code == 303
    await close_round(database, tested)
    assert not await says(browser, ROUND, "tess")


async def test_the_plan_marks_it(browser: Browser, running: time_machine.Traveller, tested: Cast) -> None:
    assert not await says(browser, PLAN, "dan", "Period over")
    running.move_to(AFTER)
    assert await says(browser, PLAN, "dan", "Period over")


async def rounds_of(browser: Browser, who: str, path: str = "/waiting") -> list[str]:
    page = await browser.open(path, who)
    return [str(link.get("href")) for link in page.all("*[@id='rounds']//a")]


async def test_it_waits_for_staff_once_its_period_is_over(
    browser: Browser, running: time_machine.Traveller, database: Database, tested: Cast
) -> None:
    running.move_to(LAST_MINUTE)
    assert await rounds_of(browser, "dan") == []
    running.move_to(AFTER)
    assert await rounds_of(browser, "dan") == await rounds_of(browser, "root") == [ROUND]
    await close_round(database, tested)
    assert await rounds_of(browser, "dan") == []


async def test_staff_read_beside_it_how_many_cases_have_no_result(
    browser: Browser, running: time_machine.Traveller, database: Database, tested: Cast
) -> None:
    await say_all(database, tested, {1: Outcome.PASSED}, "tess")
    running.move_to(AFTER)
    page = await browser.open("/waiting", "dan")
    (line,) = [page.words(one) for one in page.all("*[@id='rounds']//li")]
    assert line.endswith("Round 1 · Not run: 2 until 25 Nov 2026 Period over")


async def test_it_waits_for_those_who_have_cases_left_and_nobody_else(
    browser: Browser, running: time_machine.Traveller, database: Database, tested: Cast
) -> None:
    seen = {who: await rounds_of(browser, who) for who in ("ada", "tess", "eve", "mallory", "nemo")}
    assert seen == {"ada": [ROUND], "tess": [ROUND], "eve": [], "mallory": [], "nemo": []}
    await say_all(database, tested, dict.fromkeys((1, 2, 3), Outcome.PASSED), "tess")
    assert await rounds_of(browser, "tess") == []


async def test_the_front_page_shows_it_to_whoever_still_tests_and_to_nobody_else(
    browser: Browser, running: time_machine.Traveller, database: Database, tested: Cast
) -> None:
    running.move_to(AFTER)
    seen = {who: await rounds_of(browser, who, "/projects/BRIDGE") for who in ("ada", "eve", "dan")}
    assert seen == {"ada": [ROUND], "eve": [], "dan": []}
    await say_all(database, tested, dict.fromkeys((1, 2, 3), Outcome.PASSED), "ada")
    assert await rounds_of(browser, "ada", "/projects/BRIDGE") == []


async def test_the_list_of_projects_counts_it(
    browser: Browser, running: time_machine.Traveller, database: Database, tested: Cast
) -> None:
    async def says_of(who: str) -> list[str]:
        page = await browser.open("/projects", who)
        return [words for one in page.all("li//span") if ": " in (words := page.words(one))]

    assert [await says_of(who) for who in ("tess", "eve", "dan")] == [["Waiting for you: 1"], [], []]
    await ask(database, tested, title="Sign in, version 1")
    running.move_to(AFTER)
    assert await says_of("ada") == ["Waiting for you: 2"]
    assert await says_of("dan") == ["Waiting for us: 1", "Waiting for the client: 1"]


async def test_an_archived_project_waits_for_nobody(
    browser: Browser, running: time_machine.Traveller, database: Database, tested: Cast
) -> None:
    running.move_to(AFTER)
    async with database.write() as db:
        await projects.change_project(db, await tested.scope(db, "wei"), {"status": "archived"})
    assert await rounds_of(browser, "dan") == await rounds_of(browser, "tess") == []


async def test_what_waits_costs_the_same_however_many_rounds_there_are(
    browser: Browser, database: Database, tested: Cast
) -> None:
    costs = []
    for plan in (2, 3):
        with counting(database) as seen:
            await browser.open("/waiting", "tess")
        costs.append(len(seen))
        await browser.check_cost(database, "/projects/BRIDGE", most=6)
        await add_plan(database, tested)
        await offer(database, tested, plan)
        await open_round(database, tested, "ada", "tess", plan=plan)
    assert costs[0] == costs[1] <= 2
