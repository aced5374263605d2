"""Change requests and the contract in the browser: each state, the form, and what a page costs."""

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from portal import clock
from portal.changes import expiry, queries
from portal.db import Database
from portal.decisions.models import Verdict
from portal.ledger.models import Audience
from portal.projects import commands as projects
from tests.support.cast import Cast
from tests.support.changes import (
    LATER,
    NOW,
    a_file,
    an_offer,
    answer,
    offered,
    priced,
    raised,
    set_stage,
    sign,
    withdrawn,
)
from tests.support.decisions import keys_in
from tests.web.conftest import Browser

CHANGES = "/projects/BRIDGE/changes"
CONTRACT = "/projects/BRIDGE/contract"


@pytest.fixture
async def signed(database: Database, cast: Cast) -> Cast:
    """The contract, a milestone and an item."""
    await set_stage(database, cast)
    return cast


async def text(browser: Browser, path: str, who: str = "ada") -> str:
    page = await browser.open(path, who)
    return " ".join(page.words(page.all("main")[0]).split())


async def test_the_form_raises_one_and_leads_to_it(browser: Browser, signed: Cast) -> None:
    assert "Ask for a change" in await text(browser, CHANGES)
    await text(browser, f"{CHANGES}/new")
    answer = await browser.send(CHANGES, title="Lights", wanted="Lamps on **both** sides.", reason="Dark.")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{CHANGES}/1?notice=raised")
    shown = await text(browser, answer.headers["location"])
    for said in ("Lights", "Raised", "Lamps on both sides.", "Dark.", "Thank you", "has not answered yet", "Ada"):
        assert said in shown


@pytest.mark.parametrize("wrong", [{"title": ""}, {"wanted": " "}, {"title": "x" * 201}])
async def test_what_is_wrong_in_the_form_is_said_and_nothing_is_lost(
    browser: Browser, signed: Cast, wrong: dict[str, str]
) -> None:
    given = {"title": "Lights", "wanted": "Lamps.", "reason": "It is <dark>."} | wrong
    refused = await browser.send(CHANGES, **given)
    assert refused.status_code == 422
    assert "It is &lt;dark&gt;." in refused.text
    assert 'role="alert"' in refused.text
    assert "No change was asked for yet." in await text(browser, CHANGES)


@pytest.mark.parametrize("who", ["eve", "finn", "dan", "wei"])
async def test_only_the_clients_approvers_have_the_form(browser: Browser, signed: Cast, who: str) -> None:
    assert (await browser.get(f"{CHANGES}/new", who)).status_code == 403
    assert "Ask for a change" not in await text(browser, CHANGES, who)
    assert (await browser.send(CHANGES, who, title="A", wanted="B")).status_code == 403


async def test_an_offer_leads_to_the_decision(browser: Browser, database: Database, signed: Cast) -> None:
    request = await an_offer(database, signed)
    page = await browser.open(f"{CHANGES}/1")
    links = [one.get("href") for one in page.all("a") if page.words(one) == "Decide"]
    assert links == [f"/projects/BRIDGE/decisions/{request.decision_number}"]
    shown = page.words(page.all("main")[0])
    for said in ("A All of it now", "B The least, later", "12 days", "€1,250.00", "€1,487.50", "new: A railing",
                 "changed: Foundations", "newly agreed for 20 Mar 2027", "no agreed date moves"):  # fmt: skip
        assert said in shown


@pytest.mark.parametrize(("who", "said"), [("eve", "decided by somebody who approves"), ("finn", "decided by somebody"),
                                           ("dan", "waits for the client"), ("wei", "The question")])  # fmt: skip
async def test_others_are_told_who_decides(
    browser: Browser, database: Database, signed: Cast, who: str, said: str
) -> None:
    await an_offer(database, signed)
    page = await browser.open(f"{CHANGES}/1", who)
    assert said in page.words(page.all("main")[0])
    assert "Decide" not in [page.words(one) for one in page.all("a")]


async def test_the_decision_shows_every_alternative_to_the_cent(
    browser: Browser, database: Database, signed: Cast
) -> None:
    await an_offer(database, signed)
    shown = await text(browser, "/projects/BRIDGE/decisions/1")
    for said in ("A: All of it now", "1,250.00", "1,487.50", "B: The least, later", "400.00", "476.00", "Foundations",
                 "Points: 8", "Offer valid until"):  # fmt: skip
        assert said in shown


