"""Receipts: one event with its proof, signed, so that whoever holds it needs neither the portal nor the ledger.

A receipt is a JWS (RFC 7515, alg Ed25519 of RFC 9864) over {receipt, portal, project, event, proof, disclosed}.
`event` is the whole event; `proof` its path to the root of a signed head (RFC 9162, 2.1.3); `disclosed` are documents
whose SHA-256 the event names: a document `content` by `content_digest`. So names need not stand in the ledger itself.
"""

import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from re import compile as pattern
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.errors import Invalid, NotFound, TooLarge
from portal.ledger import canonical, checkpoint, tree
from portal.ledger.commands import NewEvent, append, lock
from portal.ledger.heads import sign_head
from portal.ledger.keys import MOST_TOKEN_CHARACTERS, PublicKey, SigningKeys, token_registry
from portal.ledger.models import Event, Receipt
from portal.ledger.note import from_base64, split_note

ALGORITHM = "Ed25519"
FORM = 1
"""The version of the receipt's form."""
TYPE = "portal-receipt+jws"
_FIELDS = {"receipt", "portal", "project", "event", "proof", "disclosed"}
_EVENT = {"project", "seq", "at", "recorded_at", "actor", "kind", "subject", "audience", "body"}
_COMPACT = pattern(r"[A-Za-z0-9_-]{1,2000}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}")
"""Three parts in base64url (RFC 7515, 7.1); an Ed25519 signature has 64 bytes."""


@dataclass(frozen=True, slots=True)
class Proved:
    """What a receipt says, after everything in it was checked."""

    portal: str
    project_id: UUID
    project_key: str
    event: Mapping[str, Any]
    disclosed: Mapping[str, Any]
    size: int
    root: bytes
    checkpoint: str
    kid: str


async def append_proved(
    db: AsyncSession, keys: SigningKeys, portal: str, event: NewEvent, project_id: UUID, disclosed: Mapping[str, Any]
) -> Receipt:
    """Appends one event, signs the head that ends with it, and keeps its receipt; all in the caller's transaction.

    `portal` is the portal's address. `disclosed` holds a document for each `<name>_digest` (`document_digest`) in the
    event's body, and no other. The last leaf's path is the frontier before it, so nothing of the ledger is read for it.
    """
    ledger = await lock(db, project_id)
    path = list(reversed(tree.split_frontier(ledger.frontier, ledger.version)))
    seq = await append(db, project_id, [event])
    head = await sign_head(db, project_id, keys, event.at)
    row = await db.scalar(select(Event).where(Event.project_id == project_id, Event.seq == seq))
    assert row is not None  # appended just now, in this transaction
    token = sealed(keys, portal, ledger.key, json.loads(_text_of(row)), path, head.checkpoint, disclosed)
    receipt = Receipt(project_id=project_id, seq=seq, token=token, issued_at=event.at, timestamp=None)
    db.add(receipt)
    await db.flush()
    return receipt


def sealed(
    keys: SigningKeys,
    portal: str,
    project_key: str,
    event: Mapping[str, Any],
    path: Sequence[bytes],
    head: str,
    disclosed: Mapping[str, Any],
) -> str:
    """The signed text of a receipt. `path` leads from the event to the root of `head`, a signed note.

    Raises Invalid for documents that are not what the event names, TooLarge for what nobody could verify any more.
    """
    _check_documents(event["body"], disclosed)
    payload = {
        "receipt": FORM,
        "portal": portal,
        "project": {"id": event["project"], "key": project_key},
        "event": dict(event),
        "proof": {"index": event["seq"] - 1, "path": [b64encode(node).decode() for node in path], "head": head},
        "disclosed": dict(disclosed),
    }
    token = keys.sign_token(canonical.json_text(payload).encode())
    if len(token) > MOST_TOKEN_CHARACTERS:
        raise TooLarge("What is decided is too long for a receipt.", field="content", value=len(token))
    return token


async def receipt_of(db: AsyncSession, project_id: UUID, seq: int) -> Receipt:
    """The receipt of an event; whether the viewer may see that event is the caller's question. Raises NotFound."""
    found = await db.scalar(select(Receipt).where(Receipt.project_id == project_id, Receipt.seq == seq))
    if found is None:
        raise NotFound("There is no such receipt.")
    return found


def document_digest(document: Any) -> str:
    """How an event names a document that it does not hold: SHA-256 of its canonical form, hex."""
    return canonical.digest_of(canonical.document_text(document)).hex()


def portal_in(token: str) -> str:
    """The address of the portal that a token of our own names; **not verified**."""
    return str(json.loads(_from_base64url(token.split(".")[1]))["portal"])


def issued_at(proved: Proved) -> datetime:
    """When the event was written."""
    return datetime.fromisoformat(proved.event["recorded_at"])


def verify(token: str, keys: Sequence[PublicKey]) -> Proved:
    """Checks a receipt with public keys alone: signature, head, path, event and each document.

    Raises Invalid, with `field` naming what does not hold (`form`, `header`, `key`, `signature`, `portal`, `project`,
    `head`, `event`, `proof` or `disclosed`), for anything but a whole and true receipt in its one spelling.
    """
    payload, kid = _opened(token, keys)
    event, proof, project = _parts(payload)
    head = _signed_head(proof["head"], keys)
    named = {str(head.project_id), project["id"], event["project"]}
    _require(len(named) == 1, "project", "It speaks of two projects.")
    origin = f"{_host_of(payload['portal'])}/{head.project_id}"
    _require(head.origin == origin, "portal", "The signed head is of another portal than the receipt names.")
    _require(event["seq"] == proof["index"] + 1, "event", "The event's number is not its place in the tree.")
    path, leaf = _nodes(proof["path"]), canonical.digest_of(canonical.json_text(event))
    is_included = tree.verify_inclusion(leaf, proof["index"], head.size, path, head.root)
    _require(is_included, "proof", "The event does not stand in the ledger whose head was signed.")
    _check_documents(event["body"], payload["disclosed"])
    return Proved(
        portal=payload["portal"], project_id=head.project_id, project_key=project["key"], event=event,
        disclosed=payload["disclosed"], size=head.size, root=head.root, checkpoint=proof["head"], kid=kid,
    )  # fmt: skip


