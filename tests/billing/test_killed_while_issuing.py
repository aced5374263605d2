"""A process that dies at any step of issuing leaves no hole and no twin in the series, and no half of an invoice."""

import asyncio
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from portal.billing import drafts
from portal.billing.models import Invoice, InvoiceSeries, InvoiceState
from portal.files import orphans
from portal.files.models import File
from portal.ledger.models import Event
from portal.ledger.verify import verify_database
from tests.support.billing import bill, quick
from tests.support.decisions import keys_in

CHILD = """
import asyncio, os, sys
from pathlib import Path
from portal.access import SYSTEM
from portal.billing import drafts, files, issuing, making, stored
from portal.billing.making import Made
from portal.billing.seals import Seals
from portal.documents import signing
from portal.documents.signing import Signed
from portal.db import Database
from portal.files import commands
from portal.files.store import Store
from portal.projects import queries
from tests.support.billing import store_in
from sqlalchemy.ext.asyncio import AsyncSession

url, folder, number, step = sys.argv[1:]
name, _, when = step.partition(":")
PLACES = {"number": (issuing, "_next_number"), "document": (drafts, "assembled"), "files": (making, "make"),
          "signature": (signing, "signed"), "store": (Store, "put"), "file row": (commands, "add_file"),
          "event": (drafts, "tell"), "commit": (AsyncSession, "commit")}

async def quick(document):
    return Made(stored.to_json(document), b"%PDF-1.7", b"<cii/>", b"<ubl/>")

making.make = quick

async def sealed(pdf):
    return await signing.signed(pdf, None)

async def signed(pdf, seal):
    return Signed(pdf + b" signed", "B-B")

signing.signed = signed
Seals.signer = lambda self, issuer: sealed

def deadly(owner, attribute):
    real = getattr(owner, attribute)
    async def dies(*given, **more):
        if when == "before":
            os._exit(17)
        found = await real(*given, **more)
        os._exit(17)
    setattr(owner, attribute, dies)

async def issue():
    async with Database(url).write() as db:
        scope = await queries.scope_for(db, SYSTEM, "BRIDGE")
        deadly(*PLACES[name])
        await issuing.issue(db, scope, store_in(Path(folder)), int(number))
    os._exit(0)

asyncio.run(issue())
"""
NAMES = ("number", "document", "files", "signature", "store", "file row", "event", "commit")
STEPS = [f"{name}:{when}" for name in NAMES for when in ("before", "after")]
LINE = {"number": "1", "name": "Work", "quantity": "1", "unit": "LS", "unit_price": "10", "category": "S", "rate": "19"}


async def killed(url: str, folder: Path, number: int, step: str) -> int:
    """The exit code of a process that issues a draft and dies at a step."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, url, str(folder), str(number), step,
        stderr=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    _, said = await asyncio.wait_for(child.communicate(), 120)
    assert child.returncode == 17, said.decode()[-2000:]
    return child.returncode


async def numbers(database, cast):
    """The numbers that were given, in their order, and the last one of the series."""
    async with database.read() as db:
        scope = await cast.scope(db, "maria")
        mine = (Invoice.project_id == scope.project_id, Invoice.series_number.is_not(None))
        given = list(await db.scalars(select(Invoice.series_number).where(*mine).order_by(Invoice.series_number)))
        last = await db.scalar(select(func.max(InvoiceSeries.last)))
    return given, last or 0


async def traces(database, cast):
    """How many files and events of issued invoices there are."""
    async with database.read() as db:
        scope = await cast.scope(db, "maria")
        files = await db.scalar(select(func.count()).select_from(File).where(File.project_id == scope.project_id))
        told = (Event.project_id == scope.project_id, Event.kind == "invoice.issued")
        return files, await db.scalar(select(func.count()).select_from(Event).where(*told))


@pytest.mark.slow
@pytest.mark.timeout(900)  # a process for each step
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_no_step_leaves_a_hole_a_twin_or_a_half(database, database_url, cast, store, tmp_path):
    await bill(database, cast)
    for at in range(len(STEPS) + 1):
        async with database.write() as db:
            await drafts.draft_lines(db, await cast.scope(db, "maria"), f"Draft {at + 1}", {"lines": [LINE]})
    for number, step in enumerate(STEPS, start=1):
        before = await traces(database, cast)
        await killed(database.url, tmp_path, number, step)
        is_kept = step == "commit:after"
        given, last = await numbers(database, cast)
        assert (given, last) == (list(range(1, len(given) + 1)), len(given)), step
        files, told = await traces(database, cast)
        assert (files - before[0], told - before[1]) == ((3, 1) if is_kept else (0, 0)), step
        if not is_kept:
            row = await quick(database, cast, number=number)
            assert (row.state, row.series_number) == (InvoiceState.ISSUED, len(given) + 1), step
    assert await numbers(database, cast) == (list(range(1, len(STEPS) + 1)), len(STEPS))
    assert await orphans.collect(store, database) == 0  # what is younger than a day may still be on its way
    async with database.read() as db:
        assert (await verify_database(db, keys_in(tmp_path).public)).ok
