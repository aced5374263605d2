"""Payments: partial, too much, paid back; each once, and never for what is not owed."""

from contextlib import suppress
from datetime import timedelta
from random import Random

import pytest

from portal.billing import balance, bookkeeping, drafts, issuing, payments, queries, statement
from portal.billing.models import InvoiceState
from portal.errors import Conflict, Invalid, NotAllowed, NotFound, TooLarge
from portal.ledger import queries as ledger
from tests.support.billing import bill, drafted, paid, planned, quick


@pytest.fixture
async def billed(database, cast):
    """An invoice of 4,760.00."""
    await planned(database, cast)
    await drafted(database, cast)
    return await quick(database, cast)


async def invoice_of(database, cast, number=1):
    async with database.read() as db:
        return await queries.invoice(db, await cast.scope(db, "maria"), number)


@pytest.mark.parametrize(("amounts", "state", "open_"), [
    (["4760"], InvoiceState.PAID, 0), (["1000"], InvoiceState.PARTLY_PAID, 376_000),
    (["1000", "3760.00"], InvoiceState.PAID, 0), (["5000"], InvoiceState.PAID, -24_000),
    (["4760", "-4760"], InvoiceState.ISSUED, 476_000), (["4760", "-60.50"], InvoiceState.PARTLY_PAID, 6_050),
])  # fmt: skip
async def test_the_state_follows_from_what_was_paid(billed, database, cast, amounts, state, open_):
    for amount in amounts:
        await paid(database, cast, amount)
    row = await invoice_of(database, cast)
    assert (row.state, queries.open_amount(row).minor) == (state, open_)


@pytest.mark.parametrize("amount", ["0", "-1", "1.005", "1e3", "NaN", "Infinity", "", "1,000", 5, 1.5, None, "9" * 20])
async def test_a_wrong_amount_is_refused_and_nothing_is_recorded(billed, database, cast, amount):
    with pytest.raises(Invalid):
        await paid(database, cast, amount)
    assert (await invoice_of(database, cast)).paid_minor == 0


async def test_no_more_is_paid_back_than_came_in(billed, database, cast):
    await paid(database, cast, "100")
    with pytest.raises(Invalid) as refused:
        await paid(database, cast, "-100.01")
    assert "100.00" in refused.value.message


async def test_money_does_not_come_in_the_future(billed, database, cast):
    async with database.read() as db:
        tomorrow = (await cast.scope(db, "maria")).today + timedelta(days=1)
    with pytest.raises(Invalid):
        await paid(database, cast, "1", paid_on=tomorrow)


async def test_the_same_reference_is_recorded_once(billed, database, cast):
    first = await paid(database, cast, "100", external_ref="bank:1")
    again = await paid(database, cast, "100", external_ref="bank:1")
    assert (first.number, again.number) == (1, 1)
    assert (await invoice_of(database, cast)).paid_minor == 10_000


@pytest.mark.parametrize("other", [{"amount": "200"}, {"amount": "100", "number": 2}])
async def test_a_reference_of_another_payment_is_refused(billed, database, cast, other):
    """Passed over in silence, this money would be recorded nowhere."""
    await drafted(database, cast, 1, unaccepted_reason="Agreed")
    await quick(database, cast, number=2)
    await paid(database, cast, "100", external_ref="2026-11-26")
    with pytest.raises(Conflict):
        await paid(database, cast, **other, external_ref="2026-11-26")


async def test_an_export_says_that_it_would_not_hold_all_payments(billed, database, cast, monkeypatch):
    for amount in ("1", "2"):
        await paid(database, cast, amount)
    monkeypatch.setattr(bookkeeping, "MOST_DOCUMENTS", 1)
    async with database.read() as db:
        today = (await cast.scope(db, "maria")).today
        with pytest.raises(TooLarge):
            await bookkeeping.export(db, cast.viewer("maria"), today, today)


async def test_a_draft_and_a_credit_note_take_no_money(billed, database, cast, store):
    await drafted(database, cast, 1, unaccepted_reason="Agreed")
    with pytest.raises(Conflict):
        await paid(database, cast, "1", 2)
    async with database.write() as db:
        note = await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "Wrong")
    with pytest.raises(Conflict):
        await paid(database, cast, "1", note.number)


async def test_what_was_taken_back_takes_no_money_but_gives_it_back(billed, database, cast, store):
    await paid(database, cast, "100")
    async with database.write() as db:
        await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "Wrong")
    with pytest.raises(Conflict):
        await paid(database, cast, "1")
    async with database.read() as db:
        (standing,) = balance.standing(await balance.days(db, await cast.scope(db, "finn")))
    assert (standing.favour.minor, standing.paid.minor, standing.open.minor) == (10_000, 10_000, 0)
    await paid(database, cast, "-100")
    row = await invoice_of(database, cast)
    assert (row.state, row.paid_minor) == (InvoiceState.CANCELLED, 0)
    async with database.read() as db:
        (standing,) = balance.standing(await balance.days(db, await cast.scope(db, "finn")))
    assert {one.minor for one in (standing.invoiced, standing.paid, standing.open, standing.favour)} == {0}


@pytest.mark.parametrize("who", ["wei", "dan", "finn", "ada"])
async def test_finance_alone_records_payments(billed, database, cast, who):
    async with database.read() as db:
        scope = await cast.scope(db, who)
        with pytest.raises(NotAllowed):
            await payments.record_payment(db, scope, 1, "1", scope.today)


async def test_payments_are_for_who_may_see_money(billed, database, cast):
    await paid(database, cast, "1")
    async with database.read() as db:
        assert len(await payments.payments(db, await cast.scope(db, "finn"), 1)) == 1
        for who in ("eve", "dan"):
            with pytest.raises(NotFound):
                await payments.payments(db, await cast.scope(db, who))


async def test_a_payment_is_an_event_for_billing(billed, database, cast):
    await paid(database, cast, "100")
    await paid(database, cast, "-50")
    async with database.read() as db:
        kinds = {}
        for who in ("finn", "eve"):
            scope = await cast.scope(db, who)
            kinds[who] = [one.kind for one in await ledger.latest(db, scope.project_id, scope.audiences, limit=2)]
    assert kinds["finn"] == ["invoice.paid_back", "invoice.payment_recorded"]
    assert not [kind for kind in kinds["eve"] if kind.startswith("invoice")]


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_paid_the_statement_and_the_standing_agree(database, cast, store, seed):
    random = Random(seed)
    await bill(database, cast)
    line = {"number": "1", "name": "Work", "quantity": "1", "unit": "LS", "category": "S", "rate": "19"}
    for number in range(1, 6):
        price = f"{random.randint(1, 9999)}.{random.randint(0, 99):02}"
        async with database.write() as db:
            scope = await cast.scope(db, "maria")
            before = str(random.randint(0, int(price.partition(".")[0])))
            given = {"lines": [line | {"unit_price": price}], "prepaid": before}
            await drafts.draft_lines(db, scope, "Work", given)
        await quick(database, cast, number=number)
    for _ in range(12):
        amount = f"{random.randint(-2000, 9999)}.{random.randint(0, 99):02}"
        with suppress(Invalid, Conflict):
            await paid(database, cast, amount, random.randint(1, 5))
    async with database.write() as db:
        await issuing.credit(db, await cast.scope(db, "maria"), store, random.randint(1, 5), "Wrong")
    async with database.read() as db:
        scope = await cast.scope(db, "finn")
        (standing,) = balance.standing(await balance.days(db, scope))
        lines = await statement.lines(db, scope)
    assert lines[-1].balance == standing.invoiced - standing.paid == standing.open - standing.favour
