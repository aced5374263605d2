"""Questions and disputes: the client's clerk speaks, the agency answers, and the clock runs in between."""

from datetime import timedelta

import pytest
import time_machine

from portal import clock
from portal.billing import disputes, issuing, queries
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.ledger import queries as ledger
from tests.mailing.conftest import Post, post, settings
from tests.support.billing import drafted, planned, quick

__all__ = ["Post", "post", "settings"]
MONDAY_NINE = "2026-11-23T09:00:00+01:00"


@pytest.fixture
async def billed(database, cast):
    """An invoice that can be asked about."""
    await planned(database, cast)
    await drafted(database, cast)
    return await quick(database, cast)


async def ask(database, cast, text="Why?", who="finn", **more):
    async with database.write() as db:
        return await disputes.ask(db, await cast.scope(db, who), 1, text, **more)


async def answer(database, cast, text="Because.", who="maria", **more):
    async with database.write() as db:
        return await disputes.answer(db, await cast.scope(db, who), 1, text, **more)


async def invoice_of(database, cast):
    async with database.read() as db:
        return await queries.invoice(db, await cast.scope(db, "maria"), 1)


async def test_the_clock_runs_from_the_first_open_question_to_the_answer(billed, database, cast):
    with time_machine.travel(MONDAY_NINE, tick=False) as now:
        await ask(database, cast)
        now.shift(timedelta(hours=2))
        await ask(database, cast, "And why this?")
        now.shift(timedelta(hours=1))
        first = await answer(database, cast)
        now.shift(timedelta(hours=1))
        second = await answer(database, cast, "Also because.")
    assert (first.minutes, second.minutes) == (180, None)


async def test_a_night_and_a_weekend_are_no_waiting(billed, database, cast):
    with time_machine.travel("2026-11-27T16:30:00+01:00", tick=False) as now:
        await ask(database, cast)
        now.shift(timedelta(days=2, hours=17))
        assert (await answer(database, cast)).minutes == 60


async def test_a_dispute_stands_until_it_is_settled(billed, database, cast):
    await ask(database, cast, "Not ours.", disputes=True)
    row = await invoice_of(database, cast)
    assert (row.disputed_at is not None, row.dispute_reason) == (True, "Not ours.")
    with pytest.raises(Conflict):
        await ask(database, cast, "Again", disputes=True)
    await answer(database, cast, "We look into it.")
    assert (await invoice_of(database, cast)).disputed_at is not None
    await answer(database, cast, "It is yours.", settles=True)
    row = await invoice_of(database, cast)
    assert (row.disputed_at, row.dispute_reason) == (None, "")
    with pytest.raises(Conflict):
        await answer(database, cast, settles=True)
    await ask(database, cast, "Still not.", disputes=True)


async def test_what_was_taken_back_is_not_disputed_but_asked_about(billed, database, cast, store):
    async with database.write() as db:
        await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "Wrong")
    with pytest.raises(Conflict):
        await ask(database, cast, disputes=True)
    await ask(database, cast)


async def test_a_credit_note_is_not_disputed(billed, database, cast, store):
    async with database.write() as db:
        await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "Wrong")
    with pytest.raises(Conflict):
        async with database.write() as db:
            await disputes.ask(db, await cast.scope(db, "finn"), 2, "No", disputes=True)


@pytest.mark.parametrize("text", ["", "  \n", "x" * 4001, "a\x00b"])
async def test_wrong_words_are_refused(billed, database, cast, text):
    with pytest.raises(Invalid):
        await ask(database, cast, text)


@pytest.mark.parametrize("who", ["eve", "maria", "dan", "wei"])
async def test_only_the_clients_billing_speaks_for_the_client(billed, database, cast, who):
    with pytest.raises(NotAllowed):
        await ask(database, cast, who=who)


@pytest.mark.parametrize("who", ["dan", "ada", "finn", "eve"])
async def test_only_finance_and_managers_answer(billed, database, cast, who):
    with pytest.raises(NotAllowed):
        await answer(database, cast, who=who)
    await answer(database, cast, who="wei")


async def test_a_draft_is_asked_about_by_nobody(database, cast):
    await planned(database, cast)
    await drafted(database, cast)
    with pytest.raises(NotFound):
        await ask(database, cast)


async def test_nothing_is_answered_about_a_draft_which_the_client_would_hear_of(database, cast):
    await planned(database, cast)
    await drafted(database, cast)
    with pytest.raises(Conflict):
        await answer(database, cast)
    async with database.read() as db:
        finn = await cast.scope(db, "finn")
        told = await ledger.latest(db, finn.project_id, finn.audiences)
    assert [one.kind for one in told if one.subject_kind == "invoice"] == []


async def test_what_was_taken_back_is_disputed_no_more(billed, database, cast, store):
    await ask(database, cast, "Not ours.", disputes=True)
    async with database.write() as db:
        await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "It was not yours.")
    row = await invoice_of(database, cast)
    assert (row.disputed_at, row.dispute_reason) == (None, "")
    async with database.read() as db:
        said = await disputes.words(db, await cast.scope(db, "finn"), 1)
    assert [one.text for one in said] == ["Not ours."]


async def test_what_is_said_is_an_event_for_billing_and_read_by_it_alone(billed, database, cast):
    await ask(database, cast)
    await answer(database, cast)
    async with database.read() as db:
        finn, eve = await cast.scope(db, "finn"), await cast.scope(db, "eve")
        told = await ledger.latest(db, finn.project_id, finn.audiences, limit=2)
        assert [one.kind for one in told] == ["invoice.answered", "invoice.asked_about"]
        assert not [one for one in await ledger.latest(db, eve.project_id, eve.audiences) if "invoice" in one.kind]
        assert [one.kind for one in await disputes.words(db, finn, 1)] == ["question", "answer"]
        with pytest.raises(NotFound):
            await disputes.words(db, eve, 1)
    assert clock.now() > (await invoice_of(database, cast)).created_at


async def test_the_agency_is_told_at_once_and_nobody_without_the_right(database, cast, post):
    await planned(database, cast)
    await drafted(database, cast)
    invoice = await quick(database, cast)
    await post.tell()
    await ask(database, cast)
    await ask(database, cast, "Not ours.", disputes=True)
    await post.tell()
    told = [one for one in await post.told() if one[1] in ("asked_about", "disputed")]
    assert sorted(told) == [
        ("maria", "asked_about"),
        ("maria", "disputed"),
        ("wei", "asked_about"),
        ("wei", "disputed"),
    ]
    mail = next(one for one in await post.mails() if one.context["kind"] == "disputed")
    assert (mail.context["title"], mail.context["path"]) == (invoice.reference, "/projects/BRIDGE/invoices/1")
