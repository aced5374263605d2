"""Pages of decisions tell running clocks in minutes, so one that was rendered in this minute for this viewer and state
is given again; everything else makes another page at once."""

from datetime import UTC, datetime, timedelta

import pytest

from portal import clock
from portal.decisions import drafts, remarks
from portal.decisions.models import Decision
from tests.support.decisions import ask
from tests.support.statements import counting

LIST, PAGE = "/projects/BRIDGE/decisions", "/projects/BRIDGE/decisions/1"
BOTH = pytest.mark.parametrize(("path", "statements"), [(LIST, 1), (PAGE, 2)])
"""The statement of session and scope; for one decision also what its viewer had begun to write."""


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute that does not end while a test runs."""
    today = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    monkeypatch.setattr(clock, "now", lambda: today)


@pytest.fixture
async def asked(database, cast) -> Decision:
    """A question to every approver."""
    return await ask(database, cast, title="Sign in, version 1")


@BOTH
async def test_within_the_minute_the_page_is_given_again_and_costs_no_reading(
    browser, database, asked, path, statements
):
    first = await browser.open(path)
    with counting(database) as ran:
        again = await browser.open(path)
        same = await browser.get(path, headers={"If-None-Match": first.response.headers["etag"]})
    assert (again.text, same.status_code, same.content) == (first.text, 304, b"")
    assert len(ran) == 2 * statements


@BOTH
async def test_the_next_minute_is_another_page(browser, asked, path, statements, monkeypatch):
    first = await browser.get(path)
    later = clock.now() + timedelta(minutes=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    held = await browser.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert held.status_code == 200
    assert held.headers["etag"] != first.headers["etag"]


@BOTH
async def test_every_viewer_has_a_page_of_their_own(browser, asked, path, statements):
    answers = [await browser.get(path, who) for who in ("ada", "eve", "wei")]
    assert len({one.headers["etag"] for one in answers}) == 3
    ada = answers[0].headers["etag"]
    assert (await browser.get(path, "eve", {"If-None-Match": ada})).status_code == 200
    assert (await browser.get(path, "mallory", {"If-None-Match": ada})).status_code == 404


async def test_what_was_said_stands_there_at_once(browser, asked):
    first = await browser.open(PAGE)
    await browser.post(f"{PAGE}/remarks", "eve", text="Which version is this?")
    after = await browser.get(PAGE, headers={"If-None-Match": first.response.headers["etag"]})
    assert (after.status_code, "Which version is this?" in after.text) == (200, True)


async def test_what_somebody_had_begun_to_write_makes_another_page_for_them_alone(browser, database, cast, asked):
    before = {who: (await browser.get(PAGE, who)).headers["etag"] for who in ("ada", "eve")}
    async with database.write() as db:
        written = {"verdict": "declined", "comment": "Not yet", "choice": ""}
        await drafts.keep(db, await cast.scope(db, "ada"), 1, written)
    answers = {who: await browser.get(PAGE, who, {"If-None-Match": etag}) for who, etag in before.items()}
    assert {who: one.status_code for who, one in answers.items()} == {"ada": 200, "eve": 304}
    assert "Not yet" in answers["ada"].text


async def test_colleagues_words_among_themselves_move_no_page_of_a_client(browser, database, cast, asked):
    before = {who: (await browser.get(PAGE, who)).headers["etag"] for who in ("ada", "wei")}
    async with database.write() as db:
        await remarks.judge(db, await cast.scope(db, "wei"), 1, "They will refuse it")
    answers = {who: await browser.get(PAGE, who, {"If-None-Match": etag}) for who, etag in before.items()}
    assert {who: one.status_code for who, one in answers.items()} == {"ada": 304, "wei": 200}
