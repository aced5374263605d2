"""A project's archive: one ZIP that can be checked offline, with the public keys alone.

    manifest.json   project, edition, size and root of the tree, and the SHA-256 of every other file
    manifest.note   the signed digest of manifest.json
    head.note       the signed head (C2SP checkpoint) over all events in the archive
    heads.jsonl     the heads that were signed before: {"checkpoint", "size"}
    events.jsonl    one line an event: {"digest", "event"}, where the event's bytes are what was digested; or
                    {"digest", "seq"} alone for one that is outside the edition
    keys.json       the public keys (JWK set), retired ones too
    receipts/…      the receipt of each answer that the edition may show, named after the event that it proves
    state/…         what the rooms say the project is now

The same ledger, receipts, state and key give the same bytes: nothing tells when the archive was written.
"""

from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from re import compile as pattern
from typing import Any
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.errors import Conflict, Invalid, NotFound
from portal.ledger import canonical, checkpoint, receipt_files, receipts
from portal.ledger.archive_reader import MAX_RECEIPTS
from portal.ledger.keys import SigningKeys
from portal.ledger.models import Audience, LedgerHead, ProjectLedger
from portal.ledger.note import sign_note
from portal.ledger.rows import event_rows, row_text
from portal.ledger.walk import Walk

FORMAT = "portal-archive/1"
EPOCH = (1980, 1, 1, 0, 0, 0)
_STATE_NAME = pattern(r"[a-z][a-z0-9_]{0,63}")


class Edition(StrEnum):
    """For whom an archive is made; events for others are in it as digests alone."""

    STAFF = "staff"
    CLIENT = "client"
    BILLING = "billing"
    """For those of the client who may see money."""


AUDIENCES = {
    Edition.STAFF: (Audience.INTERNAL, Audience.CLIENT, Audience.BILLING),
    Edition.CLIENT: (Audience.CLIENT,),
    Edition.BILLING: (Audience.CLIENT, Audience.BILLING),
}


@dataclass(frozen=True, slots=True)
class Archive:
    """What was written: how many events, the root over them, and the signed head to keep as proof."""

    path: Path
    events: int
    root: bytes
    head: str


async def write_archive(
    db: AsyncSession,
    project_id: UUID,
    edition: Edition,
    state: Mapping[str, Any],
    out_path: Path,
    keys: SigningKeys,
) -> Archive:
    """Writes a project's archive to a new file, whole or not at all; events and documents are streamed.

    `state` holds, by name, either a JSON document or an asynchronous iterable of them (one line each); what is in it
    for this edition is the caller's decision. Read everything in one transaction (`Database.read()`), so that state and
    events are of one moment. Raises NotFound, Invalid for a state that is no JSON, Conflict when the ledger is broken.
    """
    with whole_file(out_path) as draft, ZipFile(draft, "w") as file:
        writer = _Writer(file)
        walk, manifest = await _write_events(db, project_id, edition, writer)
        head = checkpoint.sign(project_id, walk.size, walk.root, keys)
        writer.put("head.note", head)
        await writer.stream("heads.jsonl", _heads(db, project_id))
        await _write_receipts(db, project_id, edition, writer)
        writer.put("keys.json", canonical.document_text(keys.jwks()))
        for name in sorted(state):
            await _write_state(writer, name, state[name])
        text = canonical.document_text(manifest | {"files": writer.files})
        writer.put("manifest.json", text)
        writer.put("manifest.note", sign_note(manifest_text(text), keys.origin(project_id), keys))
    return Archive(out_path, walk.size, walk.root, head)


def manifest_text(manifest: str) -> str:
    """What is signed of a manifest. Two lines, so that nobody can pass it off as a checkpoint, which has three."""
    return f"{FORMAT}\n{sha256(manifest.encode()).hexdigest()}\n"


