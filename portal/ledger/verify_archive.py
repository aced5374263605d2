"""Checking an archive offline: everything in it against its signed head, and that against an older one."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from re import compile as pattern
from typing import Any

from portal.errors import Invalid, PortalError
from portal.ledger import canonical, checkpoint, receipt_files, receipts
from portal.ledger.archive import AUDIENCES, FORMAT, Edition, manifest_text, receipt_name
from portal.ledger.archive_reader import MAX_MANIFEST_BYTES, ArchiveReader, head_in, open_archive
from portal.ledger.checkpoint import Checkpoint
from portal.ledger.faults import Fault, Report, Verified, Why
from portal.ledger.keys import PublicKey, read_jwks
from portal.ledger.note import open_note
from portal.ledger.walk import Broken, KnownHead, Walk

MAX_HEADS = 200_000

_HEX = pattern("[0-9a-f]{64}")
_MEMBERS = {"project", "seq", "at", "recorded_at", "actor", "kind", "subject", "audience", "body"}
_PREFIX = len('{"digest":"') + 64 + len('","event":')


@dataclass(frozen=True, slots=True)
class _Manifest:
    """What an archive says of itself, checked."""

    project: str
    key: str
    audiences: frozenset[str]
    size: int
    root: bytes
    files: dict[str, tuple[int, str]]


def verify_archive(path: Path, older: Path | None = None, trusted: Sequence[PublicKey] | None = None) -> Report:
    """Whether an archive is whole and rightly signed; and, with an older head or archive, that history only grew.

    `trusted` are keys known from elsewhere (the portal's published key set); without them the archive's own are used,
    which proves that it is whole but not whose it is: the report notes it. Never raises for what is in the files, only
    OSError for a file that cannot be opened.
    """
    notes = [] if trusted else ["The keys come from the archive itself: compare them with the portal's published ones."]
    name = path.name
    try:
        with open_archive(path) as reader:
            manifest, keys = _signed_manifest(reader, trusted)
            name = manifest.key
            proved = list(_receipts_within(reader, manifest, keys))
            known = [*_heads_within(reader, manifest, keys), *(_older_heads(older, manifest, keys) if older else ())]
            verified = _walk(reader, manifest, [*known, *proved], len(proved))
            _compare_files(reader, manifest)
    except Broken as broken:
        return Report((), [broken.fault(name)], notes)
    except PortalError as error:
        return Report((), [Fault(name, None, Why.DAMAGED, error.message)], notes)
    return Report([verified], (), notes)


def _signed_manifest(
    reader: ArchiveReader, trusted: Sequence[PublicKey] | None
) -> tuple[_Manifest, Sequence[PublicKey]]:
    keys = trusted or read_jwks(_json(reader.text("keys.json"), "keys.json"))
    text = reader.text("manifest.json", MAX_MANIFEST_BYTES)
    manifest = _read_manifest(_json(text, "manifest.json"))
    head = _head(reader.text("head.note"), keys, "head.note")
    note = reader.text("manifest.note")
    try:
        signed = open_note(note, head.origin, keys)
    except Invalid as error:
        raise Broken(None, Why.SIGNATURE, f"manifest.note: {error.message}") from error
    if signed != manifest_text(text):
        raise Broken(None, Why.SIGNATURE, "manifest.json is not what was signed")
    if (str(head.project_id), head.size, head.root) != (manifest.project, manifest.size, manifest.root):
        raise Broken(None, Why.SIGNATURE, "head.note is the head of another project or moment")
    return manifest, keys


def _read_manifest(document: Any) -> _Manifest:
    try:
        edition = Edition(document["edition"])
        manifest = _Manifest(
            project=str(document["project"]["id"]),
            key=str(document["project"]["key"])[:100],
            audiences=frozenset(document["audiences"]),
            size=int(document["size"]),
            root=bytes.fromhex(document["root"]),
            files={str(name): (int(one["bytes"]), str(one["sha256"])) for name, one in document["files"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Invalid("manifest.json is not the manifest of an archive.", field="manifest.json") from error
    if document.get("format") != FORMAT or manifest.audiences != frozenset(AUDIENCES[edition]):
        raise Invalid(f"manifest.json is not in the form {FORMAT}.", field="manifest.json")
    return manifest


def _head(note: str, keys: Sequence[PublicKey], source: str) -> Checkpoint:
    try:
        return checkpoint.verify(note, keys)
    except Invalid as error:
        raise Broken(None, Why.SIGNATURE, f"{source}: {error.message}") from error


def _heads_within(reader: ArchiveReader, manifest: _Manifest, keys: Sequence[PublicKey]) -> Iterator[KnownHead]:
    yield KnownHead(manifest.size, manifest.root, "the archive's signed head")
    for count, line in enumerate(reader.lines("heads.jsonl")):
        if count >= MAX_HEADS:
            raise Invalid("heads.jsonl has more heads than any project.", field="heads.jsonl")
        document = _json(line, "heads.jsonl")
        note = document.get("checkpoint") if isinstance(document, dict) else None
        head = _head(note if isinstance(note, str) else "", keys, f"heads.jsonl, line {count + 1}")
        yield _known(head, manifest, f"the signed head of size {head.size}")


def _receipts_within(reader: ArchiveReader, manifest: _Manifest, keys: Sequence[PublicKey]) -> Iterator[KnownHead]:
    """The head of each receipt; that the archive's events lead to it shows that the receipt is one of theirs."""
    for name in reader.names:
        if not name.startswith("receipts/"):
            continue
        try:
            file = receipt_files.read_json(reader.text(name, receipt_files.MOST_BYTES).encode())
            proved = receipts.verify(file.token, keys)
        except Invalid as error:
            raise Broken(None, Why.SIGNATURE, f"{name}: {error.message}") from error
        seq = proved.event["seq"]
        is_here = str(proved.project_id) == manifest.project and proved.event["audience"] in manifest.audiences
        if not is_here or name != receipt_name(seq):
            raise Broken(seq, Why.CHANGED, f"{name} is the receipt of another project, edition or event")
        yield KnownHead(proved.size, proved.root, f"the head in {name}")


def _older_heads(older: Path, manifest: _Manifest, keys: Sequence[PublicKey]) -> Iterator[KnownHead]:
    head = _head(head_in(older), keys, f"the older head in {older.name}")
    yield _known(head, manifest, f"the older head in {older.name}")


def _known(head: Checkpoint, manifest: _Manifest, source: str) -> KnownHead:
    if str(head.project_id) != manifest.project:
        raise Broken(None, Why.SIGNATURE, f"{source} is of another project")
    return KnownHead(head.size, head.root, source)


def _walk(reader: ArchiveReader, manifest: _Manifest, known: list[KnownHead], receipts_found: int) -> Verified:
    walk = Walk(known)
    lines = reader.lines("events.jsonl")
    for line in lines:
        expected = walk.size + 1
        digest, seq, shown = _event(line, manifest, expected)
        if seq != expected:
            raise _out_of_order(lines, manifest, expected, seq)
        if shown is not None and sha256(shown).digest() != digest:
            raise Broken(seq, Why.CHANGED, "its content is not what was digested")
        walk.take(digest)
    walk.finish()
    if walk.size > manifest.size:
        raise Broken(
            manifest.size + 1, Why.COUNTER, f"the signed head covers {manifest.size} events, here are {walk.size}"
        )
    return Verified(manifest.key, walk.size, walk.root, len(known) - receipts_found, receipts_found)


def _event(line: bytes, manifest: _Manifest, expected: int) -> tuple[bytes, int, bytes | None]:
    """A line's digest, its seq, and the bytes of its event (None for one that is outside the edition)."""
    document = _json(line, f"events.jsonl, line {expected}")
    digest = document.get("digest") if isinstance(document, dict) else None
    if not isinstance(digest, str) or not _HEX.fullmatch(digest) or not _is_canonical(document, line):
        raise Broken(expected, Why.CHANGED, "its line is not in the form in which events are written")
    event = document.get("event")
    if event is None and set(document) == {"digest", "seq"} and type(document["seq"]) is int:
        return bytes.fromhex(digest), document["seq"], None
    if set(document) != {"digest", "event"} or not isinstance(event, dict) or set(event) != _MEMBERS:
        raise Broken(expected, Why.CHANGED, "its line is not in the form in which events are written")
    if type(event["seq"]) is not int or not isinstance(event["audience"], str):
        raise Broken(expected, Why.CHANGED, "its line is not in the form in which events are written")
    if event["project"] != manifest.project or event["audience"] not in manifest.audiences:
        raise Broken(expected, Why.CHANGED, "it belongs to another project or edition")
    return bytes.fromhex(digest), event["seq"], line[_PREFIX:-1]


def _is_canonical(document: Any, line: bytes) -> bool:
    try:
        return canonical.is_canonical(document, line.decode())
    except ValueError:
        return False


def _out_of_order(lines: Iterator[bytes], manifest: _Manifest, expected: int, found: int) -> Broken:
    for line in lines:
        try:
            _digest, seq, _shown = _event(line, manifest, expected)
        except Broken:
            break
        if seq == expected:
            return Broken(expected, Why.SWAPPED, f"event {found} stands in its place")
    return Broken(expected, Why.MISSING, f"the next event that is there is {found}")


def _compare_files(reader: ArchiveReader, manifest: _Manifest) -> None:
    signed = manifest.files.keys() | {"manifest.json", "manifest.note"}
    if set(reader.names) != signed:
        name = min(set(reader.names) ^ signed)
        raise Invalid(
            f"{name} is " + ("missing." if name in signed else "not in the signed manifest."), field="archive"
        )
    for name, digest in manifest.files.items():
        if name not in reader.digests:
            reader.consume(name)
        if reader.digests[name] != digest:
            raise Broken(None, Why.CHANGED, f"{name} is not the file that was signed")


def _json(text: str | bytes, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{name} is not JSON: {error}", field=name) from error
