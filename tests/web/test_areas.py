"""The way to a project's pages: six areas with their pages, to each viewer their own, and what waits on the way in."""

import pytest
from sqlalchemy import update

from portal.access.models import Membership
from portal.db import Database
from tests.support.cast import Cast
from tests.support.decisions import ask
from tests.support.statements import counting
from tests.web.conftest import Browser, Page

BRIDGE = "/projects/BRIDGE"


def links(page: Page) -> list[tuple[str, str]]:
    """The links of the project's navigation: their words, and what they say about where one is."""
    (nav,) = page.all("nav[@class='tabs']")
    return [(page.words(link), link.get("aria-current") or "") for link in nav.iter("a")]


async def test_the_areas_stand_first_and_then_the_pages_of_the_area_that_one_is_in(browser: Browser) -> None:
    assert links(await browser.open(f"{BRIDGE}/board", "eve")) == [
        ("Overview", ""), ("Decisions", ""), ("Scope", ""), ("Work", "true"), ("Tests", ""),
        ("Backlog", ""), ("Board", "page"), ("Burndown", ""), ("Milestones", ""),
    ]  # fmt: skip


async def test_an_area_of_one_page_has_no_second_row(browser: Browser) -> None:
    found = links(await browser.open(f"{BRIDGE}/decisions", "eve"))
    assert [name for name, _ in found] == ["Overview", "Decisions", "Scope", "Work", "Tests"]
    assert ("Decisions", "page") in found


@pytest.mark.parametrize(("who", "sees"), [("eve", False), ("dan", False), ("finn", True), ("maria", True)])
async def test_money_is_an_area_of_those_who_see_it(browser: Browser, who: str, sees: bool) -> None:
    names = [name for name, _ in links(await browser.open(BRIDGE, who))]
    assert ("Money" in names) is sees


async def test_what_the_client_sees_is_a_page_of_staff(browser: Browser) -> None:
    last = {who: links(await browser.open(BRIDGE, who))[-1][0] for who in ("ada", "dan")}
    assert last == {"ada": "Activity", "dan": "What the client sees"}


async def test_who_only_tests_is_led_to_the_tests_alone(browser: Browser, database: Database, cast: Cast) -> None:
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        hers = (Membership.project_id == scope.project_id, Membership.person_id == cast.people["eve"])
        await db.execute(update(Membership).where(*hers).values(tester=True, viewer=False))
    assert links(await browser.open(f"{BRIDGE}/tests", "eve")) == [("Tests", "page")]


async def test_the_list_of_projects_says_what_waits_for_whom(browser: Browser, database: Database, cast: Cast) -> None:
    await ask(database, cast, title="Sign in, version 1")
    await ask(database, cast, "HARBOUR", title="Zanzibar")
    seen = {who: (await browser.open("/projects", who)) for who in ("ada", "eve", "nemo", "wei")}
    assert {who: [page.words(one) for one in page.all("span")[1:] if ": 1" in page.words(one)]
            for who, page in seen.items()} == {
        "ada": ["Waiting for you: 1"], "eve": ["Waiting for colleagues of yours: 1"], "nemo": [],
        "wei": ["Waiting for the client: 1", "Waiting for the client: 1"],
    }  # fmt: skip


async def test_the_list_of_projects_costs_four_statements(browser: Browser, database: Database, cast: Cast) -> None:
    for number in range(3):
        await ask(database, cast, title=f"Design {number}")
    await browser.open("/projects", "ada")
    with counting(database) as statements:
        await browser.open("/projects", "ada")
    assert len(statements) <= 4, "\n\n".join(statements)
