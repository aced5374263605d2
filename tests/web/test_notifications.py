"""What somebody chooses to be told, and the ways that lead in from a mail: none of them signs anybody in."""

import asyncio
from uuid import uuid4

import pytest
from httpx2 import Response
from sqlalchemy import select, update

from portal import clock
from portal.db import Database
from portal.notify import links, outbox, preferences
from portal.notify.models import MailLink, MailRefused
from portal.notify.rules import Topic
from portal.people.models import Person
from tests.support.cast import Cast
from tests.web.conftest import Browser

CHOSEN = {"locale": "ru", "asked": "digest", "news": "weekly", "quiet_from": "22:00", "quiet_until": "07:30",
          "time_zone": "Asia/Tokyo"}  # fmt: skip


async def wishes(database: Database, cast: Cast, name: str = "ada") -> tuple[str | None, ...]:
    async with database.read() as db:
        row = await preferences.of_person(db, cast.people[name])
    return (row.asked, row.news) if row else (None, None)


def token(browser: Browser, cast: Cast, topic: Topic = Topic.NEWS, name: str = "ada") -> str:
    return links.leave_token(browser.client._transport.app.state.settings, cast.people[name], topic)


async def one_click(browser: Browser, path: str) -> Response:
    """What a mail program sends by RFC 8058: no cookie, no origin, one field."""
    return await browser.client.post(path, data={"List-Unsubscribe": "One-Click"})


async def test_the_defaults_stand_on_the_page(browser: Browser) -> None:
    page = await browser.open("/me/notifications")
    checked = {(one.get("name"), one.get("value")) for one in page.all("input") if one.get("checked") is not None}
    assert checked == {("asked", "now"), ("news", "daily")}


async def test_what_is_chosen_is_kept_and_shown_again(browser: Browser, database: Database, cast: Cast) -> None:
    answer = await browser.post("/me/notifications", **CHOSEN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/me/notifications?notice=saved")
    page = await browser.open("/me/notifications?notice=saved")
    values = {one.get("name"): one.get("value") for one in page.all("input") if one.get("type") != "radio"}
    assert {name: values[name] for name in ("quiet_from", "quiet_until", "time_zone")} == {
        name: CHOSEN[name] for name in ("quiet_from", "quiet_until", "time_zone")
    }
    assert await wishes(database, cast) == ("digest", "weekly")
    assert await wishes(database, cast, "eve") == (None, None)
    async with database.read() as db:
        assert await db.scalar(select(Person.locale).where(Person.id == cast.people["ada"])) == "ru"


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "Mars/Olympus"}, {"quiet_from": "25:00"}, {"quiet_until": ""}, {"quiet_until": "22:00"},
        {"asked": "never"}, {"news": ""}, {"locale": "xx"}, {"time_zone": "../../etc/passwd"}, {"time_zone": "\0"},
    ],
)  # fmt: skip
async def test_what_cannot_be_kept_changes_nothing_and_is_shown_back(
    browser: Browser, database: Database, cast: Cast, wrong: dict[str, str]
) -> None:
    answer = await browser.post("/me/notifications", **(CHOSEN | wrong))
    assert answer.status_code == 422
    assert "Nothing was saved." in answer.text
    assert await wishes(database, cast) == (None, None)
    async with database.read() as db:
        assert await db.scalar(select(Person.locale).where(Person.id == cast.people["ada"])) == "en"


async def test_following_the_link_of_a_mail_changes_nothing_until_the_button(
    browser: Browser, database: Database, cast: Cast
) -> None:
    page = await browser.open(f"/unsubscribe/{token(browser, cast)}", None)
    assert await wishes(database, cast) == (None, None)
    assert "ada" not in page.text.lower().replace("adapt", "")
    action = next(form.get("action") for form in page.all("form") if "unsubscribe" in form.get("action"))
    assert (await browser.post(action, None)).status_code == 200
    assert await wishes(database, cast) == ("now", "off")


@pytest.mark.parametrize(("topic", "left"), [(Topic.NEWS, ("now", "off")), (Topic.ASKED, ("off", "daily"))])
async def test_a_mail_program_leaves_the_list_by_one_click(
    browser: Browser, database: Database, cast: Cast, topic: Topic, left: tuple[str, str]
) -> None:
    for _ in range(2):
        assert (await one_click(browser, f"/unsubscribe/{token(browser, cast, topic)}")).status_code == 200
    assert await wishes(database, cast) == left
    assert await wishes(database, cast, "eve") == (None, None)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t[:-2],
        lambda t: ("A" if t[0] != "A" else "B") + t[1:],
        lambda t: t[::-1],
        lambda t: "x",
        lambda t: "é" * 9,
    ],
)
async def test_a_token_that_is_not_ours_leaves_nobody(browser, database, cast, change) -> None:
    path = f"/unsubscribe/{change(token(browser, cast))}"
    asked, told = await browser.get(path, None), await one_click(browser, path)
    assert (asked.status_code, told.status_code) == (404, 404)
    assert await wishes(database, cast) == (None, None)


