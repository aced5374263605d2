"""Testers hear of their round: when it opens, when they are named later, and once on its last day; nobody else does."""

from datetime import date

import pytest
from sqlalchemy import delete, update

from portal.acceptance import reminders, rounds
from portal.acceptance.models import Outcome
from portal.access.models import Membership
from portal.files.store import open_store
from portal.mailing.sending import preparer
from portal.notify import links, outbox
from portal.notify.compose import composer
from portal.notify.deliver import by_smtp
from portal.notify.models import NotifyCursor
from portal.projects import commands as projects
from tests.support import testers
from tests.support.acceptance import add_plan, close_round, offer, open_round, say, say_all
from tests.support.cast import add_item
from tests.support.decisions import ask
from tests.support.statements import counting
from web.catalogues import catalogue

LAST = date(2026, 11, 25)
BEFORE_EIGHT, AT_EIGHT, MIDNIGHT = "2026-11-25T06:59:00Z", "2026-11-25T07:00:00Z", "2026-11-25T23:00:00Z"
"""By the clock of Berlin; the last is the first moment of the day after."""
MORNING = "2026-11-24T07:00:00Z"
ALL = dict.fromkeys((1, 2, 3), Outcome.PASSED)


@pytest.fixture
async def offered(evening, database, cast):
    """An offered plan of three cases; Tess tests and sees nothing else."""
    await testers.enter(database, cast)
    await add_plan(database, cast)
    await offer(database, cast)


async def leave(post, smtp):
    """Sends all that is due; returns the texts by recipient."""
    compose, prepare = composer(post.settings, catalogue), preparer(post.database, open_store(post.settings))
    while await outbox.send_one(post.database, compose, by_smtp(smtp.url), prepare):
        pass
    return {str(one["To"]).partition("@")[0]: one for one in smtp.messages}


async def remind(post):
    done = await reminders.remind(post.database)
    await post.tell()
    return done


async def test_those_who_are_named_are_told_of_their_round_and_nobody_else(database, cast, post, offered):
    await open_round(database, cast, "ada", "tess")
    await post.tell()
    assert await post.told() == [("ada", "opened"), ("tess", "opened")]


async def test_the_mail_says_what_is_asked_until_when_and_where(database, cast, post, offered, smtp):
    terms = {"build": "1.4.0", "address": "https://staging.example/", "starts_on": date(2026, 11, 24), "ends_on": LAST}
    await open_round(database, cast, "tess", **terms)
    await post.tell()
    message = (await leave(post, smtp))["tess"]
    assert str(message["Subject"]) == "The bridge: please test “Acceptance of the first release”"
    plain = message.get_body(("plain",)).get_content()
    for said in ("Acceptance of the first release", "Round 1", "Left for you: 3 of 3 cases", "From: 24 November 2026",
                 "Until: 25 November 2026", "Build: 1.4.0", "Where: https://staging.example/",
                 "/projects/BRIDGE/tests/1/rounds/1", "named you a tester"):  # fmt: skip
        assert said in plain, said
    assert "3 of 3 cases" in message.get_body(("html",)).get_content()
    assert "List-Unsubscribe" in message


async def test_its_link_leads_the_tester_to_the_round(database, cast, post, offered):
    await open_round(database, cast, "tess")
    await post.tell()
    (mail,) = await post.mails()
    token = links.open_token(post.settings, mail.id)
    async with database.write() as db:
        assert (await links.open_link(db, cast.people["ada"], token)).path is None
        assert (await links.open_link(db, cast.people["tess"], token)).path == "/projects/BRIDGE/tests/1/rounds/1"


async def test_whoever_is_named_later_is_told_then_and_the_others_not_again(database, cast, post, offered):
    await open_round(database, cast, "ada")
    await post.tell()
    async with database.write() as db:
        people = [cast.people[name] for name in ("ada", "tess")]
        await rounds.add_testers(db, await cast.scope(db, "dan"), 1, 1, people)
    await post.tell()
    assert await post.told() == [("ada", "opened"), ("tess", "testers_added")]


async def test_nobody_is_told_twice_however_often_the_events_are_read(database, cast, post, offered):
    await open_round(database, cast, "tess")
    for _ in range(3):
        await post.tell()
        async with database.write() as db:
            await db.execute(update(NotifyCursor).values(seq=0).execution_options(cross_project="the test reads anew"))
    assert await post.told() == [("tess", "opened")]


@pytest.mark.parametrize("asked", ["digest", "off"])
async def test_who_does_not_wish_it_at_once_does_not_get_it_at_once(database, cast, post, offered, asked):
    await post.wish("tess", asked=asked)
    await open_round(database, cast, "tess")
    await post.tell()
    assert await post.told() == []


