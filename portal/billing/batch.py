"""What an accountant takes over in one go: a period's documents as they were issued, in one ZIP that is streamed.

First `bookkeeping.csv` as the index, then each document's XML and PDF in the order of their numbers, named by these.
Every file is read from the store and held against its digest. What ought to be there and is not, and numbers of the
series that no document has, are named in `missing.txt` at the end, which a batch that is whole does not have.
"""

import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from io import RawIOBase
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import StaffRole, Viewer
from portal.billing import bookkeeping
from portal.billing.issuing import reference_of
from portal.billing.models import Invoice, InvoiceSeries, InvoiceState, Issuer
from portal.errors import Invalid
from portal.files.store import Store
from portal.spreadsheet import BOM, rows_as_csv

INDEX, MISSING = "bookkeeping.csv", "missing.txt"
MOST_BYTES = 50 * 1024 * 1024
"""Of one file, which is in memory whole while it is checked; ours take some hundred kilobytes."""
Syntax = Literal["cii", "ubl"]


@dataclass(frozen=True, slots=True)
class Document:
    """An issued document and where its files lie."""

    reference: str
    project_id: UUID
    issued_on: date
    files: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes into the ZIP, and which numbers ought to be among the series' and are not."""

    index: str
    documents: tuple[Document, ...]
    syntax: Syntax
    gaps: tuple[str, ...]


async def batch(
    db: AsyncSession, viewer: Viewer, first: date, last: date, *, issuer: str = "", syntax: Syntax = "cii"
) -> Batch:
    """What was issued from `first` to `last` by one issuer, or by all, with each document's XML in one syntax.

    Raises Invalid for an issuer that is none, and as `bookkeeping.export`: for the days, TooLarge, NotAllowed.
    """
    viewer.require_staff(StaffRole.FINANCE)
    if issuer and await db.get(Issuer, issuer) is None:
        raise Invalid("There is no such issuer.", field="issuer", value=issuer)
    rows = await bookkeeping.export(db, viewer, first, last, issuer=issuer)
    documents = tuple([one async for one in _documents(db, first, last, issuer)])
    index = BOM + rows_as_csv([bookkeeping.COLUMNS, *rows])
    return Batch(index, documents, syntax, tuple([one async for one in _gaps(db, issuer)]))


async def _documents(db: AsyncSession, first: date, last: date, issuer: str) -> AsyncIterator[Document]:
    columns = (Invoice.reference, Invoice.project_id, Invoice.issued_on, Invoice.files)
    statement = (
        select(*columns)
        .where(*bookkeeping.issued(first, last, issuer))
        .order_by(*bookkeeping.BY_NUMBER)
        .execution_options(cross_project=bookkeeping.WHY_ACROSS)
    )
    for row in (await db.execute(statement)).all():
        yield Document(*row)


async def _gaps(db: AsyncSession, issuer: str) -> AsyncIterator[str]:
    """The numbers of whole series, not of the period alone, that were given and that no document has."""
    known = and_(Invoice.issuer == InvoiceSeries.issuer, Invoice.series_year == InvoiceSeries.year)
    statement = (
        select(InvoiceSeries.issuer, InvoiceSeries.year, InvoiceSeries.last)
        .outerjoin(Invoice, known)
        .where(*((InvoiceSeries.issuer == issuer,) if issuer else ()))
        .group_by(InvoiceSeries.issuer, InvoiceSeries.year, InvoiceSeries.last)
        .having(func.count(Invoice.series_number) != InvoiceSeries.last)
        .order_by(InvoiceSeries.issuer, InvoiceSeries.year)
        .execution_options(cross_project=bookkeeping.WHY_ACROSS)
    )
    for code, year, given in (await db.execute(statement)).all():
        mine = (Invoice.issuer == code, Invoice.series_year == year, Invoice.state != InvoiceState.DRAFT)
        taken = select(Invoice.series_number).where(*mine)
        there = set(await db.scalars(taken.execution_options(cross_project=bookkeeping.WHY_ACROSS)))
        for number in range(1, given + 1):
            if number not in there:
                yield reference_of(code, year, number)


async def zipped(store: Store, found: Batch) -> AsyncIterator[bytes]:
    """The ZIP, piece by piece: at most one file is in memory. Raises Unavailable while the store does not answer."""
    out = _Pieces()
    missing = [f"{one}: a number of the series that no document has" for one in found.gaps]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_entry(INDEX, date(1980, 1, 1)), found.index)
        yield out.taken()
        for document in found.documents:
            for name, kind in _names(document, found.syntax):
                content, fault = await _content(store, document, kind)
                if fault:
                    missing.append(f"{name}: {fault}")
                else:
                    archive.writestr(_entry(name, document.issued_on), content)
            yield out.taken()
        if missing:
            archive.writestr(_entry(MISSING, date(1980, 1, 1)), "".join(f"{line}\r\n" for line in missing))
    yield out.taken()


def _names(document: Document, syntax: Syntax) -> Iterator[tuple[str, str]]:
    yield f"{document.reference}-{syntax}.xml", syntax
    yield f"{document.reference}.pdf", "pdf"


async def _content(store: Store, document: Document, kind: str) -> tuple[bytes, str]:
    """A file's bytes, or what is wrong with them."""
    named = document.files.get(kind)
    if named is None:
        return b"", "was not made: EN 16931 cannot express the document" if kind != "pdf" else "was not made"
    digest = bytes.fromhex(named["sha256"])
    if not await store.holds(document.project_id, digest):
        return b"", "is not in the store"
    content = await store.read(document.project_id, digest, MOST_BYTES)
    return content, "" if sha256(content).digest() == digest else f"is not the file of SHA-256 {digest.hex()}"


def _entry(name: str, day: date) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (day.year, day.month, day.day, 0, 0, 0))
    # A PDF is packed already: to pack it again costs time and saves nothing.
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(".pdf") else zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


class _Pieces(RawIOBase):
    """What was written since it was last taken; nothing goes back to what was, so that it can be sent."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._waiting += content
        return len(content)

    def taken(self) -> bytes:
        """All that waits."""
        piece, self._waiting = bytes(self._waiting), bytearray()
        return piece
