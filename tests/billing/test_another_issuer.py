"""A draft is issued by whoever issues for the project now, under a number of that issuer's own series."""

from portal.billing import accounts, queries, stored
from tests.support import invoices
from tests.support.billing import drafted, planned, quick


async def test_the_number_is_of_the_series_of_who_issues_it(database, cast):
    await planned(database, cast)
    await drafted(database, cast)
    payment = stored.plain(invoices.TO) | {"reference": ""}
    other = stored.plain(invoices.AGENCY) | {"name": "Bright Harbour Studio East GmbH"}
    async with database.write() as db:
        await accounts.put_issuer(db, cast.viewer("root"), "EAST", party=other, payment=payment)
        await accounts.put_account(db, await cast.scope(db, "maria"), {"issuer": "EAST"})
    row = await quick(database, cast)
    seller = queries.document_of(row).seller.name
    assert (row.issuer, row.reference[:5], seller) == ("EAST", "EAST-", "Bright Harbour Studio East GmbH")
