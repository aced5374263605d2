"""A design that is a document, as people meet it: page by page, by link, by keyboard, by thumb and without scripts."""

from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import Page

from portal.access import SYSTEM
from portal.designs import commands
from portal.files import commands as files
from portal.files import intake
from portal.files.drawing import MOST_PAGES
from portal.projects import queries as projects
from tests.browser.conftest import Visit, Visitor
from tests.browser.test_every_page import access_faults, form_faults
from tests.support.files import BLUE, GREEN, RED, paper

DOCUMENT = "/projects/RECALLS/designs/2"
VERSIONS = (paper(RED, GREEN, BLUE), paper(RED, BLUE, BLUE, *[GREEN] * 20, broken=4))


@pytest.fixture(autouse=True)
async def document(portal: FastAPI) -> None:
    """Design 2 of RECALLS: a PDF of three pages, and then one of 23 with a broken one; the client sees both."""
    database, store = portal.state.database, portal.state.files
    async with database.read() as db:
        scope = await projects.scope_for(db, SYSTEM, "RECALLS")
    for version, content in enumerate(VERSIONS, start=1):
        received = await intake.receive(
            store, database, scope, intake.once(content), name=f"screens-{version}.pdf", most_pages=MOST_PAGES
        )
        async with database.write() as db:
            scope = await projects.scope_for(db, SYSTEM, "RECALLS")
            if version == 1:
                await commands.add_design(db, scope, title="Screens")
            file = await files.add_file(db, scope, received)
            await commands.add_version(db, scope, 2, files=[file.number])
            await commands.publish(db, scope, 2, version)


async def look(visit: Visit, path: str = f"{DOCUMENT}/versions/1", **options: Any) -> Visitor:
    visitor = await visit("ada", **options)
    await visitor.open(path)
    await visitor.page.locator(".canvas img").evaluate("one => one.decode()")
    return visitor


async def colour(page: Page) -> str:
    """Of the picture that is shown: its reddest, greenest or bluest channel."""
    image = page.locator(".canvas img")
    await image.evaluate("one => one.decode()")
    point = await image.evaluate("""one => {
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = 1;
      const on = canvas.getContext("2d");
      on.drawImage(one, 0, 0, 1, 1);
      return Array.from(on.getImageData(0, 0, 1, 1).data.slice(0, 3));
    }""")
    return "RGB"[point.index(max(point))]


async def test_the_pages_are_turned_by_links_and_each_is_seen(visit: Visit) -> None:
    ada = await look(visit)
    assert await colour(ada.page) == "R"
    for name, seen in (("Next page", "G"), ("Page 3", "B"), ("Previous page", "G")):
        await ada.page.get_by_role("link", name=name, exact=True).click()
        await ada.page.wait_for_load_state()
        assert await colour(ada.page) == seen


async def test_the_pages_are_turned_by_keyboard_and_a_remark_is_pinned_on_the_one_that_is_seen(visit: Visit) -> None:
    ada = await look(visit)
    page = ada.page
    await page.locator("#viewer").focus()
    for key, number in (("PageDown", 2), ("PageDown", 3), ("PageUp", 2)):
        await page.keyboard.press(key)
        await page.wait_for_url(f"**?file=1&page={number}#viewer")
        await page.locator("#viewer:focus").wait_for()
    await page.keyboard.press("Enter")
    await page.get_by_label("Your remark at this place").fill("On the second.")
    await page.get_by_role("button", name="Pin the remark").click()
    remark = page.locator(".pin", has_text="On the second.")
    assert "Page 2" in await remark.inner_text()
    assert await colour(page) == "G"
    await page.locator("#mark-1").wait_for()


async def test_by_thumb_the_page_stays_where_it_was_and_no_row_is_wider_than_the_screen(visit: Visit) -> None:
    ada = await look(visit, DOCUMENT, width=360, has_touch=True, is_mobile=True)
    page = ada.page
    for number in (2, 3):
        await page.get_by_role("link", name="Next page").tap()
        await page.wait_for_url(f"**page={number}#leaves")
        assert await page.locator("#leaves").evaluate("one => one.getBoundingClientRect().top") < 100
    assert await form_faults(page) == []


async def test_without_scripts_a_remark_is_pinned_on_a_later_page(visit: Visit) -> None:
    ada = await look(visit, java_script_enabled=False, width=360)
    page = ada.page
    await page.get_by_role("link", name="Next page").click()
    await page.get_by_text("Add a remark: choose its place").click()
    await page.locator("input[type=image]").click(position={"x": 70, "y": 70})
    await page.get_by_label("Your remark at this place").fill("Without a script.")
    await page.get_by_role("button", name="Pin the remark").click()
    assert "Page 2" in await page.locator(".pin", has_text="Without a script.").inner_text()
    await page.locator("#mark-1").wait_for()


async def test_the_same_page_of_two_versions_is_laid_over_each_other(visit: Visit) -> None:
    ada = await look(visit, f"{DOCUMENT}?page=2")
    page = ada.page
    await page.locator("select[name=how]").select_option(label="Difference")
    await page.get_by_role("button", name="Compare").click()
    await page.get_by_role("link", name="Next page").click()
    await page.wait_for_url("**page=3#leaves")
    sources = await page.locator(".over img").evaluate_all("all => all.map(one => one.src.match(/page=.*/)[0])")
    assert sources == ["page=3", "page=3"]


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
async def test_the_pages_are_for_everybody(visit: Visit, width: int, scheme: Any) -> None:
    ada = await visit("ada", width=width, color_scheme=scheme)
    faults = []
    for path in (f"{DOCUMENT}?page=2", f"{DOCUMENT}?page=4", f"{DOCUMENT}?page=3&with=1&how=slider"):
        await ada.open(path)
        found = await form_faults(ada.page) + await access_faults(ada.page)
        faults += [f"{path}: {fault}" for fault in found]
    assert faults == []
