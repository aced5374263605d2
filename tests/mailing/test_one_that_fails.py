"""One thing that cannot be done stands first in each run: those behind it have their turn all the same."""

from datetime import date, timedelta

import pytest
import time_machine
from sqlalchemy import select

from portal.acceptance import reminders as last_days
from portal.apart import SomeFailed
from portal.billing import drafts
from portal.billing import reminders as levels
from portal.billing.models import PaymentReminder
from portal.decisions import reminders
from portal.mailing import digests, endpoints, payments
from portal.notify.webhooks import commands, leases
from portal.notify.webhooks.sealing import Seal
from tests.support.acceptance import add_plan, offer, open_round
from tests.support.billing import drafted, planned, quick
from tests.support.cast import add_item
from tests.support.decisions import ask

TODAY = date(2026, 11, 25)
MORNING = "2026-11-25T08:00:00Z"


def failing_first(monkeypatch, module, name):
    """Lets a function of a module fail whenever it is called for what it was called for first."""
    works, poisoned = getattr(module, name), []

    async def fails(db, about, what, *more):
        poisoned.append(which := getattr(what, "number", what))
        if which == poisoned[0]:
            raise ValueError("nobody foresaw this")
        return await works(db, about, what, *more)

    monkeypatch.setattr(module, name, fails)


async def in_part(job, done):
    """Has a job done that reports that one thing failed and how much was done."""
    with pytest.raises(SomeFailed) as some:
        await job
    assert (some.value.failed, some.value.done) == (1, done)


async def test_a_reminder_of_a_decision(evening, database, cast, post, monkeypatch):
    for subject in (1, 2, 3):
        await ask(database, cast, subject_number=subject, due_on=TODAY)
    evening.move_to(MORNING)
    with monkeypatch.context() as fault:
        failing_first(fault, reminders, "tell")
        await in_part(reminders.remind(database), 2)
        await in_part(reminders.remind(database), 0)
    assert await reminders.remind(database) == 1


async def test_a_reminder_of_a_round(evening, database, cast, post, monkeypatch):
    for plan in (1, 2, 3):
        await add_plan(database, cast)
        await offer(database, cast, plan)
        await open_round(database, cast, "ada", plan=plan, ends_on=TODAY)
    evening.move_to(MORNING)
    with monkeypatch.context() as fault:
        failing_first(fault, last_days, "tell")
        await in_part(last_days.remind(database), 2)
    assert await last_days.remind(database) == 1


async def test_a_reminder_of_an_invoice(database, cast, post, monkeypatch):
    with time_machine.travel("2026-11-02T12:00:00+01:00", tick=False) as now:
        half = {"kind": "date", "text": "Half of it", "percent": "50", "due_on": date(2026, 11, 2)}
        await planned(database, cast, half, half)
        for number in (1, 2):
            await drafted(database, cast, number)
            await quick(database, cast, number=number)
        now.shift(timedelta(days=33))
        with monkeypatch.context() as fault:
            failing_first(fault, drafts, "tell")
            await in_part(payments.remind(database, post.settings), 1)
        async with database.read() as db:
            assert [one.number for one in await levels.overdue(db)] == [1]
        assert await payments.remind(database, post.settings) == 1
        async with database.read() as db:
            scope = await cast.scope(db, "maria")
            noted = select(PaymentReminder.invoice_number).where(PaymentReminder.project_id == scope.project_id)
            assert sorted(await db.scalars(noted)) == [1, 2]


async def test_a_digest(evening, database, cast, post, monkeypatch):
    await add_item(database, cast)
    evening.move_to("2026-11-24T07:00:00Z")
    await post.tell()
    works = digests.digest

    async def fails(db, person_id):
        if person_id == cast.people["eve"]:
            raise ValueError
        return await works(db, person_id)

    with monkeypatch.context() as fault:
        fault.setattr(digests, "digest", fails)
        await in_part(post.digest(), 2)
    assert await post.digest() == 1


async def test_a_webhook_that_was_switched_off(database, cast, post, monkeypatch):
    await post.stand("root")
    for name in ("Time keeping", "Chat"):
        wanted = {"name": name, "url": "https://time.agency.example/"}
        async with database.write() as db:
            seal = Seal(post.settings)
            found = await commands.add(db, cast.viewer("root"), wanted, seal=seal, allow_private=False)
        async with database.write() as db:
            await leases.disable(db, found.endpoint.id, "it answered 500", found.endpoint.created_at)
    works = endpoints._context

    def fails(endpoint):
        if endpoint.name == "Chat":
            raise ValueError
        return works(endpoint)

    with monkeypatch.context() as fault:
        fault.setattr(endpoints, "_context", fails)
        await in_part(endpoints.tell_administrators(database), 1)
    assert await endpoints.tell_administrators(database) == 1