async def test_an_offer_whose_last_day_has_passed_asks_for_nothing_before_it_is_marked(
    browser: Browser, database: Database, signed: Cast
) -> None:
    await an_offer(database, signed)
    async with database.write() as db:
        request = await queries.change(db, await signed.scope(db, "wei"), 1)
        request.valid_until = clock.now().date() - timedelta(days=2)
    for who in ("ada", "eve", "wei"):
        shown = await text(browser, f"{CHANGES}/1", who)
        assert "can no longer be accepted" in shown
        assert [words for words in ("waits for", "An offer is open", "Decide ") if words in shown] == []


async def test_nor_does_one_that_an_archived_project_left_open(
    browser: Browser, database: Database, signed: Cast
) -> None:
    await an_offer(database, signed)
    async with database.write() as db:
        await projects.change_project(db, await signed.scope(db, "wei"), {"status": "archived"})
    shown = await text(browser, f"{CHANGES}/1")
    assert [words for words in ("waits for", "can no longer be accepted", "Decide ") if words in shown] == []


@pytest.mark.parametrize(("path", "said"), [
    (f"{CHANGES}/1", ("Milestone 1: Opening newly agreed for 20 Mar", "railing · Points: 5 · Milestone: 1, Opening")),
    ("/projects/BRIDGE/decisions/1", ("Milestone 1: Opening newly agreed for", "Milestone: 1, Opening")),
])  # fmt: skip
async def test_a_milestone_is_told_by_its_number_and_its_name(
    browser: Browser, database: Database, signed: Cast, path: str, said: tuple[str, ...]
) -> None:
    await an_offer(database, signed, NOW | {"items_changed": [{"number": 1, "milestone": 1}]})
    shown = await text(browser, path)
    assert [words for words in said if words not in shown] == []


async def test_a_retainers_offer_says_that_each_period_costs_it(
    browser: Browser, database: Database, cast: Cast, tmp_path: Path
) -> None:
    await sign(database, cast, kind="retainer", period="month", milestones=[])
    request = await an_offer(database, cast, LATER, LATER | {"free": True, "lines": []})
    assert "Price · each month" in await text(browser, f"{CHANGES}/1")
    asked = await text(browser, f"/projects/BRIDGE/decisions/{request.decision_number}")
    assert "Net · each month €400.00" in asked
    assert "With tax · each month €476.00" in asked
    assert "A: The least, later With tax: €476.00 · each month" in asked
    await answer(database, cast, keys_in(tmp_path), request)
    shown = await text(browser, f"/projects/BRIDGE/decisions/{request.decision_number}")
    assert "With tax · each month €476.00" in shown


@pytest.mark.parametrize(("path", "who"), [(f"{CHANGES}/1", "eve"), ("/projects/BRIDGE/decisions/1", "ada")])
async def test_all_that_changes_of_an_item_is_told_with_and_without_prices(
    browser: Browser, database: Database, signed: Cast, path: str, who: str
) -> None:
    fields = {"title": "Piles", "type": "task", "points": None, "hours": "7.5", "description": "Of oak."}
    added = {"title": "A railing", "type": "story", "hours": "2", "description": "Of **steel** beams"}
    await an_offer(database, signed, LATER | {"items_changed": [{"number": 1} | fields], "items_added": [added]})
    shown = await text(browser, path, who)
    told = ("Foundations", "Title: Piles", "Type: Task", "Points: –", "Hours: 7.5", "Description: Of oak.")
    new = ("new: A railing", "Type: Story", "Hours: 2", "Of steel beams")
    assert [words for words in (*told, *new) if words not in shown] == []


async def test_an_item_that_leaves_its_milestone_is_told_so(browser: Browser, database: Database, signed: Cast) -> None:
    await an_offer(database, signed, LATER | {"items_changed": [{"number": 1, "milestone": None}]})
    for path in (f"{CHANGES}/1", "/projects/BRIDGE/decisions/1"):
        assert "Milestone: –" in await text(browser, path)


