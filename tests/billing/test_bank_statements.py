"""Bank statements taken in: each entry once, its money for the invoice that it names, and nothing ever guessed."""

from datetime import date
from uuid import uuid4

import pytest
from sqlalchemy import select

from portal.billing import accounts, bank, camt, payments, queries, stored
from portal.billing.models import BankEntry, EntryState, InvoiceState
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from tests.support import invoices
from tests.support.billing import bill, drafted, paid, planned, quick
from tests.support.camt import entry, statement


@pytest.fixture
async def billed(database, cast):
    """An invoice of 4,760.00."""
    await planned(database, cast)
    await drafted(database, cast)
    return await quick(database, cast)


async def take(database, cast, *entries, who="maria", **more):
    async with database.write() as db:
        return await bank.take_in(db, cast.viewer(who), camt.entries(statement(*entries, **more)))


async def state_of(database, cast, number=1):
    async with database.read() as db:
        row = await queries.invoice(db, await cast.scope(db, "maria"), number)
    return row.state, row.paid_minor


async def notes(database):
    async with database.read() as db:
        rows = await db.scalars(select(BankEntry).order_by(BankEntry.bank_reference))
        return [(row.state, row.note) for row in rows]


MANY_WORDS = " ".join(f"A{number:03}" for number in range(90))


@pytest.mark.parametrize(
    "words", ["{0}", "Invoice {0}, thank you", "RE:{0}.", "rg nr {1}", f"{MANY_WORDS} {{0}}", "{0}/2026"]
)
async def test_an_entry_that_names_an_invoice_pays_it(billed, database, cast, words):
    said = words.format(billed.reference, billed.reference.lower())
    taken = await take(database, cast, entry(said))
    expected = bank.Taken(0, 1, 0) if words == "{0}/2026" else bank.Taken(1, 0, 0)
    assert taken == expected
    if taken.matched:
        assert await state_of(database, cast) == (InvoiceState.PAID, 476_000)


async def test_the_same_statement_twice_changes_nothing(billed, database, cast):
    both = [entry(billed.reference, amount="10"), entry("nothing", ref="B-2")]
    assert await take(database, cast, *both) == bank.Taken(1, 1, 0)
    assert await take(database, cast, *both) == bank.Taken(0, 0, 2)
    assert await state_of(database, cast) == (InvoiceState.PARTLY_PAID, 1_000)


async def test_an_entry_that_stands_twice_in_a_file_is_taken_once(billed, database, cast):
    one = entry(billed.reference, amount="10")
    assert await take(database, cast, one, one) == bank.Taken(1, 0, 1)
    assert await state_of(database, cast) == (InvoiceState.PARTLY_PAID, 1_000)


async def test_a_reference_that_a_bank_gives_again_hides_no_entry(billed, database, cast):
    """What was paid is taken back the next day under the same reference, as banks do."""
    came, went = (
        entry(billed.reference, amount="10", way=way, day=f"<Dt>2026-11-{day}</Dt>")
        for way, day in (("CRDT", 20), ("DBIT", 21))
    )
    assert await take(database, cast, came) == bank.Taken(1, 0, 0)
    assert await take(database, cast, went) == bank.Taken(1, 0, 0)
    assert await state_of(database, cast) == (InvoiceState.ISSUED, 0)
    for both in ([came], [went], [came, went], [went, came]):
        assert await take(database, cast, *both) == bank.Taken(0, 0, len(both))


async def test_an_entry_beside_another_of_its_reference_is_the_one_that_was_taken_alone(billed, database, cast):
    first = entry(billed.reference, amount="10")
    assert await take(database, cast, first) == bank.Taken(1, 0, 0)
    assert await take(database, cast, first, entry(billed.reference, amount="20")) == bank.Taken(1, 0, 1)
    assert await state_of(database, cast) == (InvoiceState.PARTLY_PAID, 3_000)


