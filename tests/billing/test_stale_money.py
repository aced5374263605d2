"""What was read before the project's lock was taken counts for nothing: another payment may have come in since.

On PostgreSQL alone: on SQLite writers take turns from their first statement on.
"""

import pytest

from portal import clock
from portal.billing import bank, queries
from portal.billing.models import BankEntry, EntryState, InvoiceState
from tests.support.billing import drafted, paid, planned, quick

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def of_the_bank(minor):
    return BankEntry(
        account="DE89370400440532013000", bank_reference="B-1", booked_on=clock.now().date(), currency="EUR",
        minor=minor, counterparty="Acme", remittance="", state=EntryState.UNMATCHED, note="",
        imported_at=clock.now(),
    )  # fmt: skip


async def test_two_payments_at_once_both_count(database, cast, monkeypatch):
    """Somebody of finance matches an entry while a payment for the same invoice is recorded."""
    await planned(database, cast)
    await drafted(database, cast)
    await quick(database, cast)
    async with database.write() as db:
        entry = of_the_bank(100)
        db.add(entry)
    pay = bank._pay

    async def after_another(*given):
        await paid(database, cast, "2.00")
        await pay(*given)

    monkeypatch.setattr(bank, "_pay", after_another)
    async with database.write() as db:
        await bank.match(db, cast.viewer("maria"), entry.id, "BRIDGE", 1)
    async with database.read() as db:
        invoice = await queries.invoice(db, await cast.scope(db, "maria"), 1)
    assert (invoice.paid_minor, invoice.state) == (300, InvoiceState.PARTLY_PAID)