async def test_every_state_has_its_page(browser: Browser, database: Database, signed: Cast, tmp_path: Path) -> None:
    keys = keys_in(tmp_path)
    await answer(database, signed, keys, await an_offer(database, signed))
    declined = await an_offer(database, signed, LATER)
    await answer(database, signed, keys, declined, verdict=Verdict.DECLINED, comment="Not for that.")
    await priced(database, signed, (await raised(database, signed)).number)
    await withdrawn(database, signed, (await raised(database, signed)).number)
    await offered(database, signed, (await raised(database, signed)).number, [{"title": "A gift", "free": True}])
    said = {1: "Accepted Work", 2: "Not for that.", 3: "Being priced", 4: "Not needed any more.", 5: "Without charge"}
    for number, words in said.items():
        for who in ("ada", "eve", "finn", "dan", "wei"):
            shown = await text(browser, f"{CHANGES}/{number}", who)
            if who == "ada" and number != 1:
                assert words in shown
    assert "Chosen" in await text(browser, f"{CHANGES}/1", "eve")
    assert "Draft, not offered yet" in await text(browser, f"{CHANGES}/3", "dan")
    listed = await text(browser, CHANGES, "eve")
    for state in ("Accepted", "Declined", "Being priced", "Withdrawn", "Offered"):
        assert state in listed
    assert await text(browser, f"{CHANGES}?state=declined", "eve") != listed
    with time_machine.travel(clock.now() + timedelta(hours=1)):  # within the session
        assert await expiry.expire_due(database) == 0


async def test_a_client_takes_their_own_back(browser: Browser, database: Database, signed: Cast) -> None:
    await raised(database, signed)
    assert "Take it back" in await text(browser, f"{CHANGES}/1")
    assert "Take it back" not in await text(browser, f"{CHANGES}/1", "eve")
    gone = await browser.post(f"{CHANGES}/1/withdrawal", reason="We do without.")
    assert gone.status_code == 303
    assert "We do without." in await text(browser, f"{CHANGES}/1", "eve")


async def test_the_contract_is_told_so_that_it_can_be_worked_out_by_hand(
    browser: Browser, database: Database, signed: Cast, tmp_path: Path
) -> None:
    keys = keys_in(tmp_path)
    for alternatives in ((NOW,), (LATER,)):
        await answer(database, signed, keys, await an_offer(database, signed, *alternatives))
    page = await browser.open(CONTRACT)
    rows = [[page.words(cell) for cell in row if cell.tag in ("td", "th")] for row in page.all("table[1]/tbody/tr")]
    money = [row for row in rows if len(row) == 4]
    assert [row[2:] for row in money] == [
        ["€10,000.00", "€10,000.00"], ["+€1,250.00", "€11,250.00"], ["+€400.00", "€11,650.00"],
    ]  # fmt: skip
    shown = page.words(page.all("main")[0])
    for said in ("Total now €11,650.00", "2 amendments +€1,650.00", "1 Mar 2027", "Amendment 1 to 20 Mar 2027",
                 "Within 30 days.", "No rust.", "With tax €11,900.00"):  # fmt: skip
        assert said in shown


async def test_without_a_contract_the_page_says_who_records_it(browser: Browser, cast: Cast) -> None:
    assert "No contract is recorded yet." in await text(browser, CONTRACT, "finn")
    assert (await browser.get(CONTRACT, "eve")).status_code == 404


async def test_what_people_write_stays_text(browser: Browser, database: Database, signed: Cast) -> None:
    evil = "<script>alert(1)</script>"
    request = await raised(database, signed, title=evil, wanted=evil, reason=evil)
    await a_file(database, signed, Audience.CLIENT)
    way = LATER | {"title": evil, "quality": evil, "items_added": [{"title": evil}]}
    await offered(database, signed, request.number, [way])
    for path in (CHANGES, f"{CHANGES}/1", "/projects/BRIDGE/decisions/1", "/projects/BRIDGE/activity"):
        page = await browser.open(path)
        assert "<script>alert" not in page.text


async def test_a_page_costs_at_most_four_statements_and_unchanged_one(
    browser: Browser, database: Database, signed: Cast, tmp_path: Path
) -> None:
    await answer(database, signed, keys_in(tmp_path), await an_offer(database, signed))
    await an_offer(database, signed)
    for path in (CHANGES, f"{CHANGES}/1", f"{CHANGES}/2", CONTRACT):
        await browser.check_cost(database, path)
