"""Drafting cases from acceptance criteria in the browser: staff's alone, in a draft, one click and then the list."""

import pytest

from portal.db import Database
from tests.support import testers
from tests.support.acceptance import CASES, add_milestone, add_plan, offer
from tests.support.cast import Cast, add_item
from tests.web.conftest import Browser

PLAN = "/projects/BRIDGE/tests/1"
BUTTON = f"form[@action='{PLAN}/drafts']"


@pytest.fixture
async def written(database: Database, cast: Cast) -> Cast:
    """A draft with cases of its own for a milestone, one of whose items has two criteria."""
    milestone = await add_milestone(database, cast)
    await add_item(database, cast, title="Pay", acceptance_criteria="- By card\n- By bill", milestone=milestone)
    await add_plan(database, cast, milestone_number=milestone)
    return cast


async def cases(browser: Browser, path: str = PLAN, who: str = "dan") -> list[str]:
    return [(one.text or "") for one in (await browser.open(path, who)).all("td[@class='key']")]


async def test_one_click_drafts_and_then_lists_what_was_drafted(browser: Browser, written: Cast) -> None:
    assert (await browser.open(PLAN, "dan")).all(BUTTON)
    made = await browser.post(f"{PLAN}/drafts", "dan")
    assert (made.status_code, made.headers["location"]) == (303, f"{PLAN}?notice=drafted&drafted=4#list")
    listed = made.headers["location"].partition("#")[0]
    assert await cases(browser, listed) == ["4", "5"]
    shown = (await browser.open(listed, "dan")).text
    for said in ("These cases were drafted", "By card", "By bill"):
        assert said in shown
    assert CASES[0]["title"] not in shown
    assert await cases(browser) == ["1", "2", "3", "4", "5"]


async def test_a_second_click_drafts_nothing_and_says_so(browser: Browser, written: Cast) -> None:
    await browser.post(f"{PLAN}/drafts", "dan")
    again = await browser.post(f"{PLAN}/drafts", "dan")
    assert (again.status_code, again.headers["location"]) == (303, f"{PLAN}?notice=none#list")
    assert "Every acceptance criterion has its case already." in (await browser.open(f"{PLAN}?notice=none", "dan")).text
    assert len(await cases(browser)) == 5


async def test_what_the_client_has_is_not_drafted_into(browser: Browser, database: Database, written: Cast) -> None:
    await offer(database, written)
    assert not (await browser.open(PLAN, "dan")).all(BUTTON)
    refused = await browser.post(f"{PLAN}/drafts", "dan")
    assert refused.status_code == 409
    assert "The client has this version" in refused.text
    assert await cases(browser) == ["1", "2", "3"]


async def test_a_plan_of_nothing_in_particular_offers_no_drafting(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await add_plan(database, cast)
    assert not (await browser.open(PLAN, "dan")).all(BUTTON)
    assert (await browser.post(f"{PLAN}/drafts", "dan")).status_code == 422


@pytest.mark.parametrize("who", ["ada", "finn", "eve", "tess"])
async def test_the_client_drafts_nothing(browser: Browser, database: Database, written: Cast, who: str) -> None:
    await testers.enter(database, written)
    assert (await browser.post(f"{PLAN}/drafts", who)).status_code == 403
    assert (await browser.post("/projects/BRIDGE/tests/99/drafts", who)).status_code == 403
    await offer(database, written)
    shown = await browser.open(f"{PLAN}?notice=drafted&drafted=1", who)
    assert not shown.all(BUTTON)
    assert "drafted from the acceptance criteria" not in shown.text


async def test_whoever_looks_as_the_client_drafts_nothing(browser: Browser, written: Cast) -> None:
    await browser.post("/projects/BRIDGE/view-as", "wei", role="approver")
    assert (await browser.post(f"{PLAN}/drafts", "wei")).status_code == 403
    await browser.post("/projects/BRIDGE/view-as/end", "wei")
    assert await cases(browser, who="wei") == ["1", "2", "3"]


@pytest.mark.parametrize("drafted", ["-1", "99999999999999999999", "x"])
async def test_a_first_case_that_is_no_number_is_refused(browser: Browser, written: Cast, drafted: str) -> None:
    assert (await browser.get(f"{PLAN}?drafted={drafted}", "dan")).status_code == 422
