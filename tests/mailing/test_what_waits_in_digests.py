"""What waits stands on top of a digest: the most pressing of it, how much it is in all, and nothing of it forgotten."""

from datetime import timedelta

import pytest

from portal import clock
from portal.decisions import remarks, waiting
from portal.files.store import open_store
from portal.ledger import Audience
from portal.mailing import parts, waits
from portal.mailing.sending import preparer
from portal.notify import outbox
from portal.notify.compose import composer
from portal.notify.deliver import by_smtp
from tests.support.cast import add_item
from tests.support.decisions import ask
from tests.support.statements import counting
from web.catalogues import catalogue

MORNING = "2026-11-24T07:00:00Z"
"""Tuesday, 08:00 in Berlin."""


async def question(database, cast, number, name="ada"):
    """Somebody of the client asks back: now the agency is waited for."""
    async with database.write() as db:
        await remarks.remark(db, await cast.scope(db, name), number, "Which one?", is_question=True)


async def open_ones(database, cast, for_client, for_agency):
    """Decisions that wait for the client, all more pressing than those that wait for the agency, due one by one."""
    today = clock.now().date()
    for number in range(1, for_client + for_agency + 1):
        await ask(database, cast, subject_number=number, title=f"Question {number}",
                  due_on=today + timedelta(days=number))  # fmt: skip
    for number in range(for_client + 1, for_client + for_agency + 1):
        await question(database, cast, number)


async def digest_of(post, name):
    await post.tell()
    await post.digest()
    (mail,) = [one for one in await post.mails() if one.template == "digest" and one.recipient.startswith(name)]
    return mail.context


async def digested(post, smtp, name):
    """The digest as it arrives."""
    compose, prepare = composer(post.settings, catalogue), preparer(post.database, open_store(post.settings))
    while await outbox.send_one(post.database, compose, by_smtp(smtp.url), prepare):
        pass
    return next(one for one in smtp.messages if str(one["To"]).startswith(name) and "wait" in str(one["Subject"]))


@pytest.fixture
async def staff(evening, post):
    """Wei, who reads of everything in digests."""
    await post.wish("wei", asked="digest")


async def test_staff_find_what_waits_for_them_whatever_waits_for_the_client(
    evening, database, cast, post, staff, monkeypatch
):
    monkeypatch.setattr(waiting, "MOST", 2)
    await open_ones(database, cast, for_client=3, for_agency=2)
    evening.move_to(MORNING)
    context = await digest_of(post, "wei")
    assert [one["title"] for one in context["projects"][0]["waiting"]] == ["Question 4", "Question 5"]
    assert context["waiting"] == 2


@pytest.mark.parametrize("name", ["wei", "ada"])
async def test_what_is_more_than_is_listed_is_counted_and_said(
    evening, database, cast, post, staff, smtp, monkeypatch, name
):
    monkeypatch.setattr(waits, "MOST", 2)
    await post.wish("ada", asked="digest")
    await open_ones(database, cast, for_client=0 if name == "wei" else 3, for_agency=3 if name == "wei" else 0)
    evening.move_to(MORNING)
    context = await digest_of(post, name)
    assert [one["title"] for one in context["projects"][0]["waiting"]] == ["Question 1", "Question 2"]
    message = await digested(post, smtp, name)
    assert str(message["Subject"]) == "Bright Harbour: 3 decisions wait for you"
    for kind in ("plain", "html"):
        text = message.get_body((kind,)).get_content()
        assert "And more than fits here." in text
        assert "https://portal.example/waiting" in text


async def test_what_is_listed_whole_is_not_said_to_be_more(evening, database, cast, post, staff, smtp):
    await open_ones(database, cast, for_client=0, for_agency=1)
    evening.move_to(MORNING)
    await digest_of(post, "wei")
    assert "more than fits" not in (await digested(post, smtp, "wei")).get_body(("plain",)).get_content()


@pytest.mark.parametrize("many", [1, 3])
async def test_it_takes_one_statement_however_much_waits(database, cast, many):
    await open_ones(database, cast, for_client=0, for_agency=many)
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
        with counting(database) as statements:
            assert (await waits.of_project(db, scope)).number == many
    assert len(statements) == 1


async def test_money_waits_only_for_those_who_may_see_it(evening, database, cast, post):
    await ask(database, cast, audience=Audience.BILLING, title="Pay by invoice: 4000")
    await question(database, cast, 1)
    async with database.read() as db:
        found = {name: (await waits.of_project(db, await cast.scope(db, name))).number for name in ("wei", "dan")}
    assert found == {"wei": 1, "dan": 0}


async def test_staff_who_want_no_news_but_what_waits_hear_what_the_client_asked(evening, database, cast, post):
    await post.wish("wei", asked="digest", news="off")
    await ask(database, cast)
    await add_item(database, cast)
    await question(database, cast, 1)
    evening.move_to(MORNING)
    context = await digest_of(post, "wei")
    (part,) = context["projects"]
    assert [one["title"] for one in part["waiting"]] == ["Requirement 1: sign in"]
    assert [(one["what"], one["count"]) for one in part["counts"]] == [("decisions", 1)]


async def test_a_question_behind_more_events_than_a_digest_tells_of_is_not_lost(
    evening, database, cast, post, monkeypatch
):
    monkeypatch.setattr(parts, "MOST_EVENTS", 3)
    await post.wish("ada", asked="digest", news="off")
    for n in range(5):
        await add_item(database, cast, title=f"Item {n}")
    await ask(database, cast)
    evening.move_to(MORNING)
    context = await digest_of(post, "ada")
    assert [one["title"] for one in context["projects"][0]["waiting"]] == ["Requirement 1: sign in"]
