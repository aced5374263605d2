"""A person's days in their own calendar program: only theirs, in their language, until it ends."""

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from fastapi import FastAPI
from httpx2 import Response
from icalendar import Calendar
from sqlalchemy import select, update

from portal import clock
from portal.access.models import Membership
from portal.calendar_feed import commands
from portal.calendar_feed.models import CalendarFeed
from portal.db import Database
from portal.errors import NotAllowed
from portal.identity.models import Session
from portal.people import commands as people
from portal.people.models import Person
from portal.projects import commands as projects
from portal.projects.models import Milestone
from tests.support.cast import SYSTEM, Cast
from tests.support.decisions import ask
from tests.support.statements import counting
from tests.web.conftest import BASE, Browser, Page

SOON = clock.now().date() + timedelta(days=30)
HOSTILE = 'Beta, "1"; \\ END:VEVENT\\n\u2028\u202eBEGIN:VALARM <b>中文</b> ' + "й" * 100


async def milestone(database: Database, cast: Cast, name: str, key: str = "BRIDGE", **days: date) -> Milestone:
    """A milestone that Wei adds."""
    async with database.write() as db:
        return await projects.add_milestone(db, await cast.scope(db, "wei", key), name=name, **days)


async def address(browser: Browser, who: str = "ada") -> str:
    """The path of a new address of somebody, as they are shown it."""
    answer = await browser.post("/me/calendar", who)
    assert answer.headers["cache-control"] == "no-store"
    page = Page(answer)
    page.check()
    shown = page.all("input[@id='address']")[0].get("value")
    assert shown.startswith(f"{BASE}/calendar/")
    assert page.all("a[@class='button primary']")[0].get("href") == shown.replace("http:", "webcal:")
    return str(shown.removeprefix(BASE))


async def read(browser: Browser, path: str) -> list[dict[str, Any]]:
    """The events that a calendar program reads there, without any cookie."""
    answer = await browser.get(path, None)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    return events(answer)


def events(answer: Response) -> list[dict[str, Any]]:
    """The events of a feed, by the names of their properties."""
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))
    return [dict(event) for event in Calendar.from_ical(answer.content).walk("VEVENT")]


def said(found: list[dict[str, Any]]) -> list[tuple[str, date]]:
    """What stands on which day."""
    return [(str(one["SUMMARY"]), one["DTSTART"].dt) for one in found]


