"""At midnight of New Year an invoice belongs to one year, also if it waited for its number until the next had begun."""

import pytest
import time_machine

from portal.billing import issuing, queries
from tests.support.billing import drafted, planned, quick


@pytest.fixture
def midnight(monkeypatch):
    """It is one second to the New Year in Berlin, and whoever asks for a number waits until it has begun."""
    asked = issuing._next_number
    with time_machine.travel("2026-12-31T22:59:59Z", tick=False) as clock:

        async def after_waiting(*given):
            taken = await asked(*given)
            clock.shift(2)
            return taken

        monkeypatch.setattr(issuing, "_next_number", after_waiting)
        yield


async def test_an_invoice_has_the_number_of_the_year_that_it_says(midnight, database, cast):
    await planned(database, cast)
    await drafted(database, cast)
    row = await quick(database, cast)
    document = queries.document_of(row)
    assert (row.series_year, row.reference, document.issued_on.year) == (2026, "BH-2026-0001", 2026)


async def test_so_has_a_credit_note(midnight, database, cast, store):
    await planned(database, cast)
    await drafted(database, cast)
    await quick(database, cast)
    with time_machine.travel("2027-12-31T22:59:59Z", tick=False):
        async with database.write() as db:
            note = await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "It was wrong.")
    document = queries.document_of(note)
    assert (note.series_year, note.reference, document.issued_on.year) == (2027, "BH-2027-0001", 2027)