async def test_a_token_of_one_list_is_none_of_the_other_and_none_of_a_link(browser, database, cast) -> None:
    settings = browser.client._transport.app.state.settings
    assert token(browser, cast, Topic.NEWS) != token(browser, cast, Topic.ASKED)
    mail = uuid4()
    assert links.read_leave_token(settings, links.open_token(settings, mail)) is None
    assert links.open_token(settings, mail) != links.reply_token(settings, mail)


async def linked(browser: Browser, database: Database, cast: Cast, name: str = "ada") -> str:
    """The address of a link in a mail of somebody's."""
    settings, mail_id = browser.client._transport.app.state.settings, uuid4()
    async with database.write() as db:
        links.add_link(db, settings, mail_id, cast.people[name], "/projects/BRIDGE/backlog")
    return f"/go/{links.open_token(settings, mail_id)}"


async def test_a_link_leads_its_person_to_the_page_once(browser: Browser, database: Database, cast: Cast) -> None:
    path = await linked(browser, database, cast)
    first, second = await browser.get(path), await browser.get(path)
    assert (first.status_code, first.headers["location"]) == (303, "/projects/BRIDGE/backlog")
    assert second.status_code == 410
    assert 'href="/sign-in"' in second.text


async def test_as_many_links_at_once_as_there_are_connections_do_not_wait_for_each_other(
    browser: Browser, database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.db.PATIENCE_SECONDS", 10)
    paths = [await linked(browser, database, cast) for _ in range(8)]
    answers = await asyncio.gather(*(browser.get(path) for path in paths))
    assert [answer.status_code for answer in answers] == [303] * 8


async def test_without_a_session_a_link_leads_to_the_sign_in_and_is_not_used(browser, database, cast) -> None:
    path = await linked(browser, database, cast)
    answer = await browser.get(path, None)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/auth/login?next=%2Fgo%2F")
    assert "set-cookie" not in answer.headers
    assert (await browser.get(path)).status_code == 303


async def test_somebody_elses_link_leads_nowhere_and_stays_unused(browser, database, cast) -> None:
    path = await linked(browser, database, cast)
    foreign, unknown = await browser.get(path, "mallory"), await browser.get("/go/nothing", "mallory")
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert foreign.text.replace(path, "") == unknown.text.replace("/go/nothing", "")
    assert (await browser.get(path)).status_code == 303


async def test_a_browser_that_asks_ahead_uses_no_link(browser, database, cast) -> None:
    path = await linked(browser, database, cast)
    assert (await browser.get(path, headers={"Sec-Purpose": "prefetch"})).status_code == 404
    assert (await browser.get(path)).status_code == 303


async def test_an_old_link_leads_nowhere(browser, database, cast) -> None:
    path = await linked(browser, database, cast)
    async with database.write() as db:
        await db.execute(update(MailLink).values(expires_at=clock.now()))
    assert (await browser.get(path)).status_code == 410


async def test_the_database_holds_no_token(browser, database, cast) -> None:
    path = await linked(browser, database, cast)
    async with database.read() as db:
        row = (await db.scalars(select(MailLink))).one()
    assert path.removeprefix("/go/").encode() not in row.token_hash
    assert len(row.token_hash) == 32


async def test_a_refused_address_is_marked_for_staff(browser: Browser, database: Database, cast: Cast) -> None:
    now = clock.now()
    async with database.write() as db:
        db.add(MailRefused(address="eve@example.com", source="smtp", status="550", first_at=now, last_at=now, times=1))
    page = await browser.open("/projects/BRIDGE/visibility", "wei")
    assert page.text.count("Mail is refused (550)") == 1


async def test_a_mail_of_a_key_is_put_in_once(database: Database) -> None:
    wanted = {"recipient": "a@b.example", "locale": "en", "template": "invitation", "context": {}, "dedupe_key": "k"}
    async with database.write() as db:
        await outbox.enqueue(db, **wanted)
        assert await outbox.known_of(db, ["k", "l"]) == {"k"}
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError):
        async with database.write() as db:
            await outbox.enqueue(db, **wanted)
