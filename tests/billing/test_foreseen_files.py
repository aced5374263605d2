"""The files of an invoice are made before anything is locked, and taken only if they are those of what is issued."""

import asyncio

import pytest
from sqlalchemy import select

from portal.billing import accounts, drafts, foreseen, issuing, making, queries
from portal.billing.models import InvoiceSeries
from portal.billing.seals import UNSIGNED
from portal.errors import Conflict
from portal.projects import commands as projects
from tests.support.billing import Slow, drafted, issued, planned, quick


@pytest.fixture
async def two(database, cast):
    """BRIDGE with drafts 1 and 2 of its plan."""
    await planned(database, cast)
    await drafted(database, cast, 2)
    await drafted(database, cast, 1, unaccepted_reason="Agreed")


async def of_draft(database, cast, number=1, seals=UNSIGNED, who="maria", key="BRIDGE"):
    return await foreseen.of_draft(database, cast.viewer(who), key, number, seals)


async def issue(database, cast, store, ready, number=1):
    async with database.write() as db:
        return await issuing.issue(db, await cast.scope(db, "maria"), store, number, ready=ready)


async def page_of(database, cast, store, row):
    async with database.read() as db:
        scope = await cast.scope(db, "maria")
    return await store.read(scope.project_id, bytes.fromhex(row.files["pdf"]["sha256"]), 5_000_000)


@pytest.fixture
def none_is_made(monkeypatch):
    """From now on nothing can be set in type."""

    def forbid():
        async def make(document):
            raise AssertionError("made twice")

        monkeypatch.setattr(making, "make", make)

    return forbid


async def test_what_was_foreseen_is_kept_to_the_byte(two, database, cast, store, none_is_made):
    ready = await of_draft(database, cast)
    none_is_made()
    row = await issue(database, cast, store, ready)
    assert row.reference == ready.document.number
    assert queries.document_of(row) == ready.document
    assert await page_of(database, cast, store, row) == ready.contents["pdf"]


async def test_a_number_that_another_took_is_not_issued_twice(two, database, cast, store):
    ready = await of_draft(database, cast)
    await quick(database, cast, number=2)
    row = await issue(database, cast, store, ready)
    assert (row.reference[-4:], ready.document.number[-4:]) == ("0002", "0001")
    assert queries.document_of(row).number == row.reference
    assert await page_of(database, cast, store, row) != ready.contents["pdf"]


@pytest.mark.parametrize("change", ["draft", "account", "issuer"])
async def test_what_changed_meanwhile_is_issued_as_it_is_now(two, database, cast, store, change):
    ready = await of_draft(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        if change == "draft":
            await drafts.change_draft(db, scope, 1, {"notes": ["Thank you"]})
        elif change == "account":
            await accounts.put_account(db, scope, {"payment_days": 9})
        else:
            row = await accounts.issuer(db, "BH")
            await accounts.put_issuer(
                db, cast.viewer("root"), "BH", party=row.party, payment=row.payment, colour="#112233"
            )
    row = await issue(database, cast, store, ready)
    assert await page_of(database, cast, store, row) != ready.contents["pdf"]


async def test_it_takes_no_number(two, database, cast):
    assert (await of_draft(database, cast)).document.number.endswith("0001")
    async with database.read() as db:
        assert (await db.scalar(select(InvoiceSeries.last))) is None


@pytest.mark.parametrize("wrong", [
    {"number": 9}, {"who": "wei"}, {"who": "dan"}, {"who": "finn"}, {"who": "mallory"}, {"key": "HARBOUR"},
    {"key": "NOWHERE"},
])  # fmt: skip
async def test_nothing_is_foreseen_of_what_would_be_refused(two, database, cast, wrong, none_is_made):
    none_is_made()
    assert await of_draft(database, cast, **wrong) is None


async def test_nor_of_what_is_issued_already(two, database, cast, none_is_made):
    await quick(database, cast)
    none_is_made()
    assert await of_draft(database, cast) is None


async def test_a_credit_note_is_foreseen_too(two, database, cast, store, none_is_made):
    await issued(database, cast, store)
    ready = await foreseen.of_credit(database, cast.viewer("maria"), "BRIDGE", 1, " Wrong ", UNSIGNED)
    none_is_made()
    async with database.write() as db:
        note = await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "Wrong", ready=ready)
    assert note.reference == ready.document.number
    assert await page_of(database, cast, store, note) == ready.contents["pdf"]


@pytest.mark.parametrize(("number", "reason", "who"), [(2, "Wrong", "maria"), (1, " ", "maria"), (1, "Wrong", "wei")])
async def test_no_credit_note_is_foreseen_that_would_be_refused(two, database, cast, none_is_made, number, reason, who):
    await quick(database, cast)
    none_is_made()
    assert await foreseen.of_credit(database, cast.viewer(who), "BRIDGE", number, reason, UNSIGNED) is None


async def test_nobody_waits_for_the_authority_but_who_issues(two, database, cast, store):
    slow = Slow()
    asking = asyncio.create_task(of_draft(database, cast, seals=slow))
    await slow.asked.wait()
    async with asyncio.timeout(60), database.write() as db:
        await projects.add_milestone(db, await cast.scope(db, "wei"), name="Meanwhile")
    assert (await quick(database, cast, number=2)).reference.endswith("0001")
    slow.answers.set()
    assert (await asking).level == "B-T"


async def test_what_is_refused_under_the_lock_stays_refused(two, database, cast, store):
    ready = await of_draft(database, cast)
    await quick(database, cast)
    with pytest.raises(Conflict):
        await issue(database, cast, store, ready)