@pytest.mark.parametrize("blanks", [480, 488, 600])
async def test_a_text_is_read_to_its_end_before_it_names_an_invoice(billed, database, cast, blanks):
    """A second invoice far behind the first, and a number that begins like ours."""
    far = f"{billed.reference} {'x ' * (blanks // 2)}BH-2026-00019"
    await drafted(database, cast, 1, unaccepted_reason="Agreed")
    other = await quick(database, cast, number=2)
    for at, words in enumerate((far.replace("BH-2026-00019", other.reference), far.removeprefix(billed.reference))):
        assert (await take(database, cast, entry(words, ref=f"B-{at}"))).matched == 0


async def test_nothing_is_guessed(billed, database, cast):
    await drafted(database, cast, 1, unaccepted_reason="Agreed")
    second = await quick(database, cast, number=2)
    assert await take(
        database, cast, entry("Thanks", ref="B-1"), entry(f"{billed.reference} {second.reference}", ref="B-2"),
        entry(billed.reference, currency="USD", ref="B-3"), entry(billed.reference, way="DBIT", ref="B-4"),
    ) == bank.Taken(0, 4, 0)  # fmt: skip
    states, reasons = zip(*await notes(database), strict=True)
    assert set(states) == {EntryState.UNMATCHED}
    beginnings = ("It names no", "It names several", f"{billed.reference} is in EUR", "Only 0.00 came in")
    assert [reason.startswith(begins) for reason, begins in zip(reasons, beginnings, strict=True)] == [True] * 4
    assert await state_of(database, cast) == (InvoiceState.ISSUED, 0)


async def test_a_batch_pays_no_invoice_by_itself(billed, database, cast):
    """Of two payments in one entry one names an invoice: the amount is that of both."""
    details = "<TxDtls><RmtInf><Ustrd>Thanks</Ustrd></RmtInf></TxDtls></NtryDtls>"
    assert (await take(database, cast, entry(billed.reference).replace("</NtryDtls>", details))).matched == 0
    assert await notes(database) == [(EntryState.UNMATCHED, "It is a batch of several payments.")]


async def test_money_in_another_issuers_account_is_for_somebody_to_match(billed, database, cast):
    """It was paid to another legal person of the agency than the one that is owed it."""
    async with database.write() as db:
        party, other = stored.plain(invoices.AGENCY), {"iban": "FR1420041010050500013M02606", "holder": "East"}
        await accounts.put_issuer(db, cast.viewer("root"), "EAST", party=party, payment=other)
    taken = await take(database, cast, entry(billed.reference), account=f"<IBAN>{other['iban']}</IBAN>")
    assert taken.matched == 0
    assert await notes(database) == [
        (EntryState.UNMATCHED, f"{billed.reference} is of another issuer than this account.")
    ]


async def test_an_account_without_an_iban_is_an_issuers_however_it_is_written(billed, database, cast):
    async with database.write() as db:
        party, other = stored.plain(invoices.AGENCY), {"account": "40702810 a", "holder": "East"}
        await accounts.put_issuer(db, cast.viewer("root"), "EAST", party=party, payment=other)
    assert await take(database, cast, entry("x"), account="<Othr><Id>40702810A</Id></Othr>") == bank.Taken(0, 1, 0)


async def test_a_payment_tells_the_entry_that_it_came_by_and_is_of_no_day_to_come(billed, database, cast):
    await take(database, cast, entry(f"Thanks {billed.reference}", day="<Dt>2999-01-01</Dt>"))
    async with database.read() as db:
        (payment,) = await payments.payments(db, await cast.scope(db, "maria"))
        row = (await db.scalars(select(BankEntry))).one()
    assert (payment.text, payment.external_ref, payment.bank_entry_id) == (row.remittance, f"bank:{row.id}", row.id)
    assert (row.booked_on, payment.paid_on < row.booked_on) == (date(2999, 1, 1), True)


async def test_what_nobody_matched_is_listed_by_its_day(billed, database, cast):
    await take(database, cast, *(entry("x", ref=f"B-{at}", day=f"<Dt>2026-11-{20 - at}</Dt>") for at in range(3)))
    async with database.read() as db:
        days = [row.booked_on.day for row in await bank.unmatched(db, cast.viewer("maria"), limit=2)]
    assert days == [18, 19]


