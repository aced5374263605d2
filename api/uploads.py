"""Large files on their way in: streamed to disk within a bound, never whole in memory, and gone unless kept."""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Depends, Request

from api.bodies import read_json, refuse_encoding
from api.deps import ProjectKey, Viewing, database_of, open_scope, settings_of
from api.problems import Refused
from portal.access import StaffRole
from portal.connectors.uploads import FOLDER
from portal.errors import Invalid, TooLarge, Unavailable
from portal.files import multipart

RAW = ("application/octet-stream", "text/csv")
FORM = multipart.MEDIA_TYPE
MAPPING_BYTES = 200_000
PATIENCE_SECONDS = 600


@dataclass(slots=True)
class Upload:
    """A file that has arrived; it is removed at the end of the request unless somebody keeps it."""

    path: Path
    name: str = ""
    mapping: dict[str, Any] | None = None
    size: int = 0
    is_kept: bool = False
    digest: Any = field(default_factory=hashlib.sha256)

    def keep(self) -> Path:
        """The file's place, from now on somebody else's to remove."""
        self.is_kept = True
        return self.path


async def may_import(request: Request, key: ProjectKey, viewer: Viewing) -> None:
    """Asks before a byte is read whether the caller may import here; no session stays open while the file arrives."""
    async with database_of(request).read() as db:
        (await open_scope(db, viewer, key)).require_staff(StaffRole.MANAGER)


async def receive(request: Request, _asked: Annotated[None, Depends(may_import)]) -> AsyncIterator[Upload]:
    """The uploaded file. Raises Refused (415), TooLarge, Invalid for an empty file, Unavailable for a full disk."""
    refuse_encoding(request)
    folder = settings_of(request).data_dir / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    upload = Upload(folder / uuid4().hex)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await _fill(request, upload, settings_of(request).import_max_bytes)
        request.state.digest = upload.digest.digest()
        yield upload
    except TimeoutError:
        raise Refused("slow", f"The file did not arrive within {PATIENCE_SECONDS} seconds.") from None
    except BaseException:
        upload.is_kept = False  # what would have kept it was undone
        raise
    finally:
        if not upload.is_kept:
            upload.path.unlink(missing_ok=True)


async def _fill(request: Request, upload: Upload, limit: int) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    stream = bounded(request.stream(), limit + MAPPING_BYTES)
    if media_type in RAW:
        await _write(upload, stream, limit)
    elif media_type == FORM:
        await _from_form(request, upload, stream, limit)
    else:
        accepted = ", ".join((*RAW, FORM))
        raise Refused("media-type", f"Send the file as one of: {accepted}.", headers={"Accept": accepted})
    if not upload.size:
        raise Invalid("The file is empty.", field="file")


async def bounded(stream: AsyncIterator[bytes], limit: int) -> AsyncGenerator[bytes, None]:
    """The same stream. Raises TooLarge where it becomes longer than `limit`."""
    size = 0
    async for part in stream:
        size += len(part)
        if size > limit:
            raise TooLarge(f"A file may have at most {limit} bytes.")
        yield part


async def _write(upload: Upload, parts: AsyncIterator[bytes], limit: int) -> None:
    try:
        handle = os.open(upload.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            async for part in bounded(parts, limit):
                file.write(part)
                upload.digest.update(part)
                upload.size += len(part)
            file.flush()
            os.fsync(handle)
    except OSError as error:
        raise Unavailable("There is no room for the file at the moment.") from error


async def _from_form(request: Request, upload: Upload, stream: AsyncGenerator[bytes, None], limit: int) -> None:
    """A form with one `file` and perhaps a `mapping`, as JSON."""
    mapping: bytes | None = None
    is_there = False
    try:
        async for part in multipart.parts_of(request.headers.get("content-type", ""), stream, most=2):
            if part.field == "file" and part.file_name is not None and not is_there:
                is_there, upload.name = True, part.file_name
                await _write(upload, part.chunks, limit)
            elif part.field == "mapping" and part.file_name is None and mapping is None:
                mapping = b"".join([chunk async for chunk in bounded(part.chunks, MAPPING_BYTES)])
            else:
                raise Invalid("The form needs one file, and may have a mapping.", field="file")
    except multipart.NotAForm:
        raise Refused("malformed", "This is no form with one file and at most one mapping.") from None
    if not is_there:
        raise Invalid("The form needs one file, and may have a mapping.", field="file")
    if mapping is not None:
        upload.mapping = _mapping(mapping)
        upload.digest.update(mapping)


def _mapping(raw: bytes) -> dict[str, Any]:
    found = read_json(raw)
    if not isinstance(found, dict):
        raise Invalid("The mapping must be a JSON object.", field="mapping")
    return found


# The generator's end must come before the answer leaves, and after the transaction's: the parameter stands before it.
Uploaded = Annotated[Upload, Depends(receive, scope="function")]