def _opened(token: str, keys: Sequence[PublicKey]) -> tuple[dict[str, Any], str]:
    """The payload, whose signature holds, and the id of the key that made it."""
    if len(token) > MOST_TOKEN_CHARACTERS:
        raise Invalid("This is too long to be a receipt.", field="form")
    _require(_COMPACT.fullmatch(token) is not None, "form", "This is no receipt, or a part of it is missing.")
    kid = _key_id(token)
    known = next((key for key in keys if key.kid == kid), None)
    _require(known is not None, "key", "It was not signed by a key of this portal.")
    assert known is not None  # required just now
    try:
        opened = jws.deserialize_compact(token, OKPKey.import_key(dict(known.jwk())), registry=token_registry())
    except (JoseError, ValueError, TypeError):
        raise Invalid("The signature is false: something was changed after it was signed.", field="signature") from None
    return _read_payload(opened.payload), kid


def _key_id(token: str) -> str:
    """The key that the header names; the header must be the one that we write, and the signature in its one spelling.

    Base64 leaves the last bits of a text open: without this a receipt could be changed by a letter and still hold.
    """
    try:
        header = json.loads(_from_base64url(token.partition(".")[0]))
        _from_base64url(token.rpartition(".")[2])
    except (ValueError, RecursionError):
        raise Invalid("This is no receipt, or it was damaged.", field="form") from None
    is_ours = isinstance(header, dict) and header == {"alg": ALGORITHM, "kid": header.get("kid"), "typ": TYPE}
    _require(is_ours and isinstance(header["kid"], str), "header", "It is not signed in the way receipts are.")
    return str(header["kid"])


def _from_base64url(text: str) -> bytes:
    raw = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise ValueError("not the one spelling of these bytes")
    return raw


def _read_payload(raw: bytes) -> dict[str, Any]:
    try:
        text = raw.decode()
        payload = json.loads(text)
        is_canonical = canonical.is_canonical(payload, text)
    except (ValueError, RecursionError):
        is_canonical = False
    _require(is_canonical and isinstance(payload, dict), "form", "What was signed is not in the form of a receipt.")
    is_known = set(payload) == _FIELDS and type(payload["receipt"]) is int and payload["receipt"] == FORM
    _require(is_known, "form", "This is not a receipt of a known form.")
    return payload  # type: ignore[no-any-return]  # required to be a dict with text keys, as all of JSON


def _parts(payload: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Event, proof and project, with the members and types that they must have."""
    event, proof, project = payload["event"], payload["proof"], payload["project"]
    _require(_has(event, _EVENT, seq=int, project=str, body=dict, subject=dict, actor=str), "event", "It has no event.")
    _require(_is_moment(event["recorded_at"]) and _is_moment(event["at"]), "event", "The event has no time.")
    _require(_has(proof, {"index", "path", "head"}, index=int, path=list, head=str), "proof", "It has no proof.")
    _require(_has(project, {"id", "key"}, id=str, key=str), "project", "It names no project.")
    return event, proof, project


def _has(value: Any, members: set[str], **types: type) -> bool:
    is_whole = isinstance(value, dict) and set(value) == members
    return is_whole and all(type(value[name]) is kind for name, kind in types.items())


def _is_moment(text: Any) -> bool:
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _signed_head(note: str, keys: Sequence[PublicKey]) -> checkpoint.Checkpoint:
    try:
        head = checkpoint.verify(note, keys)
    except Invalid as error:
        raise Invalid(f"The signed head does not hold: {error.message}", field="head") from None
    _require(len(split_note(note)[1]) == 1, "head", "The head of a receipt has one signature.")
    return head


def _host_of(portal: Any) -> str | None:
    try:
        return urlsplit(portal).netloc if isinstance(portal, str) else None
    except ValueError:
        return None


def _nodes(path: list[Any]) -> list[bytes]:
    try:
        return [from_base64(node) for node in path[: tree.MAX_PROOF + 1]]
    except (Invalid, TypeError):
        raise Invalid("A step of the proof is damaged.", field="proof") from None


def _check_documents(body: Mapping[str, Any], disclosed: Any) -> None:
    named = {name.removesuffix("_digest") for name in body if name.endswith("_digest")}
    is_whole = isinstance(disclosed, dict) and set(disclosed) == named
    _require(is_whole, "disclosed", "It must hold the documents that the event names by digest, and no others.")
    for name, document in disclosed.items():
        try:
            holds = body.get(f"{name}_digest") == document_digest(document)
        except Invalid:
            holds = False
        _require(holds, "disclosed", f"The document {name[:40]!r} is not the one that the event names.")


def _require(holds: bool, field: str, message: str) -> None:
    if not holds:
        raise Invalid(message, field=field)


def _text_of(row: Event) -> str:
    fields = ("project_id", "seq", "at", "recorded_at", "actor", "kind", "subject_kind", "subject_number", "audience",
              "body")  # fmt: skip
    return canonical.event_text(**{field: getattr(row, field) for field in fields})
