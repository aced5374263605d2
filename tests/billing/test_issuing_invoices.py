"""Drafts, issuing, taking back: why a line is there, numbers without hole or twin, documents that never change."""

import asyncio
import json

import pytest
from sqlalchemy import select, text

from portal.billing import accounts, balance, drafts, files, issuing, plan, queries
from portal.billing.models import Invoice, InvoiceSeries, InvoiceState, PlanItem
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.files import queries as file_queries
from portal.ledger import queries as ledger
from portal.ledger.models import Audience
from portal.projects import commands as projects
from portal.projects import queries as milestones
from tests.support.billing import bill, confirmed, drafted, issued, planned
from tests.support.changes import line, sign


async def rows_of(database, cast, model):
    async with database.read() as db:
        scope = await cast.scope(db, "maria")
        statement = select(model).where(model.project_id == scope.project_id).order_by(model.number)
        return (await db.scalars(statement)).all()


async def test_a_confirmed_milestone_drafts_its_invoice_and_the_line_says_why(database, cast, keys):
    await planned(database, cast)
    await confirmed(database, cast, keys)
    (draft,) = await rows_of(database, cast, Invoice)
    assert (draft.state, draft.net_minor, draft.gross_minor) == (InvoiceState.DRAFT, 600_000, 714_000)
    assert "accepted on" in draft.draft["lines"][0]["why"]
    assert [one.invoice_number for one in await rows_of(database, cast, PlanItem)] == [1, None]


async def test_what_is_wrong_with_our_billing_does_not_keep_the_client_from_confirming(database, cast, keys):
    async with database.write() as db:
        await projects.add_milestone(db, await cast.scope(db, "wei"), name="Opening")
    await sign(database, cast, lines=[line(tax_rate="8.875")])
    await bill(database, cast)
    async with database.write() as db:
        part = {"kind": "milestone", "milestone": 1, "text": "Opening", "percent": "100"}
        await plan.set_plan(db, await cast.scope(db, "maria"), 0, [part])
    await confirmed(database, cast, keys)
    assert await rows_of(database, cast, Invoice) == []
    async with database.read() as db:
        scope = await cast.scope(db, "maria")
        told = [one for one in await ledger.latest(db, scope.project_id, scope.audiences)
                if one.kind == "invoice.not_drafted"]  # fmt: skip
        milestone = await milestones.milestone(db, scope, 1)
    assert (len(told), "tax rate" in told[0].body["reason"], milestone.accepted_on) == (1, True, scope.today)


async def test_a_milestone_that_is_not_accepted_is_billed_with_a_reason_alone(database, cast, keys):
    await planned(database, cast)
    with pytest.raises(Invalid) as refused:
        await drafted(database, cast, 1)
    assert refused.value.field == "unaccepted_reason"
    draft = await drafted(database, cast, 1, unaccepted_reason="Agreed by mail on 3 May")
    assert draft.unaccepted_reason == "Agreed by mail on 3 May"
    assert "Agreed by mail" in draft.draft["lines"][0]["why"]


async def test_no_reason_is_told_for_a_milestone_that_is_confirmed(database, cast, keys):
    """The client would read that it was billed before."""
    await planned(database, cast)
    await confirmed(database, cast, keys)
    async with database.write() as db:
        await drafts.discard_draft(db, await cast.scope(db, "maria"), 1)
    draft = await drafted(database, cast, 1, unaccepted_reason="Agreed by mail on 3 May")
    assert (draft.unaccepted_reason, "accepted on" in draft.draft["lines"][0]["why"]) == ("", True)


@pytest.mark.parametrize(("language", "words"), [("de", "Fällig am"), ("ru", "договор"), ("zh_CN", "合同")])
async def test_a_line_says_why_in_the_language_of_the_invoice(database, cast, language, words):
    await planned(database, cast)
    async with database.write() as db:
        await accounts.put_account(db, await cast.scope(db, "maria"), {"language": language})
    assert words in (await drafted(database, cast, 2)).draft["lines"][0]["why"]


async def test_a_part_is_billed_once(database, cast):
    await planned(database, cast)
    await drafted(database, cast, 2)
    with pytest.raises(Conflict):
        await drafted(database, cast, 2)


async def test_a_discarded_draft_frees_its_part(database, cast):
    await planned(database, cast)
    await drafted(database, cast, 2)
    async with database.write() as db:
        await drafts.discard_draft(db, await cast.scope(db, "maria"), 1)
    assert (await drafted(database, cast, 2)).state is InvoiceState.DRAFT


async def test_the_address_of_a_draft_that_was_thrown_away_is_nobody_elses(database, cast):
    """Who still has it before them would issue, change or throw away another one."""
    await planned(database, cast)
    await drafted(database, cast, 2)
    async with database.write() as db:
        await drafts.discard_draft(db, await cast.scope(db, "maria"), 1)
    assert (await drafted(database, cast, 2)).number == 2


async def test_issuing_numbers_freezes_and_keeps_the_files(database, cast, store):
    await planned(database, cast)
    await drafted(database, cast)
    row = await issued(database, cast, store)
    assert (row.state, row.reference.startswith("BH-"), row.reference[-4:]) == (InvoiceState.ISSUED, True, "0001")
    assert json.loads(row.document)["number"] == row.reference
    assert set(row.files) == {"pdf", "cii", "ubl"}
    async with database.read() as db:
        scope = await cast.scope(db, "finn")
        kept = await file_queries.file(db, scope, row.files["pdf"]["number"])
        assert kept.sha256.hex() == row.files["pdf"]["sha256"]
        content = await store.read(scope.project_id, kept.sha256, 5_000_000)
    assert content.startswith(b"%PDF")


