"""Digests: what happened, to those who may see it, when they wish it, and each thing once."""

from datetime import time, timedelta

from sqlalchemy import delete, select

from portal import clock
from portal.access.models import Membership
from portal.backlog import commands as backlog
from portal.ledger import Audience
from portal.notify.models import NotifyReader
from portal.people import commands as people
from tests.support.cast import add_item
from tests.support.decisions import ask
from tests.support.statements import counting

MORNING = "2026-11-24T07:00:00Z"
"""Tuesday, 08:00 in Berlin."""


async def finish(database, cast, number):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await backlog.change_item(db, scope, number, {"status": "Done"})


async def digests_of(post, traveller, moment=MORNING):
    traveller.move_to(moment)
    await post.tell()
    await post.digest()
    return {mail.recipient.partition("@")[0]: mail.context for mail in await post.mails() if mail.template == "digest"}


def rows(context):
    return {count["what"]: (count["count"], count["titles"]) for count in context["projects"][0]["counts"]}


async def test_a_digest_counts_what_was_done_and_names_it(evening, database, cast, post):
    for title in ("Search", "Cookies"):
        await finish(database, cast, (await add_item(database, cast, title=title)).number)
    found = await digests_of(post, evening)
    assert rows(found["eve"]) == {"done": (2, ["Search", "Cookies"]), "added": (2, ["Search", "Cookies"])}
    assert found["eve"]["projects"][0]["name"] == "The bridge"
    assert sorted(found) == ["ada", "eve", "finn"]


async def test_it_comes_at_eight_by_the_persons_clock_and_once_a_day(evening, database, cast, post):
    await post.wish("eve", time_zone="Asia/Tokyo")
    await add_item(database, cast)
    assert sorted(await digests_of(post, evening, "2026-11-23T22:59:00Z")) == []
    assert sorted(await digests_of(post, evening, "2026-11-23T23:00:00Z")) == ["eve"]
    assert sorted(await digests_of(post, evening)) == ["ada", "eve", "finn"]
    await add_item(database, cast)
    await digests_of(post, evening, "2026-11-24T22:59:00Z")
    assert len(await post.mails()) == 3


async def test_a_weekly_one_comes_on_monday(evening, database, cast, post):
    await post.wish("eve", news="weekly")
    await add_item(database, cast)
    assert "eve" not in await digests_of(post, evening, "2026-11-30T06:59:00Z")
    assert "eve" in await digests_of(post, evening, "2026-11-30T07:00:00Z")


async def test_at_once_means_what_happens_together_in_one_mail(evening, database, cast, post):
    await post.wish("eve", news="now")
    await add_item(database, cast, title="One")
    found = await digests_of(post, evening, "2026-11-23T18:10:00Z")
    assert rows(found["eve"]) == {"added": (1, ["One"])}
    await add_item(database, cast, title="Two")
    await digests_of(post, evening, "2026-11-23T18:19:00Z")
    assert len(await post.mails()) == 1
    await digests_of(post, evening, "2026-11-23T18:20:00Z")
    assert len(await post.mails()) == 2


async def test_quiet_hours_hold_a_digest_back(evening, database, cast, post):
    await post.wish("eve", quiet_from=time(22), quiet_until=time(9, 30))
    await add_item(database, cast)
    assert "eve" not in await digests_of(post, evening, "2026-11-24T08:29:00Z")
    assert "eve" in await digests_of(post, evening, "2026-11-24T08:30:00Z")


async def test_who_wants_none_gets_none_and_is_not_told_later(evening, database, cast, post):
    await post.wish("eve", news="off")
    await add_item(database, cast, title="Long ago")
    assert "eve" not in await digests_of(post, evening)
    await post.wish("eve", news="daily")
    await add_item(database, cast, title="Fresh")
    found = await digests_of(post, evening, "2026-11-25T07:00:00Z")
    assert rows(found["eve"]) == {"added": (1, ["Fresh"])}


async def test_nothing_new_means_no_mail(evening, database, cast, post):
    assert await digests_of(post, evening) == {}


async def test_what_is_internal_or_closed_again_is_in_no_digest(evening, database, cast, post):
    await add_item(database, cast, title="Quicksilver", audience="internal")
    closed = await add_item(database, cast, title="Zanzibar")
    async with database.write() as db:
        await backlog.change_item(db, await cast.scope(db, "wei"), closed.number, {"audience": "internal"})
    await add_item(database, cast, title="Search")
    found = await digests_of(post, evening)
    assert sorted(found) == ["ada", "eve", "finn"]
    assert [rows(context) for context in found.values()] == [{"added": (1, ["Search"])}] * 3
    said = str([mail.context for mail in await post.mails()])
    assert [word for word in ("Zanzibar", "Quicksilver") if word in said] == []


