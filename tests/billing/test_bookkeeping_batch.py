"""The batch for accountants: a period's documents as they were issued, in order, and whatever is missing is named."""

import io
import zipfile
from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import update

from portal.billing import accounts, batch, drafts, issuing, stored
from portal.billing.models import InvoiceSeries
from portal.errors import Invalid, NotAllowed
from tests.support import invoices
from tests.support.billing import bill, issued, paid, quick

LINE = {"number": "1", "name": "Work", "quantity": "1", "unit": "LS", "unit_price": "10", "category": "S",
        "rate": "19"}  # fmt: skip


async def draft(database, cast, key="BRIDGE"):
    async with database.write() as db:
        scope = await cast.scope(db, "maria", key)
        return (await drafts.draft_lines(db, scope, "Work", {"lines": [LINE]})).number


async def three(database, cast, store):
    """Two invoices and the credit note of the first, all by BH."""
    await bill(database, cast)
    for number in (await draft(database, cast), await draft(database, cast)):
        await issued(database, cast, store, number)
    async with database.write() as db:
        await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "Wrong")


async def entries(database, cast, store, days=0, **more):
    """The files of the batch of today, by name and in order."""
    async with database.read() as db:
        day = (await cast.scope(db, "maria")).today + timedelta(days=days)
        found = await batch.batch(db, cast.viewer("maria"), day, day, **more)
    pieces = [piece async for piece in batch.zipped(store, found)]
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def numbered(name):
    """A file's name without the year of the series."""
    return "-".join(part for part in name.split("-") if not (part.isdigit() and part.startswith("20")))


class TestTheFiles:
    @pytest.mark.parametrize(("syntax", "mark"), [("cii", b"CrossIndustryInvoice"), ("ubl", b"specification:ubl")])
    async def test_they_come_in_the_order_of_their_numbers_after_the_index(self, database, cast, store, syntax, mark):
        await three(database, cast, store)
        found = await entries(database, cast, store, syntax=syntax)
        pairs = [(f"BH-000{at}-{syntax}.xml", f"BH-000{at}.pdf") for at in (1, 2, 3)]
        assert [numbered(name) for name in found] == ["bookkeeping.csv", *(name for pair in pairs for name in pair)]
        assert all(mark in content for name, content in found.items() if name.endswith(".xml"))

    async def test_they_are_those_that_were_issued_to_the_byte(self, database, cast, store):
        await bill(database, cast)
        row = await issued(database, cast, store, await draft(database, cast))
        found = await entries(database, cast, store)
        digests = {name[len(row.reference) :]: sha256(content).hexdigest() for name, content in found.items()}
        assert digests[".pdf"] == row.files["pdf"]["sha256"]
        assert digests["-cii.xml"] == row.files["cii"]["sha256"]

    async def test_the_index_names_each_document_and_the_payments(self, database, cast, store):
        await three(database, cast, store)
        await paid(database, cast, "1", 2)
        lines = (await entries(database, cast, store))["bookkeeping.csv"].decode("utf-8-sig").splitlines()
        told = [line.split(",") for line in lines[1:]]
        assert [(one[0], numbered(one[2])) for one in told] == [
            ("invoice", "BH-0001"), ("invoice", "BH-0002"), ("credit_note", "BH-0003"), ("payment", "BH-0002")
        ]  # fmt: skip

    async def test_a_batch_without_documents_has_the_index_alone(self, database, cast, store):
        await three(database, cast, store)
        assert list(await entries(database, cast, store, days=-30)) == ["bookkeeping.csv"]

    async def test_one_issuers_batch_has_nothing_of_another(self, database, cast, store):
        await three(database, cast, store)
        async with database.write() as db:
            to = stored.plain(invoices.TO) | {"reference": ""}
            await accounts.put_issuer(db, cast.viewer("root"), "XY", party=stored.plain(invoices.AGENCY), payment=to)
            await accounts.put_account(db, await cast.scope(db, "maria"), {"issuer": "XY"})
        await issued(database, cast, store, await draft(database, cast))
        both = await entries(database, cast, store)
        one = await entries(database, cast, store, issuer="XY")
        assert [numbered(name) for name in one] == ["bookkeeping.csv", "XY-0001-cii.xml", "XY-0001.pdf"]
        assert len(both) == 9
        assert b"BH-" not in one["bookkeeping.csv"]


class TestWhatIsMissing:
    async def test_a_number_that_no_document_has_is_named(self, database, cast, store):
        await three(database, cast, store)
        async with database.write() as db:
            await db.execute(update(InvoiceSeries).values(last=InvoiceSeries.last + 2))
        said = (await entries(database, cast, store))["missing.txt"].decode().splitlines()
        assert [numbered(line) for line in said] == [
            f"BH-{number}: a number of the series that no document has" for number in ("0004", "0005")
        ]

    async def test_a_file_that_is_gone_or_another_is_named_and_left_out(self, database, cast, store):
        await bill(database, cast)
        row = await issued(database, cast, store, await draft(database, cast))
        async with database.read() as db:
            folder = store.folder / str((await cast.scope(db, "maria")).project_id)
        (folder / row.files["pdf"]["sha256"]).write_bytes(b"%PDF-else")
        (folder / row.files["cii"]["sha256"]).unlink()
        found = await entries(database, cast, store)
        assert list(found) == ["bookkeeping.csv", "missing.txt"]
        said = found["missing.txt"].decode()
        assert (f"{row.reference}-cii.xml: is not in the store" in said, ".pdf: is not the file of" in said) == (
            True, True
        )  # fmt: skip

    async def test_what_was_never_made_is_named(self, database, cast, store):
        await bill(database, cast)
        await quick(database, cast, number=await draft(database, cast))
        said = (await entries(database, cast, store))["missing.txt"].decode()
        assert said.count("was not made") == 2


class TestWhoMay:
    @pytest.mark.parametrize("who", ["wei", "dan", "ada", "finn"])
    async def test_nobody_but_finance(self, database, cast, store, who):
        async with database.read() as db:
            day = (await cast.scope(db, "maria")).today
            with pytest.raises(NotAllowed):
                await batch.batch(db, cast.viewer(who), day, day)

    async def test_an_issuer_that_is_none_is_refused(self, database, cast, store):
        async with database.read() as db:
            day = (await cast.scope(db, "maria")).today
            with pytest.raises(Invalid) as refused:
                await batch.batch(db, cast.viewer("maria"), day, day, issuer="NO")
        assert refused.value.field == "issuer"
