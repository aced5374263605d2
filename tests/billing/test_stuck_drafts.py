"""A draft that cannot be issued any more, since what it rests on changed, is shown, and can be thrown away."""

import pytest

from portal.billing import accounts, drafts, invoice_view, issuing, stored
from portal.billing.models import InvoiceState
from portal.errors import Invalid
from tests.support import invoices
from tests.support.billing import bill

REVERSED = {
    "number": "1",
    "name": "Work",
    "quantity": "1",
    "unit": "LS",
    "unit_price": "10",
    "category": "AE",
    "rate": "0",
}


@pytest.fixture
async def stuck(database, cast):
    """A draft of reverse charge, whose buyer has no VAT number any more."""
    await bill(database, cast)
    buyer = stored.plain(invoices.ACME)
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        await accounts.put_account(db, scope, {"buyer": buyer | {"vat_id": "FR40303265045", "country": "FR"}})
        exemption = {"category": "AE", "reason": "Reverse charge"}
        given = {"lines": [REVERSED], "exemptions": [exemption]}
        draft = await drafts.draft_lines(db, scope, "Work", given)
        await accounts.put_account(db, scope, {"buyer": buyer | {"vat_id": "", "country": "FR"}})
    return draft.number


async def test_it_is_shown(stuck, database, cast):
    async with database.read() as db:
        view = await invoice_view.invoice_view(db, await cast.scope(db, "maria"), stuck)
    assert view.row.state is InvoiceState.DRAFT


async def test_it_is_not_issued(stuck, database, cast, store):
    with pytest.raises(Invalid):
        async with database.write() as db:
            await issuing.issue(db, await cast.scope(db, "maria"), store, stuck)