async def test_money_reaches_only_those_who_may_see_it(evening, database, cast, post):
    await ask(database, cast, audience=Audience.BILLING, title="Pay by invoice: 4000")
    found = await digests_of(post, evening)
    assert "eve" not in found
    assert rows(found["finn"]) == {"decisions": (1, ["Pay by invoice: 4000"])}


async def test_what_was_told_at_once_is_not_told_again(evening, database, cast, post):
    await ask(database, cast)
    found = await digests_of(post, evening)
    assert "ada" not in found
    assert rows(found["eve"]) == {"decisions": (1, ["Requirement 1: sign in"])}


async def test_a_digest_never_overtakes_what_is_told_at_once(evening, database, cast, post):
    await add_item(database, cast)
    await post.tell()
    await ask(database, cast)
    evening.move_to(MORNING)
    await post.digest()
    await post.tell()
    evening.move_to("2026-11-25T07:00:00Z")
    await post.digest()
    mails = [one for one in await post.mails() if "ada" in one.recipient]
    assert [one.context["title"] for one in mails if one.context.get("kind") == "asked"] == ["Requirement 1: sign in"]
    assert [rows(one.context) for one in mails if one.template == "digest"] == [{"added": (1, ["A piece of work"])}]


async def test_what_waits_stands_on_top_for_who_wishes_it_in_the_digest(evening, database, cast, post):
    await post.wish("ada", asked="digest")
    await ask(database, cast, due_on=clock.now().date() + timedelta(days=5))
    context = (await digests_of(post, evening))["ada"]
    assert context["waiting"] == 1
    assert context["projects"][0]["waiting"] == [
        {"title": "Requirement 1: sign in", "path": "/projects/BRIDGE/decisions/1", "due_on": "2026-11-28"}
    ]


async def test_who_wants_no_news_but_what_waits_gets_just_that(evening, database, cast, post):
    await post.wish("ada", asked="digest", news="off")
    await add_item(database, cast)
    await ask(database, cast)
    context = (await digests_of(post, evening))["ada"]
    assert (context["waiting"], context["projects"][0]["counts"]) == (1, [])
    await add_item(database, cast)
    await digests_of(post, evening, "2026-11-25T07:00:00Z")
    assert len([mail for mail in await post.mails() if "ada" in mail.recipient]) == 1


async def test_staff_hear_what_the_client_did_and_nobody_their_own(evening, database, cast, post, keys):
    await post.stand("wei")
    await post.wish("wei", asked="off")
    decision = await ask(database, cast)
    await post.tell()
    await add_item(database, cast)
    await post.answer(decision, keys)
    found = await digests_of(post, evening)
    assert rows(found["wei"]) == {"decisions": (1, ["Requirement 1: sign in"])}
    assert rows(found["ada"]) == {"added": (1, ["A piece of work"])}


async def test_a_new_member_hears_nothing_from_before_they_came(evening, database, cast, post):
    await add_item(database, cast, title="Before")
    await post.tell()
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        db.add(
            Membership(
                project_id=scope.project_id, person_id=cast.people["nemo"], company_id=cast.companies["Acme"],
                viewer=True, approver=False, billing=False, since=clock.now(),
            )
        )  # fmt: skip
    await add_item(database, cast, title="After")
    await post.tell()
    assert rows((await digests_of(post, evening))["nemo"]) == {"added": (1, ["After"])}


async def test_who_left_or_was_disabled_hears_nothing_and_is_forgotten(evening, database, cast, post):
    await add_item(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        mine = (Membership.project_id == scope.project_id, Membership.person_id == cast.people["eve"])
        await db.execute(delete(Membership).where(*mine))
        await people.disable(db, cast.viewer("root"), cast.people["finn"])
    assert sorted(await digests_of(post, evening)) == ["ada"]
    async with database.read() as db:
        readers = set(
            await db.scalars(select(NotifyReader.person_id).where(NotifyReader.project_id == scope.project_id))
        )
    assert cast.people["eve"] not in readers


async def test_to_find_that_none_is_due_takes_one_statement_however_many_read(evening, database, cast, post):
    await add_item(database, cast)
    await add_item(database, cast, "HARBOUR")
    await post.tell()
    with counting(database) as statements:
        assert await post.digest() == 0
    assert len(statements) == 1


async def test_two_processes_make_one_digest(evening, database, cast, post):
    import asyncio

    await add_item(database, cast)
    evening.move_to(MORNING)
    await post.tell()
    await asyncio.gather(post.digest(), post.digest())
    assert sorted(mail.recipient for mail in await post.mails()) == [
        "ada@example.com", "eve@example.com", "finn@example.com",
    ]  # fmt: skip


async def test_more_than_fits_is_said(evening, database, cast, post, monkeypatch):
    monkeypatch.setattr("portal.mailing.parts.MOST_EVENTS", 3)
    for n in range(5):
        await add_item(database, cast, title=f"Item {n}")
    context = (await digests_of(post, evening))["eve"]
    assert context["projects"][0]["is_cut"]
