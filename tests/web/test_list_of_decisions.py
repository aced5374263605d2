"""The list of a project's decisions: what waits stands first, the rest beneath it, and each decision once."""

import pytest

from portal import settlement
from portal.decisions import waiting
from portal.decisions.models import Verdict
from portal.projects import commands as projects
from tests.support.decisions import UNFOLLOWED, answer, ask, keys_in

LIST = "/projects/BRIDGE/decisions"


@pytest.fixture(autouse=True)
def no_rooms(monkeypatch):
    """The mechanism alone: no room follows what is decided here."""
    monkeypatch.setattr(settlement, "FOLLOWS", UNFOLLOWED)


@pytest.fixture
async def mixed(database, cast, tmp_path):
    """One that was approved, one of which changes are wanted, and one that is open."""
    for subject, verdict in enumerate((Verdict.APPROVED, Verdict.CHANGES_WANTED, None), 1):
        asked = await ask(database, cast, subject_number=subject, title=f"Question {subject}")
        if verdict:
            await answer(database, cast, keys_in(tmp_path), asked, verdict=verdict, comment="Like this.")


def decisions(page, of):
    """The decisions that an element links, by number."""
    links = (str(link.get("href")) for link in of.iter("a"))
    return [int(link.removeprefix(f"{LIST}/")) for link in links if link.startswith(f"{LIST}/")]


async def lists(browser, who="ada", query=""):
    page = await browser.open(LIST + query, who)
    sections = [one for one in page.all("section") if decisions(page, one)]
    return {page.words(one.find("h2")): decisions(page, one) for one in sections}


async def test_each_decision_stands_in_one_list(browser, mixed):
    assert await lists(browser) == {"Waiting for the client": [3], "Waiting for the agency": [2], "Settled": [1]}


async def test_what_waits_for_the_agency_says_what_was_answered(browser, mixed):
    page = await browser.open(LIST)
    said = page.words(page.all("section[@class='card']//li//p")[0])
    assert said.startswith("Requirement · Changes wanted · since")


@pytest.mark.parametrize(("who", "asked"), [("ada", "Waiting for the client"), ("wei", "Waiting for the agency")])
async def test_what_ones_own_side_has_to_do_stands_out(browser, mixed, who, asked):
    page = await browser.open(LIST, who)
    assert [page.words(one.find("h2")) for one in page.all("section[@class='card ask']")] == [asked]


async def test_what_is_open_beyond_what_is_listed_stands_among_the_rest(browser, mixed, monkeypatch):
    monkeypatch.setattr(waiting, "MOST", 1)
    assert await lists(browser) == {"Waiting for the client": [3], "Settled": [2, 1]}


async def test_nothing_is_called_settled_where_all_is_open(browser, database, cast):
    await ask(database, cast)
    assert await lists(browser) == {"Waiting for the client": [1]}


async def test_nor_is_what_an_archived_project_left_open(browser, database, cast, mixed):
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei"), {"status": "archived"})
    assert await lists(browser) == {"All decisions": [3, 2, 1]}


async def test_older_ones_go_on_without_what_waits(browser, mixed):
    assert (await lists(browser, query="?before=2"))["Settled"] == [1]
