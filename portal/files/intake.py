"""How a file comes in: streamed to the store, scanned, recognised, drawn. All of it before any transaction begins.

Then whoever wants the file opens a transaction and adds its row (commands.add_file):

    received = await intake.receive(store, database, scope, chunks, name="sketch.png")
    async with intake.kept_or_gone(store, database, scope, [received]), database.write() as db:
        file = await commands.add_file(db, scope, received, audience=Audience.CLIENT)
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from portal.access import Scope
from portal.db import Database
from portal.errors import Invalid, TooLarge
from portal.files import drawing, kinds, names, orphans, previews, queries, scanner
from portal.files.arriving import Stored
from portal.files.store import Bytes, Store

PATIENCE_SECONDS = 600
"""How long a file may take to arrive."""
MOST_DRAWN = 64 * 1024 * 1024
"""Bytes of a picture or PDF that a preview is drawn of."""


@dataclass(frozen=True, slots=True)
class Received:
    """A file whose bytes lie in the store, judged; nothing names it yet."""

    store: Store
    stored: Stored
    name: str
    media_type: str
    width: int | None = None
    height: int | None = None
    preview: Stored | None = None
    page_count: int | None = None
    pages: list[list[int]] | None = None
    """As the row has them (models.py)."""


async def receive(
    store: Store,
    database: Database,
    scope: Scope,
    chunks: AsyncIterator[bytes],
    *,
    name: str,
    beside: int = 0,
    most_pages: int = 1,
) -> Received:
    """Takes in a file of a project whose bytes arrive as `chunks`, under whatever name they claim; `beside` are the
    bytes of others that came with it and have no rows yet, `most_pages` how many pages of a PDF are drawn.

    That there is room for it is asked here so that nobody sends in vain, and is decided when it gets its row: of many
    that arrive at once none knows which will be used, and none is held up by another that is slow.

    Raises Invalid for an empty file, a virus or a picture too large to be decoded; TooLarge beyond what a file or the
    project's files may take; Unavailable when the store or the scanner does not answer; TimeoutError when the bytes
    take too long; NotAllowed and Conflict where nothing may be written. Whatever it raises, nothing of it stays.
    """
    scope.require_writable()
    async with database.read(scope.project_id) as db:
        room = store.project_bytes - await queries.used_bytes(db, scope) - beside
    full = TooLarge(queries.NO_ROOM, field="file", value=names.clean(name))
    if room <= 0:
        raise full
    inspected = _Inspection(store, most_pages)
    arriving = inspected.beginning(_fitting(_patient(chunks), room, full))
    stored = await store.put(scope.project_id, arriving, max_bytes=store.max_bytes, judge=inspected.judge)
    received = Received(store, stored, names.clean(name), inspected.kind)
    drawn = inspected.drawn
    if drawn is None or drawn.state != drawing.DRAWN:
        return received
    preview = await store.put(scope.project_id, once(*drawn.pictures), max_bytes=previews.MOST_PREVIEW)
    (width, height), pages = drawn.sizes[0], None
    if drawn.of is not None:
        pages = [[*size, len(picture)] for size, picture in zip(drawn.sizes, drawn.pictures, strict=True)]
    return replace(received, width=width, height=height, preview=preview, page_count=drawn.of, pages=pages)


async def once(*content: bytes) -> AsyncIterator[bytes]:
    """Bytes that we have already, as chunks."""
    for chunk in content:
        yield chunk


@asynccontextmanager
async def kept_or_gone(
    store: Store, database: Database, scope: Scope, received: Sequence[Received]
) -> AsyncIterator[None]:
    """What was received is removed again when the block that should give it a row fails (and nothing else names it)."""
    try:
        yield
    except BaseException:
        await asyncio.shield(discard(store, database, scope, received))
        raise


async def discard(store: Store, database: Database, scope: Scope, received: Sequence[Received]) -> None:
    """Removes the bytes of files that got no row."""
    for one in received:
        for stored in (one.stored, one.preview):
            if stored is not None:
                await orphans.remove_unnamed(store, database, scope.project_id, stored.sha256)


class _Inspection:
    """What is found out about a file while it comes in."""

    def __init__(self, store: Store, most_pages: int) -> None:
        self._store = store
        self._most_pages = most_pages
        self._head = b""
        self.kind = kinds.UNKNOWN
        self.drawn: previews.Drawing | None = None

    async def beginning(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same bytes, of which the first are looked at."""
        async for chunk in chunks:
            if len(self._head) < kinds.HEAD:
                self._head += chunk[: kinds.HEAD - len(self._head)]
            yield chunk

    async def judge(self, content: Bytes, stored: Stored) -> None:
        """Refuses what must not be kept; else finds out what it is."""
        if not stored.size:
            raise Invalid("The file is empty.", field="file")
        if self._store.scanner:
            await scanner.scan(self._store.scanner, content())
        self.kind = kinds.kind_of(self._head, whole=stored.size <= kinds.HEAD)
        if self.kind in kinds.DRAWN and stored.size <= MOST_DRAWN:
            async with self._store.drawing:
                self.drawn = await previews.draw(self.kind, content(), self._most_pages)
            self._conclude(self.drawn)

    def _conclude(self, drawn: previews.Drawing) -> None:
        if drawn.state == drawing.REFUSED:
            raise Invalid("This picture has more points than we decode (64 million).", field="file")
        if drawn.state == drawing.BROKEN and self.kind in kinds.PICTURES:
            self.kind = kinds.UNKNOWN  # it begins like a picture and is none


async def _fitting(chunks: AsyncIterator[bytes], room: int, full: TooLarge) -> AsyncIterator[bytes]:
    """The same bytes. Raises `full` where they want more room than is left, which is not for everybody to know."""
    async for chunk in chunks:
        room -= len(chunk)
        if room < 0:
            raise full
        yield chunk


async def _patient(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes. Raises TimeoutError inside the stream, where it undoes an upload; a cancellation would not."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    arriving = aiter(chunks)
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(arriving)
        except StopAsyncIteration:
            return
        yield chunk
