"""Receipts: one event with its proof, signed, so that whoever holds it needs neither the portal nor the ledger.

A receipt is a JWS (RFC 7515, alg Ed25519 of RFC 9864) over {receipt, portal, project, event, proof, disclosed}.
`event` is the whole event; `proof` its path to the root of a signed head (RFC 9162, 2.1.3); `disclosed` are documents
whose SHA-256 the event names: a document `content` by `content_digest`. So names need not stand in the ledger itself.
"""

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.errors import Invalid, NotFound, TooLarge
from portal.ledger import canonical, checkpoint, tree
from portal.ledger.commands import NewEvent, append, lock
from portal.ledger.heads import sign_head
from portal.ledger.keys import MOST_TOKEN_CHARACTERS, PublicKey, SigningKeys
from portal.ledger.models import Audience, Event, Receipt
from portal.ledger.note import from_base64, split_note
from portal.ledger.receipt_form import FORM, from_base64url, opened, parts, require

AT_ONCE = 20
"""Receipts that are read at once."""


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


async def of_project(
    db: AsyncSession, project_id: UUID, audiences: Sequence[Audience] = tuple(Audience)
) -> AsyncIterator[Receipt]:
    """A project's receipts whose events these audiences may see, in their order; a few are in memory at once."""
    statement = (
        select(Receipt)
        .join(Event, and_(Event.project_id == Receipt.project_id, Event.seq == Receipt.seq))
        .where(Receipt.project_id == project_id, Event.audience.in_(audiences))
        .order_by(Receipt.seq)
        .limit(AT_ONCE)
    )
    last = 0
    while found := (await db.scalars(statement.where(Receipt.seq > last))).all():
        for receipt in found:
            last = receipt.seq
            yield receipt
            db.expunge(receipt)


def document_digest(document: Any) -> str:
    """How an event names a document that it does not hold: SHA-256 of its canonical form, hex."""
    return canonical.digest_of(canonical.document_text(document)).hex()


def portal_in(token: str) -> str:
    """The address of the portal that a token of our own names; **not verified**."""
    return str(json.loads(from_base64url(token.split(".")[1]))["portal"])


def issued_at(proved: Proved) -> datetime:
    """When the event was written."""
    return datetime.fromisoformat(proved.event["recorded_at"])


def verify(token: str, keys: Sequence[PublicKey]) -> Proved:
    """Checks a receipt with public keys alone: signature, head, path, event and each document.

    Raises Invalid, with `field` naming what does not hold (`form`, `header`, `key`, `signature`, `portal`, `project`,
    `head`, `event`, `proof` or `disclosed`), for anything but a whole and true receipt in its one spelling.
    """
    payload, kid = opened(token, keys)
    event, proof, project = parts(payload)
    head = _signed_head(proof["head"], keys)
    named = {str(head.project_id), project["id"], event["project"]}
    require(len(named) == 1, "project", "It speaks of two projects.")
    origin = f"{_host_of(payload['portal'])}/{head.project_id}"
    require(head.origin == origin, "portal", "The signed head is of another portal than the receipt names.")
    require(event["seq"] == proof["index"] + 1, "event", "The event's number is not its place in the tree.")
    path, leaf = _nodes(proof["path"]), canonical.digest_of(canonical.json_text(event))
    is_included = tree.verify_inclusion(leaf, proof["index"], head.size, path, head.root)
    require(is_included, "proof", "The event does not stand in the ledger whose head was signed.")
    _check_documents(event["body"], payload["disclosed"])
    return Proved(
        portal=payload["portal"], project_id=head.project_id, project_key=project["key"], event=event,
        disclosed=payload["disclosed"], size=head.size, root=head.root, checkpoint=proof["head"], kid=kid,
    )  # fmt: skip


def _signed_head(note: str, keys: Sequence[PublicKey]) -> checkpoint.Checkpoint:
    try:
        head = checkpoint.verify(note, keys)
    except Invalid as error:
        raise Invalid(f"The signed head does not hold: {error.message}", field="head") from None
    require(len(split_note(note)[1]) == 1, "head", "The head of a receipt has one signature.")
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
    require(is_whole, "disclosed", "It must hold the documents that the event names by digest, and no others.")
    for name, document in disclosed.items():
        try:
            holds = body.get(f"{name}_digest") == document_digest(document)
        except Invalid:
            holds = False
        require(holds, "disclosed", f"The document {name[:40]!r} is not the one that the event names.")


def _text_of(row: Event) -> str:
    fields = ("project_id", "seq", "at", "recorded_at", "actor", "kind", "subject_kind", "subject_number", "audience",
              "body")  # fmt: skip
    return canonical.event_text(**{field: getattr(row, field) for field in fields})
