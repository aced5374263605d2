"""Reminders of overdue invoices: three levels, each once, to the client's billing alone, none of what is disputed."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from portal import clock
from portal.billing import accounts, disputes, issuing, reminders
from portal.ledger import queries as ledger
from portal.mailing import payments as job
from portal.mailing.sending import preparer
from portal.notify import outbox
from portal.notify.compose import composer
from portal.notify.models import Mail
from portal.projects import commands as projects
from tests.mailing.conftest import Post, post, settings
from tests.support.billing import drafted, paid, planned, quick
from web.catalogues import catalogue

__all__ = ["post", "settings"]
ISSUED = "2026-11-02T12:00:00+01:00"
"""Due on 2 December."""


def test_a_level_follows_from_the_days():
    assert [reminders.level_of(days) for days in (-5, 0, 2, 3, 9, 10, 19, 20, 500)] == [0, 0, 0, 1, 1, 2, 2, 3, 3]


@pytest.fixture
async def billed(database, cast, post: Post):
    """An invoice that is due on 2 December, and the clock."""
    with time_machine.travel(ISSUED, tick=False) as now:
        await planned(database, cast)
        await drafted(database, cast)
        await quick(database, cast)
        yield now


async def remind(post, now, after, hour=9):
    """What the job does so many days after the due day."""
    now.move_to(f"2026-12-02T{hour:02}:00:00+01:00")
    now.shift(timedelta(days=after))
    return await job.remind(post.database, post.settings)


async def mails(post):
    async with post.database.read() as db:
        rows = await db.scalars(select(Mail).where(Mail.template == job.TEMPLATE).order_by(Mail.created_at))
        return [(mail.recipient.partition("@")[0], mail.context["level"]) for mail in rows]


async def test_each_level_is_sent_once_to_those_of_the_client_with_billing(billed, post):
    done = [await remind(post, billed, after) for after in (0, 2, 3, 4, 9, 10, 10, 19, 20, 21, 90)]
    assert done == [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0]
    found = await mails(post)
    assert sorted(found) == sorted((who, level) for who in ("ada", "finn") for level in (1, 2, 3))


async def test_missed_levels_are_skipped(billed, post):
    assert [await remind(post, billed, 30), await remind(post, billed, 31)] == [1, 0]
    assert {level for _, level in await mails(post)} == {3}


async def test_nobody_is_reminded_before_eight_by_the_projects_clock(billed, post):
    assert await remind(post, billed, 3, hour=7) == 0
    assert await remind(post, billed, 3, hour=8) == 1


async def test_a_disputed_invoice_is_left_alone_until_it_is_settled(billed, post):
    async with post.database.write() as db:
        await disputes.ask(db, await post.cast.scope(db, "finn"), 1, "Not ours", disputes=True)
    assert await remind(post, billed, 11) == 0
    async with post.database.write() as db:
        await disputes.answer(db, await post.cast.scope(db, "maria"), 1, "It is", settles=True)
    assert await remind(post, billed, 12) == 1


@pytest.mark.parametrize("what", ["paid", "credited", "switched off", "archived"])
async def test_what_is_not_owed_or_not_wished_is_not_reminded_of(billed, post, store, what):
    async with post.database.write() as db:
        scope = await post.cast.scope(db, "maria")
        if what == "credited":
            await issuing.credit(db, scope, store, 1, "Wrong")
        if what == "switched off":
            await accounts.put_account(db, scope, {"reminds": False})
        if what == "archived":
            await projects.change_project(db, await post.cast.scope(db, "wei"), {"status": "archived"})
    if what == "paid":
        await paid(post.database, post.cast, "4760")
    assert await remind(post, billed, 25) == 0


async def test_what_an_archived_project_still_owes_is_in_nobodys_way(billed, post):
    async with post.database.write() as db:
        await projects.change_project(db, await post.cast.scope(db, "wei"), {"status": "archived"})
    billed.shift(timedelta(days=60))
    async with post.database.read() as db:
        assert await reminders.overdue(db) == []


async def test_what_is_partly_paid_is_still_reminded_of(billed, post):
    await paid(post.database, post.cast, "4759.99")
    assert await remind(post, billed, 3) == 1


async def test_two_jobs_at_once_note_a_level_once(billed, post):
    await remind(post, billed, 2)
    billed.shift(timedelta(days=1))
    async with post.database.read() as db:
        due = await reminders.overdue(db)
    noted = []
    for one in (*due, *due):
        async with post.database.write() as db:
            noted.append(await reminders.note(db, one) is not None)
    assert noted == [True, False]


async def test_a_reminder_is_an_event_for_billing(billed, post):
    await remind(post, billed, 3)
    async with post.database.read() as db:
        finn, eve = await post.cast.scope(db, "finn"), await post.cast.scope(db, "eve")
        (told,) = await ledger.latest(db, finn.project_id, finn.audiences, limit=1)
        assert (told.kind, told.body["level"]) == ("invoice.reminded", 1)
        assert "invoice.reminded" not in [one.kind for one in await ledger.latest(db, eve.project_id, eve.audiences)]


async def due_mail(post):
    async with post.database.write() as db:
        return await outbox.take_due(db)


@pytest.mark.parametrize("locale", ["en", "ru", "zh_CN"])
async def test_the_mail_names_the_invoice_and_no_amount_in_the_readers_language(billed, post, locale):
    await remind(post, billed, 3)
    found = await due_mail(post)
    while found is not None and found.template != job.TEMPLATE:
        found = await due_mail(post)
    assert found is not None
    context = {name: getattr(found, name) for name in found.__slots__} | {"locale": locale}
    message = composer(post.settings, catalogue)(outbox.Due(**context))
    text = message.get_body(("plain",)).get_content()
    assert "BH-2026-0001" in str(message["Subject"])
    assert [word in text for word in ("BH-2026-0001", "/invoices/1", "4760", "4,760")] == [True, True, False, False]
    assert message["List-Unsubscribe"]


async def test_a_mail_does_not_leave_once_the_invoice_is_paid(billed, post, store):
    await remind(post, billed, 3)
    prepare = preparer(post.database, store)
    found = await due_mail(post)
    while found is not None and found.template != job.TEMPLATE:
        found = await due_mail(post)
    assert await prepare(found) is not None
    await paid(post.database, post.cast, "4760")
    assert await prepare(found) is None
    assert clock.now().date().isoformat() == "2026-12-05"
