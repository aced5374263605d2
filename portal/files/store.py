"""Where files' bytes lie: by project and content, in a folder or in a bucket, never whole in memory.

A key is `<project uuid>/<sha256 hex>`: the same bytes in two projects are two objects, so that one project can never
tell what another holds. Bytes arrive under a key of their own and get the real one when they are whole and judged.
"""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4

from portal.errors import TooLarge, Unavailable
from portal.files.arriving import Stored, Tally
from portal.settings import Settings, SettingsError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

FOLDER = "files"
INCOMING = "incoming"
"""Where bytes lie while they arrive."""
PIECE = 1024 * 1024
"""Bytes of a file that are in memory at once while it is sent; each piece is a request of its own, so that a slow
reader never holds a connection to the bucket open."""
PART = 5 * 1024 * 1024
"""Bytes of an upload that go to a bucket at once: the least that S3 takes."""
PARTS_AT_ONCE = 2
DRAWN_AT_ONCE = 2
_PROJECT = r"(?P<project>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_OURS = re.compile(rf"{INCOMING}/[0-9a-f]{{32}}|{_PROJECT}/(?P<sha256>[0-9a-f]{{64}})")
RETRIES: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}


Bytes = Callable[[], AsyncIterator[bytes]]
"""Gives the bytes of an upload from their beginning, as often as it is called."""
Judge = Callable[[Bytes, Stored], Awaitable[None]]
"""Looks at an upload before it gets its key, and raises to refuse it."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object of the store. Without project and digest it never arrived whole."""

    key: str
    project_id: UUID | None
    sha256: bytes | None
    modified_at: datetime


def open_store(settings: Settings) -> "Store":
    """The store that the settings name. Raises SettingsError for what the library cannot begin anything with."""
    from obstore.exceptions import BaseError
    from obstore.store import LocalStore, from_url

    url = settings.files_url
    if not url or url.startswith("file:"):
        folder = Path(unquote(urlsplit(url).path)) if url else settings.data_dir / FOLDER
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Store(LocalStore(folder.resolve(), mkdir=True), settings, folder=folder.resolve())
    options: Any = {name: value.get_secret_value() for name, value in settings.files_options.items()}
    plain: Any = {"allow_http": True} if options.get("endpoint", "").startswith("http://") else {}
    try:
        return Store(from_url(url, config=options, client_options=plain, retry_config=RETRIES), settings)
    except BaseError as error:
        fault = str(error).partition("\n")[0]
        raise SettingsError(f"PORTAL_FILES_URL with PORTAL_FILES_OPTIONS leads to no store: {fault}") from None


