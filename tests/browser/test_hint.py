"""The hint "this page has changed", in a page that somebody has open."""

import re

import pytest
from fastapi import FastAPI
from playwright.async_api import expect

from portal.access import SYSTEM
from portal.backlog import commands as backlog
from portal.projects import queries as projects
from tests.browser.conftest import Visit

pytestmark = pytest.mark.usefixtures("quick_looks")


async def change(portal: FastAPI, title: str, audience: str) -> None:
    """Somebody of the agency adds an item."""
    async with portal.state.database.write() as db:
        scope = await projects.scope_for(db, SYSTEM, "RECALLS")
        await backlog.add_item(db, scope, {"title": title, "audience": audience})


async def test_a_page_says_that_it_has_changed_and_shows_the_new_state(portal: FastAPI, visit: Visit) -> None:
    ada = await visit("ada")
    hint = ada.page.locator("#moved")
    async with ada.page.expect_request(re.compile("/live")):
        await ada.open("/projects/RECALLS/activity")
    await expect(hint).to_be_hidden()
    await change(portal, "A new wish", "client")
    await expect(hint).to_contain_text("This page has changed.")
    await ada.page.get_by_role("link", name="Show the new state").click()
    await expect(ada.page.get_by_role("link", name="A new wish")).to_be_visible()
    await expect(hint).to_be_hidden()


async def test_work_among_the_agency_moves_nothing_for_the_client(portal: FastAPI, visit: Visit) -> None:
    ada, mei = await visit("ada"), await visit("mei")
    for somebody in (ada, mei):
        async with somebody.page.expect_request(re.compile("/live")):
            await somebody.open("/projects/RECALLS")
    await change(portal, "Not for everybody", "internal")
    await expect(mei.page.locator("#moved")).to_be_visible()
    await ada.page.wait_for_timeout(500)
    await expect(ada.page.locator("#moved")).to_be_hidden()