async def test_an_issued_invoice_never_changes(database, cast, store):
    await planned(database, cast)
    await drafted(database, cast)
    await issued(database, cast, store)
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        with pytest.raises(Conflict):
            await drafts.change_draft(db, scope, 1, {"title": "Another"})
        with pytest.raises(Conflict):
            await drafts.discard_draft(db, scope, 1)
        with pytest.raises(Conflict):
            await issuing.issue(db, scope, store, 1)


async def test_the_buyer_of_an_issued_invoice_stays_as_it_was(database, cast, store):
    await planned(database, cast)
    await drafted(database, cast)
    before = await issued(database, cast, store)
    await bill(database, cast)
    async with database.read() as db:
        again = await queries.invoice(db, await cast.scope(db, "finn"), 1)
    assert again.document == before.document


async def test_a_crash_while_issuing_leaves_no_hole(database, cast, store, monkeypatch):
    await planned(database, cast)
    await drafted(database, cast)

    async def dies(*_):
        raise OSError("The disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr(files, "make_and_keep", dies)
        with pytest.raises(OSError, match="disk"):
            await issued(database, cast, store)
    (draft,) = await rows_of(database, cast, Invoice)
    assert (draft.state, draft.reference) == (InvoiceState.DRAFT, None)
    assert (await issued(database, cast, store)).reference.endswith("0001")


async def test_two_at_once_never_get_one_number(database, cast, store):
    await planned(database, cast)
    await drafted(database, cast, 2)
    await drafted(database, cast, 1, unaccepted_reason="Agreed")
    rows = await asyncio.gather(*(issued(database, cast, store, number) for number in (1, 2)))
    assert sorted(one.series_number for one in rows) == [1, 2]
    async with database.read() as db:
        assert (await db.scalar(select(InvoiceSeries.last))) == 2


async def test_the_same_draft_issued_twice_at_once_is_issued_once(database, cast, store):
    await planned(database, cast)
    await drafted(database, cast)
    done = await asyncio.gather(*(issued(database, cast, store) for _ in range(2)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Conflict", "Invoice"]
    async with database.read() as db:
        assert (await db.scalar(select(InvoiceSeries.last))) == 1


async def test_a_credit_note_takes_all_of_it_back_and_frees_the_parts(database, cast, store):
    await planned(database, cast)
    await drafted(database, cast)
    await issued(database, cast, store)
    async with database.write() as db:
        note = await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "The wrong buyer")
    invoice, credit = await rows_of(database, cast, Invoice)
    assert (invoice.state, credit.credits_number) == (InvoiceState.CANCELLED, 1)
    assert credit.gross_minor == invoice.gross_minor
    assert json.loads(note.document)["preceding"]["number"] == invoice.reference
    assert (await drafted(database, cast, 2)).number == 3
    async with database.read() as db:
        (standing,) = balance.standing(await balance.days(db, await cast.scope(db, "finn")))
    assert (standing.invoiced.minor, standing.open.minor) == (0, 0)


@pytest.mark.parametrize("reason", ["", "  "])
async def test_taking_back_needs_a_reason(database, cast, store, reason):
    await planned(database, cast)
    await drafted(database, cast)
    await issued(database, cast, store)
    async with database.write() as db:
        with pytest.raises(Invalid):
            await issuing.credit(db, await cast.scope(db, "maria"), store, 1, reason)


@pytest.mark.parametrize("name", ["wei", "dan", "ada", "finn"])
async def test_only_finance_issues(database, cast, store, name):
    await planned(database, cast)
    await drafted(database, cast)
    async with database.write() as db:
        with pytest.raises(NotAllowed):
            await issuing.issue(db, await cast.scope(db, name), store, 1)


async def test_the_client_sees_no_draft_and_who_sees_no_money_sees_nothing(database, cast, store):
    await planned(database, cast)
    await drafted(database, cast)
    async with database.read() as db:
        assert await queries.invoices(db, await cast.scope(db, "finn")) == []
        for name in ("eve", "dan"):
            with pytest.raises(NotFound):
                await queries.invoices(db, await cast.scope(db, name))


async def test_what_is_issued_is_an_event_for_who_sees_money(database, cast, store):
    await planned(database, cast)
    await drafted(database, cast)
    row = await issued(database, cast, store)
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
        events = await ledger.of_subject(db, scope.project_id, (Audience.BILLING,), "invoice", 1)
    assert [one.kind for one in events] == ["invoice.issued"]
    assert events[0].body["document_digest"] == row.document_digest.hex()


async def test_a_draft_that_breaks_a_rule_is_not_issued_and_takes_no_number(database, cast, store):
    await planned(database, cast)
    await drafted(database, cast)
    async with database.write() as db:
        await db.execute(text('UPDATE issuer SET party = \'{"name": "Nobody", "country": "DE"}\''))
    with pytest.raises(Invalid):
        await issued(database, cast, store)
    async with database.read() as db:
        assert await db.scalar(select(InvoiceSeries.last)) is None