class _Writer:
    """Puts files into the ZIP and remembers their digests for the manifest."""

    def __init__(self, file: ZipFile) -> None:
        self._file = file
        self.files: dict[str, dict[str, Any]] = {}

    async def stream(self, name: str, lines: AsyncIterable[str]) -> None:
        """A file of lines."""
        digest, size = sha256(), 0
        with self._file.open(_entry(name), "w", force_zip64=True) as handle:
            async for line in lines:
                raw = line.encode() + b"\n"
                handle.write(raw)
                digest.update(raw)
                size += len(raw)
        self.files[name] = {"bytes": size, "sha256": digest.hexdigest()}

    def put(self, name: str, text: str) -> None:
        """A small file."""
        raw = text.encode()
        self._file.writestr(_entry(name), raw)
        self.files[name] = {"bytes": len(raw), "sha256": sha256(raw).hexdigest()}


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, EPOCH)
    entry.compress_type, entry.create_system, entry.external_attr = ZIP_DEFLATED, 3, 0o644 << 16
    return entry


async def _write_events(
    db: AsyncSession, project_id: UUID, edition: Edition, writer: _Writer
) -> tuple[Walk, dict[str, Any]]:
    ledger = await db.get(ProjectLedger, project_id)
    if ledger is None:
        raise NotFound("There is no such project.")
    walk = Walk([])
    await writer.stream("events.jsonl", _event_lines(db, project_id, AUDIENCES[edition], walk))
    walk.finish()
    if (walk.size, walk.frontier) != (ledger.version, ledger.frontier):
        raise Conflict("The ledger does not agree with its events: `portal verify --database` says where.")
    manifest = {
        "format": FORMAT,
        "project": {"id": str(project_id), "key": ledger.key},
        "edition": edition.value,
        "audiences": [audience.value for audience in AUDIENCES[edition]],
        "size": walk.size,
        "root": walk.root.hex(),
    }
    return walk, manifest


async def _event_lines(
    db: AsyncSession, project_id: UUID, audiences: tuple[Audience, ...], walk: Walk
) -> AsyncIterator[str]:
    async for row in event_rows(db, project_id):
        text = row_text(project_id, row)
        if text is None or canonical.digest_of(text) != row.digest:
            raise Conflict(f"Event {row.seq} is not what was digested: `portal verify --database` says more.")
        walk.take(row.digest)
        shown = f'"event":{text}' if row.audience in audiences else f'"seq":{row.seq}'
        yield f'{{"digest":"{row.digest.hex()}",{shown}}}'


async def _heads(db: AsyncSession, project_id: UUID) -> AsyncIterator[str]:
    statement = select(LedgerHead.size, LedgerHead.checkpoint).where(LedgerHead.project_id == project_id)
    for head in await db.execute(statement.order_by(LedgerHead.size)):
        yield canonical.document_text({"size": head.size, "checkpoint": head.checkpoint})


async def _write_receipts(db: AsyncSession, project_id: UUID, edition: Edition, writer: _Writer) -> None:
    written = 0
    async for receipt in receipts.of_project(db, project_id, AUDIENCES[edition]):
        written += 1
        if written > MAX_RECEIPTS:
            raise Conflict(f"The project has more than {MAX_RECEIPTS:,} receipts: no archive holds so many.")
        content = receipt_files.receipt_json(receipt, receipts.portal_in(receipt.token))
        writer.put(receipt_name(receipt.seq), content.decode())


def receipt_name(seq: int) -> str:
    """What the receipt of an event is called in an archive."""
    return f"receipts/{seq}.json"


async def _write_state(writer: _Writer, name: str, document: Any) -> None:
    if not _STATE_NAME.fullmatch(name):
        raise Invalid("A part of the state is named by one lower-case word.", field="state", value=name)
    if isinstance(document, AsyncIterable):
        await writer.stream(f"state/{name}.jsonl", (canonical.document_text(one) async for one in document))
    else:
        writer.put(f"state/{name}.json", canonical.document_text(document))


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A draft beside `path` that takes its place at the end, and is removed on any error."""
    draft = path.with_name(path.name + ".part")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
