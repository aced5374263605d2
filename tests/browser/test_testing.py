"""Testing as testers do it: by thumb on a phone, by keys at a desk, and with a network that drops."""

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import Page, expect
from sqlalchemy import select

from portal.acceptance import accepting, queries, rounds
from portal.acceptance.models import TestResult
from portal.access import SYSTEM
from portal.demo import acceptance
from portal.projects import queries as projects
from tests.browser.conftest import Visit, Visitor
from tests.browser.test_every_page import access_faults, form_faults

PLAN = "/projects/RECALLS/tests/1"
ROUND = f"{PLAN}/rounds/1"
CASE = f"{ROUND}/cases/1"
LEAST = 24
"""Pixels that a target has at least (WCAG 2.2, 2.5.8); the four answers have `LARGE`."""
LARGE = 44


async def tester(visit: Visit, portal: FastAPI, **look: Any) -> Visitor:
    """Ada, who was named a tester of the first round."""
    ada = await visit("ada", **look)
    await acceptance.begin(portal.state.database, "RECALLS")
    await ada.open(CASE)
    return ada


async def test_the_demos_round_waits_until_its_tester_has_signed_in(visit: Visit, portal: FastAPI) -> None:
    beginning = asyncio.create_task(acceptance.begin(portal.state.database, "RECALLS"))
    await asyncio.sleep(0)
    assert not beginning.done()
    ada = await visit("ada")
    await asyncio.wait_for(beginning, 60)
    await ada.open("/projects/RECALLS")
    await expect(ada.page.locator("#rounds")).to_contain_text("Acceptance of the prototype")


async def kept(portal: FastAPI) -> list[tuple[int, str, str]]:
    """What the portal has of people's results: case, outcome and remark."""
    async with portal.state.database.read() as db:
        scope = await projects.scope_for(db, SYSTEM, "RECALLS")
        mine = (TestResult.project_id == scope.project_id, TestResult.person_id.is_not(None))
        found = await db.scalars(select(TestResult).where(*mine).order_by(TestResult.seq))
        return [(one.case_number, one.outcome.value, one.remark) for one in found]


async def keep(page: Page, remark: str = "") -> None:
    """Writes and sends the form of a case."""
    await page.get_by_label("What did you see?").fill(remark)
    await page.get_by_role("button", name="Keep and go on").click()


async def test_on_a_phone_a_thumb_marks_one_case_after_the_other(visit: Visit, portal: FastAPI) -> None:
    ada = await tester(visit, portal, width=360, has_touch=True)
    for mark in await ada.page.locator(".marks label").all():
        box = await mark.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= LARGE
    await ada.page.locator(".marks label.passed").tap()
    await keep(ada.page)
    await ada.page.wait_for_url(f"**{ROUND}/cases/2")
    await ada.page.locator(".marks label.failed").tap()
    await keep(ada.page, "The list stays as it was.")
    await ada.page.wait_for_url(f"**{ROUND}/cases/3")
    assert await kept(portal) == [(1, "passed", ""), (2, "failed", "The list stays as it was.")]


async def test_at_a_desk_the_digits_choose_and_writing_is_left_alone(visit: Visit, portal: FastAPI) -> None:
    ada = await tester(visit, portal)
    for digit, value in (("1", "passed"), ("2", "failed"), ("3", "blocked"), ("4", "not_applicable")):
        await ada.page.keyboard.press(digit)
        assert await ada.page.locator("input[name=outcome]:checked").get_attribute("value") == value
    field = ada.page.get_by_label("What did you see?")
    await field.focus()
    await ada.page.keyboard.type("1 of 2")
    assert await field.input_value() == "1 of 2"
    assert await ada.page.locator("input[name=outcome]:checked").get_attribute("value") == "not_applicable"
    await ada.page.get_by_role("button", name="Keep and go on").press("Enter")
    await ada.page.wait_for_url(f"**{ROUND}/cases/2")
    assert await kept(portal) == [(1, "not_applicable", "1 of 2")]


async def test_a_result_survives_a_network_that_drops_and_is_kept_once(visit: Visit, portal: FastAPI) -> None:
    ada = await tester(visit, portal)
    await ada.page.keyboard.press("2")
    await ada.page.context.set_offline(True)
    await keep(ada.page, "In the lift, without a network.")
    await expect(ada.page.locator("#kept")).to_contain_text("A result waits in this browser")
    await ada.page.get_by_role("button", name="Keep and go on").click()
    assert await kept(portal) == []
    ada.complaints.clear()  # the browser says of each attempt that there is no network
    await ada.page.context.set_offline(False)
    await expect(ada.page.locator("#kept")).to_be_hidden()
    await ada.open(ROUND)
    await ada.open(CASE)
    assert await kept(portal) == [(1, "failed", "In the lift, without a network.")]
    await expect(ada.page.locator("main")).to_contain_text("In the lift, without a network.")


async def test_what_waits_is_sent_from_the_next_page_that_is_opened(visit: Visit, portal: FastAPI) -> None:
    """The answer is lost on its way: the portal has the result, the browser does not know, and it stays one."""
    ada = await tester(visit, portal)
    lost: list[int] = []

    async def lose(route: Any) -> None:
        lost.append((await route.fetch()).status)
        await route.abort()

    await ada.page.route("**/results", lose)
    await ada.page.keyboard.press("1")
    await keep(ada.page, "Seen.")
    await expect(ada.page.locator("#kept")).to_be_visible()
    assert lost == [200]
    await ada.page.unroute("**/results")
    await ada.open(ROUND)
    await expect(ada.page.locator("#kept")).to_be_hidden()
    ada.complaints.clear()
    assert await kept(portal) == [(1, "passed", "Seen.")]
    await expect(ada.page.locator("main")).to_contain_text("Ada Brandt (1/")


