"""Files for the tests: made here, so that none has to be kept beside them."""

import io
import struct
import zlib
from collections.abc import AsyncIterator

from portal.db import Database
from portal.files import commands, intake, names
from portal.files.drawing import MOST_PAGES
from portal.files.intake import Received
from portal.files.models import File
from portal.files.store import Store
from portal.ledger.models import Audience
from tests.support.cast import Cast


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    """Bytes as they arrive."""
    for part in parts:
        yield part


def picture(width: int = 40, height: int = 30, form: str = "PNG", colour: str = "navy", **options: object) -> bytes:
    """A picture of one colour."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, form, **options)
    return out.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is as large as one likes."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(b"\0")) + png_chunk(b"IEND", b"")


def document(pages: int = 1, width: int = 200, height: int = 100, script: str = "") -> bytes:
    """A PDF with empty pages, and perhaps a script that runs when it is opened."""
    import pikepdf

    pdf = pikepdf.new()
    for _ in range(pages):
        pdf.add_blank_page(page_size=(width, height))
    if script:
        pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=script)
    out = io.BytesIO()
    pdf.save(out)
    return out.getvalue()


RED, GREEN, BLUE = "1 0 0", "0 1 0", "0 0 1"


def paper(*colours: str, broken: int | None = None, password: str = "") -> bytes:
    """A PDF of 200 x 100 points a page, each filled with a colour; one of them is perhaps no page."""
    import pikepdf

    pdf = pikepdf.new()
    for colour in colours:
        pdf.add_blank_page(page_size=(200, 100))
        pdf.pages[-1].Contents = pdf.make_stream(f"{colour} rg 0 0 200 100 re f".encode())
    if broken:
        pdf.Root.Pages.Kids[broken - 1] = pikepdf.Dictionary(Type=pikepdf.Name.Rubbish)
    out = io.BytesIO()
    pdf.save(out, encryption=pikepdf.Encryption(owner=password, user=password) if password else False)
    return out.getvalue()


async def add_paper(
    database: Database, cast: Cast, store: Store, content: bytes, name: str = "screens.pdf", key: str = "BRIDGE"
) -> File:
    """A file that Wei adds as the API takes it in: every page of it is drawn."""
    async with database.read() as db:
        scope = await cast.scope(db, "wei", key)
    received = await intake.receive(store, database, scope, chunks(content), name=name, most_pages=MOST_PAGES)
    async with database.write() as db:
        return await commands.add_file(db, await cast.scope(db, "wei", key), received)


async def add_file(
    database: Database,
    cast: Cast,
    store: Store,
    content: str,
    key: str = "BRIDGE",
    audience: Audience = Audience.INTERNAL,
) -> File:
    """A file that Wei adds. Its preview is its content: nothing is drawn, which takes a process."""
    async with database.read() as db:
        scope = await cast.scope(db, "wei", key)
    stored = await store.put(scope.project_id, intake.once(content.encode()), max_bytes=1000)
    received = Received(store, stored, names.clean(f"{content}.txt"), "text/plain", 1, 1, preview=stored)
    async with database.write() as db:
        return await commands.add_file(db, scope, received, audience=audience)