async def test_more_than_is_owed_is_kept_as_paid(billed, database, cast):
    await take(database, cast, entry(billed.reference, amount="5000"))
    assert await state_of(database, cast) == (InvoiceState.PAID, 500_000)


async def test_money_that_goes_back_is_told_of_its_invoice(billed, database, cast):
    await paid(database, cast, "5000")
    assert (await take(database, cast, entry(billed.reference, amount="240", way="DBIT"))).matched == 1
    assert await state_of(database, cast) == (InvoiceState.PAID, 476_000)


async def test_a_statement_of_a_foreign_account_is_refused_whole(billed, database, cast):
    with pytest.raises(Invalid):
        await take(database, cast, entry(billed.reference), account="<IBAN>FR1420041010050500013M02606</IBAN>")
    with pytest.raises(Invalid):
        await take(database, cast, entry(billed.reference), account="<Othr><Id>77</Id></Othr>")
    assert await notes(database) == []


async def test_an_entry_pays_the_invoice_of_the_project_that_it_names(billed, database, cast):
    await bill(database, cast, "HARBOUR")
    taken = await take(database, cast, entry(billed.reference))
    assert taken.matched == 1
    async with database.read() as db:
        assert await payments.payments(db, await cast.scope(db, "maria", "HARBOUR")) == []


async def test_somebody_of_finance_matches_what_was_not(billed, database, cast):
    await take(database, cast, entry("Thanks"))
    async with database.write() as db:
        (row,) = await bank.unmatched(db, cast.viewer("maria"))
        await bank.match(db, cast.viewer("maria"), row.id, "BRIDGE", 1)
    assert await state_of(database, cast) == (InvoiceState.PAID, 476_000)
    with pytest.raises(Conflict):
        async with database.write() as db:
            await bank.match(db, cast.viewer("maria"), row.id, "BRIDGE", 1)


async def test_an_entry_in_another_currency_is_matched_by_nobody(billed, database, cast):
    await take(database, cast, entry(billed.reference, currency="USD", amount="4760.00"))
    async with database.write() as db:
        (row,) = await bank.unmatched(db, cast.viewer("maria"))
        with pytest.raises(Invalid):
            await bank.match(db, cast.viewer("maria"), row.id, "BRIDGE", 1)
    assert await state_of(database, cast) == (InvoiceState.ISSUED, 0)


async def test_an_entry_for_no_invoice_is_set_aside_with_a_note(billed, database, cast):
    await take(database, cast, entry("Interest"))
    async with database.write() as db:
        (row,) = await bank.unmatched(db, cast.viewer("maria"))
        with pytest.raises(Invalid):
            await bank.set_aside(db, cast.viewer("maria"), row.id, "  ")
        await bank.set_aside(db, cast.viewer("maria"), row.id, " Interest ")
        assert await bank.unmatched(db, cast.viewer("maria")) == []
    assert await notes(database) == [(EntryState.IGNORED, "Interest")]
    assert (await take(database, cast, entry("Interest"))).known == 1


async def test_an_unknown_entry_is_not_found(database, cast):
    with pytest.raises(NotFound):
        async with database.write() as db:
            await bank.match(db, cast.viewer("maria"), uuid4(), "BRIDGE", 1)


@pytest.mark.parametrize("who", ["wei", "dan", "ada", "finn"])
async def test_finance_alone_deals_with_the_bank(billed, database, cast, who):
    with pytest.raises(NotAllowed):
        await take(database, cast, entry("x"), who=who)
    with pytest.raises(NotAllowed):
        async with database.read() as db:
            await bank.unmatched(db, cast.viewer(who))
    await take(database, cast, entry("x"))
    async with database.read() as db:
        (row,) = await bank.unmatched(db, cast.viewer("maria"))
        with pytest.raises(NotAllowed):
            await bank.match(db, cast.viewer(who), row.id, "BRIDGE", 1)
        with pytest.raises(NotAllowed):
            await bank.set_aside(db, cast.viewer(who), row.id, "x")