async def test_of_two_on_one_case_the_later_one_counts_also_when_the_first_had_to_wait(
    visit: Visit, portal: FastAPI
) -> None:
    ada = await tester(visit, portal)

    async def drop(route: Any) -> None:
        await route.abort()

    await ada.page.route("**/results", drop, times=1)
    await ada.page.keyboard.press("2")
    await keep(ada.page, "Nothing is there.")
    await expect(ada.page.locator("#kept")).to_be_visible()
    await ada.page.keyboard.press("1")
    await keep(ada.page, "It was only slow.")
    await ada.page.wait_for_url(f"**{ROUND}/cases/2")
    ada.complaints.clear()
    assert await kept(portal) == [(1, "failed", "Nothing is there."), (1, "passed", "It was only slow.")]


async def test_a_round_that_closes_meanwhile_keeps_the_words_in_the_browser(visit: Visit, portal: FastAPI) -> None:
    ada = await tester(visit, portal)
    await ada.page.keyboard.press("2")
    async with portal.state.database.write() as db:
        await rounds.close_round(db, await projects.scope_for(db, SYSTEM, "RECALLS"), 1, 1)
    await keep(ada.page, "Words that took a while.")
    note = ada.page.locator("#kept")
    await expect(note).to_contain_text("This round is closed")
    await expect(note).to_contain_text("Words that took a while.")
    ada.complaints.clear()  # a refused answer is told in the console
    await ada.open(ROUND)
    await expect(note).to_contain_text("Words that took a while.")
    await note.get_by_role("button", name="I have copied it").click()
    await expect(note).to_be_hidden()
    assert await kept(portal) == []
    ada.complaints.clear()


async def test_many_are_marked_and_taken_back_without_scripts(visit: Visit, portal: FastAPI) -> None:
    ada = await tester(visit, portal, java_script_enabled=False)
    await ada.open(ROUND)
    for box in (await ada.page.locator("input[name=cases]").all())[:2]:
        await box.check()
    await ada.page.get_by_role("button", name="Passed").click()
    await ada.page.wait_for_url("**notice=marked**")
    assert [one[:2] for one in await kept(portal)] == [(1, "passed"), (2, "passed")]
    await ada.page.get_by_role("button", name="Take it back").click()
    await ada.page.wait_for_url("**notice=undone")
    async with portal.state.database.read() as db:
        row = await queries.test_round(db, await projects.scope_for(db, SYSTEM, "RECALLS"), 1, 1)
        assert (row.passed, rounds.not_run(row)) == (0, row.cases)
    await ada.open(CASE)
    await ada.page.locator(".marks label.passed").click()
    await keep(ada.page, "By hand")
    await ada.page.wait_for_url(f"**{ROUND}/cases/2")


async def test_the_page_says_when_others_have_tested(visit: Visit, portal: FastAPI, quick_looks: None) -> None:
    ada = await tester(visit, portal)
    mei = await visit("mei")
    await mei.open(ROUND)
    await ada.page.keyboard.press("1")
    await keep(ada.page)
    await expect(mei.page.locator("#moved")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme", "locale"), [(360, "dark", "zh_CN"), (1280, "light", "ru")])
async def test_the_page_of_an_acceptance_is_for_everybody(
    visit: Visit, portal: FastAPI, width: int, scheme: str, locale: str
) -> None:
    ada = await tester(visit, portal, width=width, color_scheme=scheme, locale=locale)
    for key in ("1", "2"):
        await ada.page.keyboard.press(key)
        await ada.page.locator("textarea[name=remark]").fill("w" * 200)
        await ada.page.locator("form[data-result] button").click()
        await ada.page.wait_for_url(f"**{ROUND}/cases/{int(key) + 1}")
    async with portal.state.database.write() as db:
        scope = await projects.scope_for(db, SYSTEM, "RECALLS")
        await rounds.close_round(db, scope, 1, 1)
        asked = await accepting.ask(db, scope, 1)
    faults = []
    for path in (f"/projects/RECALLS/decisions/{asked.decision_number}", PLAN, CASE):
        assert await ada.open(path) == 200, path
        faults += [f"{path}: {one}" for one in await form_faults(ada.page) + await access_faults(ada.page)]
    assert faults == []
    offered = await ada.page.context.request.get(f"{ada.base}/projects/RECALLS/decisions/{asked.decision_number}")
    assert "changes_wanted" not in await offered.text()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme", "locale"), [(360, "light", "en"), (360, "dark", "ru"),
                                                         (1280, "light", "zh_CN"), (1280, "dark", "en")])  # fmt: skip
async def test_the_pages_are_for_everybody(visit: Visit, portal: FastAPI, width: int, scheme: str, locale: str) -> None:
    ada = await tester(visit, portal, width=width, color_scheme=scheme, locale=locale)
    faults = []
    for path in ("/projects/RECALLS/tests", PLAN, ROUND, f"{ROUND}?only=failed", CASE, f"{ROUND}/cases/4"):
        assert await ada.open(path) == 200, path
        faults += [f"{path}: {one}" for one in await form_faults(ada.page) + await access_faults(ada.page)]
    assert faults == []