async def test_milestones_stand_on_the_days_that_are_expected_and_agreed(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await milestone(database, cast, "Beta", agreed_on=date(2027, 1, 4), expected_on=date(2027, 1, 11))
    await milestone(database, cast, "Launch", promised_on=date(2027, 3, 1), expected_on=date(2027, 3, 1))
    await milestone(database, cast, "Kick-off", expected_on=date(2026, 12, 1), done_on=date(2026, 12, 2))
    await milestone(database, cast, "Some day")
    found = await read(browser, await address(browser))
    assert said(found) == [
        ("Milestone reached: Kick-off (The bridge)", date(2026, 12, 2)),
        ("Milestone as agreed: Beta (The bridge)", date(2027, 1, 4)),
        ("Milestone: Beta (The bridge)", date(2027, 1, 11)),
        ("Milestone: Launch (The bridge)", date(2027, 3, 1)),
    ]
    assert str(found[0]["URL"]) == f"{BASE}/projects/BRIDGE/milestones/3"
    assert all(one["DTEND"].dt == one["DTSTART"].dt + timedelta(days=1) for one in found)


async def test_an_event_keeps_its_name_and_tells_when_it_changed(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await milestone(database, cast, "Beta", expected_on=date(2027, 1, 11))
    path = await address(browser)
    (before,) = await read(browser, path)
    with time_machine.travel(clock.now() + timedelta(minutes=1)):
        async with database.write() as db:
            change = {"expected_on": date(2027, 2, 1), "name": "Beta 1"}
            await projects.change_milestone(db, await cast.scope(db, "wei"), 1, change, reason="Late.")
    (after,) = await read(browser, path)
    assert before["UID"] == after["UID"] == "milestone-BRIDGE-1-day@portal.example"
    assert after["DTSTAMP"].dt > before["DTSTAMP"].dt
    assert after["SEQUENCE"] > before["SEQUENCE"]
    assert said([after]) == [("Milestone: Beta 1 (The bridge)", date(2027, 2, 1))]


async def test_nothing_of_another_client_is_in_it(browser: Browser, database: Database, cast: Cast) -> None:
    await milestone(database, cast, "Zanzibar", "HARBOUR", expected_on=date(2027, 1, 1))
    await milestone(database, cast, "Ours", expected_on=date(2027, 1, 1))
    await ask(database, cast, "HARBOUR", title="Zanzibar too", due_on=SOON)
    answers = {who: (await browser.get(await address(browser, who), None)).text for who in ("ada", "mallory", "nemo")}
    assert "Zanzibar" not in answers["ada"]
    assert "Ours" in answers["ada"]
    assert "Ours" not in answers["mallory"]
    assert "Zanzibar" in answers["mallory"]
    assert "VEVENT" not in answers["nemo"]


async def test_decisions_stand_on_their_day_for_whoever_can_answer_them(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await ask(database, cast, title="Sign in", due_on=SOON)
    await ask(database, cast, subject_number=2, title="No day")
    ada, eve = [await read(browser, await address(browser, who)) for who in ("ada", "eve")]
    assert said(ada) == [("Please decide by today: Sign in (The bridge)", SOON)]
    assert str(ada[0]["URL"]) == f"{BASE}/projects/BRIDGE/decisions/1"
    assert eve == []


async def test_the_last_day_there_is_has_no_day_after_and_hides_no_other(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await milestone(database, cast, "Beta", expected_on=SOON)
    await ask(database, cast, title="For ever", due_on=date.max)
    soon, last = await read(browser, await address(browser))
    assert (soon["DTSTART"].dt, soon["DTEND"].dt) == (SOON, SOON + timedelta(days=1))
    assert (last["DTSTART"].dt, "DTEND" in last) == (date.max, False)


async def test_it_ends_with_the_membership_and_with_the_person(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await milestone(database, cast, "Beta", expected_on=date(2027, 1, 11))
    path = await address(browser, "eve")
    assert len(await read(browser, path)) == 1
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await db.delete(await db.get(Membership, (scope.project_id, cast.people["eve"])))
    assert await read(browser, path) == []
    async with database.write() as db:
        await people.disable(db, SYSTEM, cast.people["eve"])
    assert (await browser.get(path, None)).status_code == 404


async def test_a_new_address_ends_the_one_before_and_an_ended_one_reads_nothing(
    browser: Browser, database: Database
) -> None:
    first = await address(browser)
    second = await address(browser)
    assert [(await browser.get(path, None)).status_code for path in (first, second)] == [404, 200]
    assert (await browser.post("/me/calendar/end")).status_code == 303
    assert (await browser.get(second, None)).status_code == 404
    async with database.read() as db:
        assert (await db.scalars(select(CalendarFeed))).all() == []


async def test_the_secret_is_nowhere_but_in_the_address(browser: Browser, database: Database) -> None:
    path = await address(browser)
    token = path.removeprefix("/calendar/").removesuffix(".ics")
    assert len(token) == 43
    async with database.read() as db:
        kept = (await db.scalars(select(CalendarFeed.token_hash))).one()
    assert token.encode() not in kept
    page = await browser.open("/me", headers={"Accept": "text/html"})
    assert token not in page.text
    assert "There is an address since" in page.text


@pytest.mark.parametrize("token", ["x", "A" * 43, "A" * 42, "A" * 44, "%00" * 43, "é" * 43, "..%2f" * 3, "A" * 5000])
async def test_a_guessed_address_is_nothing(browser: Browser, token: str) -> None:
    await address(browser)
    answer = await browser.get(f"/calendar/{token}.ics", None)
    assert answer.status_code == 404


async def test_cookies_change_nothing(browser: Browser, database: Database, cast: Cast) -> None:
    await milestone(database, cast, "Beta", expected_on=date(2027, 1, 11))
    path = await address(browser, "eve")
    texts = {(await browser.get(path, who)).text for who in (None, "mallory", "root", "eve")}
    assert len(texts) == 1
    assert "set-cookie" not in (await browser.get(path, "mallory")).headers


async def test_the_same_days_are_the_same_text_and_cost_no_second_transfer(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await milestone(database, cast, "Beta", expected_on=date(2027, 1, 11))
    path = await address(browser)
    first = await browser.get(path, None)
    again = await browser.get(path, None, {"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "no-cache" in first.headers["cache-control"]
    assert "private" in first.headers["cache-control"]
    await milestone(database, cast, "Gamma", expected_on=date(2027, 1, 12))
    assert (await browser.get(path, None, {"If-None-Match": first.headers["etag"]})).status_code == 200


async def test_it_speaks_the_person_s_language_whatever_the_program_says(
    browser: Browser, database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    from web import calendar_feed

    asked = list[str]()
    monkeypatch.setattr(calendar_feed, "catalogue", lambda locale: asked.append(locale) or _plain())
    async with database.write() as db:
        await db.execute(update(Person).where(Person.id == cast.people["ada"]).values(locale="zh-Hans"))
    path = await address(browser)
    await browser.get(path, None, {"Accept-Language": "ru"})
    assert asked == ["zh_CN"]


def _plain() -> Any:
    from gettext import NullTranslations

    return NullTranslations()


async def test_hostile_names_stay_one_line_of_one_event(browser: Browser, database: Database, cast: Cast) -> None:
    await milestone(database, cast, HOSTILE, expected_on=date(2027, 1, 11))
    (found,) = await read(browser, await address(browser))
    assert str(found["SUMMARY"]).startswith('Milestone: Beta, "1"; \\ END:VEVENT\\n  BEGIN:VALARM <b>中文</b>')
    answer = await browser.get(await address(browser), None)
    names = [line.split(":")[0] for line in answer.text.split("\r\n") if line.startswith(("BEGIN", "END"))]
    assert names == ["BEGIN", "BEGIN", "END", "END"]


async def test_the_agency_s_people_see_all_projects_as_long_as_they_are_signed_in_somewhere(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await milestone(database, cast, "Beta", expected_on=date(2027, 1, 11))
    await milestone(database, cast, "Pier", "HARBOUR", expected_on=date(2027, 1, 11))
    path = await address(browser, "dan")
    assert len(await read(browser, path)) == 2
    async with database.write() as db:
        past = clock.now() - timedelta(minutes=1)
        await db.execute(update(Session).where(Session.person_id == cast.people["dan"]).values(expires_at=past))
    assert await read(browser, path) == []


async def test_a_feed_costs_four_statements_whatever_there_is(browser: Browser, database: Database, cast: Cast) -> None:
    path = await address(browser)
    for number in range(20):
        await milestone(database, cast, f"M{number}", expected_on=date(2027, 1, 1) + timedelta(days=number))
    with counting(database) as statements:
        assert len(await read(browser, path)) == 20
    assert len(statements) <= 4


async def test_only_a_person_has_a_calendar(portal: FastAPI, database: Database, cast: Cast) -> None:
    async with database.write() as db:
        with pytest.raises(NotAllowed):
            await commands.make(db, SYSTEM)


async def test_nobody_else_s_page_can_make_or_end_an_address(browser: Browser, cast: Cast) -> None:
    path = await address(browser)
    for action in ("/me/calendar", "/me/calendar/end"):
        headers = cast.cookie("ada") | {"Sec-Fetch-Site": "cross-site"}
        assert (await browser.client.post(BASE + action, headers=headers)).status_code == 403
        assert (await browser.get(action)).status_code == 405
    assert (await browser.get(path, None)).status_code == 200


async def test_the_log_holds_the_route_and_not_the_address(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    path = await address(browser)
    with caplog.at_level("INFO"):
        await browser.get(path, None)
    written = [str(record.__dict__) for record in caplog.records if record.name.startswith("portal")]
    assert any("/calendar/{token}.ics" in line for line in written)
    assert not any(path.removeprefix("/calendar/").removesuffix(".ics") in line for line in written)