@pytest.mark.parametrize("who", ["tess", "eve"])
async def test_who_wishes_a_digest_finds_the_round_in_it(evening, database, cast, post, offered, smtp, who):
    await post.wish(who, asked="digest", news="off")
    await open_round(database, cast, who, ends_on=LAST)
    await add_item(database, cast, title="A secret of the others")
    await post.tell()
    evening.move_to(MORNING)
    await post.digest()
    (mail,) = [one for one in await post.mails() if one.recipient.startswith(who)]
    assert mail.context["projects"][0]["counts"] == []
    message = (await leave(post, smtp))[who]
    assert str(message["Subject"]) == "Bright Harbour: 1 thing waits for you"
    plain = message.get_body(("plain",)).get_content()
    assert "Acceptance of the first release (The bridge, due 25 November 2026)" in plain
    assert "/projects/BRIDGE/tests/1/rounds/1" in plain


async def test_a_tester_alone_has_no_news_in_their_digest(evening, database, cast, post, offered):
    await post.wish("tess", asked="digest", news="daily")
    await add_item(database, cast, title="Not theirs")
    await ask(database, cast)
    await post.tell()
    evening.move_to(MORNING)
    await post.digest()
    assert "tess" not in {who for who, _ in await post.told()}
    await open_round(database, cast, "tess")
    await add_item(database, cast, title="Nor this")
    await post.tell()
    evening.move_to("2026-11-25T07:00:00Z")
    await post.digest()
    (mail,) = [one for one in await post.mails() if one.recipient.startswith("tess")]
    (part,) = mail.context["projects"]
    assert (part["counts"], [one["path"] for one in part["waiting"]]) == ([], ["/projects/BRIDGE/tests/1/rounds/1"])


async def test_a_mail_that_has_not_left_yet_asks_again_what_is_left(database, cast, post, offered, smtp):
    await open_round(database, cast, "ada", "eve", "tess")
    await post.tell()
    await say(database, cast, "ada", 1, Outcome.PASSED)
    await say_all(database, cast, ALL, "eve")
    async with database.write() as db:
        await db.execute(delete(Membership).where(Membership.person_id == cast.people["tess"]).execution_options(
            cross_project="the test shows somebody out"))  # fmt: skip
    sent = await leave(post, smtp)
    assert list(sent) == ["ada"]
    assert "2 of 3 cases" in sent["ada"].get_body(("plain",)).get_content()


async def test_a_round_that_is_closed_is_told_to_nobody(database, cast, post, offered, smtp):
    await open_round(database, cast, "tess")
    await post.tell()
    await close_round(database, cast)
    assert await leave(post, smtp) == {}


async def test_on_the_last_day_those_who_have_cases_left_are_reminded_once(evening, database, cast, post, offered):
    await open_round(database, cast, "ada", "eve", "tess", ends_on=LAST)
    await say_all(database, cast, ALL, "ada")
    await say(database, cast, "eve", 1, Outcome.FAILED)
    evening.move_to(BEFORE_EIGHT)
    assert await remind(post) == 0
    evening.move_to(AT_EIGHT)
    assert [await remind(post) for _ in range(2)] == [1, 0]
    assert [one for one in await post.told() if one[1] == "reminded"] == [("eve", "reminded"), ("tess", "reminded")]
    mail = next(one for one in await post.mails() if one.context["kind"] == "reminded")
    assert (mail.context["left"], mail.context["is_last_day"]) == (2, True)


async def test_a_job_that_slept_over_the_last_day_reminds_nobody(evening, database, cast, post, offered):
    await open_round(database, cast, "tess", ends_on=LAST)
    evening.move_to(MIDNIGHT)
    assert await remind(post) == 0


async def test_a_round_of_one_day_is_told_once(evening, database, cast, post, offered):
    evening.move_to(AT_EIGHT)
    await open_round(database, cast, "tess", ends_on=LAST)
    await post.tell()
    assert await remind(post) == 0
    assert await post.told() == [("tess", "opened")]


@pytest.mark.parametrize("ended", ["closed", "archived", "endless"])
async def test_nobody_is_reminded_of_a_round_that_does_not_end_today(evening, database, cast, post, offered, ended):
    await open_round(database, cast, "tess", ends_on=None if ended == "endless" else LAST)
    if ended == "closed":
        await close_round(database, cast)
    if ended == "archived":
        async with database.write() as db:
            await projects.change_project(db, await cast.scope(db, "wei"), {"status": "archived"})
    evening.move_to(AT_EIGHT)
    assert await remind(post) == 0


async def test_a_round_of_an_archived_project_costs_nothing(evening, database, cast, post, offered):
    await open_round(database, cast, "tess", ends_on=LAST)
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei"), {"status": "archived"})
    evening.move_to(AT_EIGHT)
    with counting(database) as statements:
        assert await reminders.remind(database) == 0
    assert len(statements) == 1


async def test_rounds_of_another_project_are_told_there_alone(evening, database, cast, post, offered):
    await testers.offered(database, cast, "Elsewhere", "mallory", "HARBOUR")
    await post.tell()
    assert await post.told() == [("mallory", "opened")]