class Store:
    """The bytes of all projects' files. Everything raises Unavailable while the store does not answer."""

    def __init__(self, objects: "ObjectStore", settings: Settings, *, folder: Path | None = None) -> None:
        """`folder` is where the objects lie when they are plain files."""
        self._objects = objects
        self.folder = folder
        self.max_bytes = settings.file_max_bytes
        self.project_bytes = settings.files_project_bytes
        self.scanner = settings.clamd_url
        self.drawing = asyncio.Semaphore(DRAWN_AT_ONCE)
        """Held while a preview is drawn: each takes a process of its own."""

    @staticmethod
    def key(project_id: UUID, sha256: bytes) -> str:
        """Where the bytes of a project's file lie."""
        return f"{project_id}/{sha256.hex()}"

    async def put(
        self, project_id: UUID, chunks: AsyncIterator[bytes], *, max_bytes: int, judge: Judge | None = None
    ) -> Stored:
        """Keeps the bytes. Raises TooLarge beyond `max_bytes`, and what `chunks` or `judge` raise; then nothing stays.

        The bytes get their key again even when it was there: its age says when it was last sent (orphans.py).
        """
        incoming, tally = f"{INCOMING}/{uuid4().hex}", Tally(max_bytes)
        try:
            with _answers():
                await self._write(incoming, chunks, tally)
            if judge:
                await judge(lambda: self._pieces(incoming, 0, tally.size), tally.stored())
            with _answers():
                await self._settle(incoming, self.key(project_id, tally.stored().sha256))
        except BaseException:
            await asyncio.shield(self._forget(incoming))
            raise
        return tally.stored()

    async def _write(self, key: str, chunks: AsyncIterator[bytes], tally: Tally) -> None:
        """The library gives an upload up in the bucket when its source fails, not when it is cancelled itself."""
        import obstore

        counted = tally.counted(chunks)
        put = obstore.put_async(self._objects, key, counted, chunk_size=PART, max_concurrency=PARTS_AT_ONCE)
        writing = asyncio.ensure_future(put)
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            tally.give_up()
            await asyncio.wait([writing])
            writing.exception()
            raise

    async def _settle(self, incoming: str, key: str) -> None:
        import obstore

        if self.folder:  # the library leaves it to the system when bytes reach the disk; the row's commit does not
            await asyncio.to_thread(_sync, self.folder / incoming)
        await obstore.rename_async(self._objects, incoming, key, overwrite=True)
        if self.folder:
            await asyncio.to_thread(_sync, (self.folder / key).parent)

    async def _forget(self, key: str) -> None:
        import obstore
        from obstore.exceptions import BaseError

        # It never came to be, or the store is gone: then the collector of orphans comes by.
        with contextlib.suppress(BaseError, OSError):
            await obstore.delete_async(self._objects, key)

    async def stream(
        self, project_id: UUID, sha256: bytes, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes from `start` up to and without `end` (None: all), piece by piece."""
        key = self.key(project_id, sha256)
        if end is None:
            end = await self.size(project_id, sha256)
        async for piece in self._pieces(key, start, end):
            yield piece

    async def read(self, project_id: UUID, sha256: bytes, most: int, end: int | None = None) -> bytes:
        """All bytes of a small file, or those before `end`. Raises TooLarge when there are more than `most`."""
        key = self.key(project_id, sha256)
        size = await self.size(project_id, sha256) if end is None else end
        if size > most:
            raise TooLarge(f"The file has {size} bytes; at most {most} can be read at once.")
        return b"".join([piece async for piece in self._pieces(key, 0, size)])

    async def size(self, project_id: UUID, sha256: bytes) -> int:
        """How many bytes there are."""
        import obstore

        with _answers(missing=True):
            return int((await obstore.head_async(self._objects, self.key(project_id, sha256)))["size"])

    async def holds(self, project_id: UUID, sha256: bytes) -> bool:
        """Whether the bytes are there."""
        return await self.modified_at(self.key(project_id, sha256)) is not None

    async def modified_at(self, key: str) -> datetime | None:
        """When an object was last sent; None when there is none."""
        import obstore

        try:
            with _answers():
                return (await obstore.head_async(self._objects, key))["last_modified"]
        except FileNotFoundError:
            return None

    async def probe(self) -> None:
        """Puts something there and takes it away again."""
        key = f"{INCOMING}/{uuid4().hex}"
        with _answers():
            await self._write(key, _something(), Tally(PIECE))
        await self.delete(key)

    async def found(self) -> AsyncIterator[Found]:
        """Every object of ours that there is; what others put beside them is left out."""
        import obstore

        with _answers():
            async for batch in obstore.list(self._objects):
                for one in batch:
                    if named := _OURS.fullmatch(one["path"]):
                        yield _found(one["path"], named, one["last_modified"])
        for half in (self.folder / INCOMING).glob("*#*") if self.folder else ():  # the library lists no half files
            written = datetime.fromtimestamp(half.stat().st_mtime, UTC)
            yield Found(f"{INCOMING}/{half.name}", None, None, written)

    async def delete(self, key: str) -> None:
        """Removes an object."""
        import obstore

        if self.folder:
            (self.folder / key).unlink(missing_ok=True)
            return
        with _answers():
            await obstore.delete_async(self._objects, key)

    async def _pieces(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        import obstore

        for at in range(start, end, PIECE):
            with _answers(missing=True):
                piece = await obstore.get_range_async(self._objects, key, start=at, end=min(at + PIECE, end))
            yield bytes(piece)


async def _something() -> AsyncIterator[bytes]:
    yield b"portal"


@contextlib.contextmanager
def _answers(*, missing: bool = False) -> Iterator[None]:
    """Turns the library's errors into ours; `missing` also what is not there and should be."""
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as error:
        if missing:
            raise Unavailable("The file's content cannot be found at the moment.") from error
        raise
    except BaseError as error:
        raise Unavailable("The place where files are kept does not answer.") from error


def _found(key: str, named: re.Match[str], modified_at: datetime) -> Found:
    if named["project"] is None:
        return Found(key, None, None, modified_at)
    return Found(key, UUID(named["project"]), bytes.fromhex(named["sha256"]), modified_at)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
