"""Receipts: one event with its proof, signed, so that whoever holds it needs neither the portal nor the ledger.

A receipt is a JWS (RFC 7515, alg Ed25519 of RFC 9864) over {receipt, portal, project, event, proof, disclosed}.
`event` is the whole event; `proof` its path to the root of a signed head (RFC 9162, 2.1.3); `disclosed` are documents
whose SHA-256 the event names: a document `content` by `content_digest`. So names need not stand in the ledger itself.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.errors import Invalid, NotFound
from portal.ledger import canonical, checkpoint, tree
from portal.ledger.commands import NewEvent, append, lock
from portal.ledger.heads import sign_head
from portal.ledger.keys import PublicKey, SigningKeys
from portal.ledger.models import Event, Receipt

ALGORITHM = "Ed25519"
FORM = 1
"""The version of the receipt's form."""
MOST_TOKEN_CHARACTERS = 4_000_000
_FIELDS = {"receipt", "portal", "project", "event", "proof", "disclosed"}


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

    `portal` is the portal's address. For each document in `disclosed` the event's body must have a `<name>_digest`
    (`document_digest`). The last leaf's path is the frontier before it, so nothing of the ledger is read for it.
    """
    ledger = await lock(db, project_id)
    path = list(reversed(tree.split_frontier(ledger.frontier, ledger.version)))
    seq = await append(db, project_id, [event])
    head = await sign_head(db, project_id, keys, event.at)
    row = await db.scalar(select(Event).where(Event.project_id == project_id, Event.seq == seq))
    assert row is not None  # appended just now, in this transaction
    payload = {
        "receipt": FORM,
        "portal": portal,
        "project": {"id": str(project_id), "key": ledger.key},
        "event": json.loads(_text_of(row)),
        "proof": {
            "index": seq - 1,
            "path": [b64encode(node).decode() for node in path],
            "head": head.checkpoint,
        },
        "disclosed": dict(disclosed),
    }
    token = keys.sign_token(canonical.document_text(payload).encode())
    receipt = Receipt(project_id=project_id, seq=seq, token=token, issued_at=event.at, timestamp=None)
    db.add(receipt)
    await db.flush()
    return receipt


async def receipt_of(db: AsyncSession, project_id: UUID, seq: int) -> Receipt:
    """The receipt of an event; whether the viewer may see that event is the caller's question. Raises NotFound."""
    found = await db.scalar(select(Receipt).where(Receipt.project_id == project_id, Receipt.seq == seq))
    if found is None:
        raise NotFound("There is no such receipt.")
    return found


def document_digest(document: Any) -> str:
    """How an event names a document that it does not hold: SHA-256 of its canonical form, hex."""
    return canonical.digest_of(canonical.document_text(document)).hex()


def issued_at(proved: Proved) -> datetime:
    """When the event was written."""
    return datetime.fromisoformat(proved.event["recorded_at"])


def verify(token: str, keys: Sequence[PublicKey]) -> Proved:
    """Checks a receipt with public keys alone: signature, head, path, event and each document.

    Raises Invalid, with `field` naming what does not hold, for anything but a whole and true receipt.
    """
    payload, kid = _opened(token, keys)
    _require(set(payload) == _FIELDS and payload["receipt"] == FORM, "form", "This is not a receipt of a known form.")
    event, proof, project = payload["event"], payload["proof"], payload["project"]
    try:
        leaf = canonical.digest_of(canonical.json_text(event))
        path = [b64decode(node, validate=True) for node in proof["path"]]
        head = checkpoint.verify(proof["head"], keys)
        index = int(proof["index"])
        _require(head.project_id == UUID(project["id"]) == UUID(event["project"]), "project", "It names two projects.")
        _require(event["seq"] == index + 1, "event", "The event's number is not its place in the tree.")
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Invalid("The receipt is damaged.", field="form") from None
    is_included = tree.verify_inclusion(leaf, index, head.size, path, head.root)
    _require(is_included, "proof", "The event does not stand in the ledger whose head was signed.")
    _check_documents(event, payload["disclosed"])
    return Proved(
        portal=str(payload["portal"]), project_id=head.project_id, project_key=str(project["key"]), event=event,
        disclosed=payload["disclosed"], size=head.size, root=head.root, checkpoint=proof["head"], kid=kid,
    )  # fmt: skip


def _opened(token: str, keys: Sequence[PublicKey]) -> tuple[dict[str, Any], str]:
    if len(token) > MOST_TOKEN_CHARACTERS:
        raise Invalid("This is too long to be a receipt.", field="form")
    registry = jws.JWSRegistry(algorithms=[ALGORITHM])
    try:
        kid = str(jws.extract_compact(token.encode("ascii")).headers().get("kid"))
        known = {key.kid: key for key in keys}
        _require(kid in known, "key", "It was not signed by a key of this portal.")
        opened = jws.deserialize_compact(token, OKPKey.import_key(dict(known[kid].jwk())), registry=registry)
        payload = json.loads(opened.payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise Invalid("The signature is false, or this is no receipt.", field="signature") from None
    _require(isinstance(payload, dict), "form", "This is not a receipt of a known form.")
    return payload, kid


def _check_documents(event: Mapping[str, Any], disclosed: Any) -> None:
    _require(isinstance(disclosed, dict), "disclosed", "The receipt is damaged.")
    for name, document in disclosed.items():
        named = event.get("body", {}).get(f"{name}_digest")
        _require(named == document_digest(document), "disclosed", f"The {name} is not what the event names.")


def _require(holds: bool, field: str, message: str) -> None:
    if not holds:
        raise Invalid(message, field=field)


def _text_of(row: Event) -> str:
    fields = (
        "project_id",
        "seq",
        "at",
        "recorded_at",
        "actor",
        "kind",
        "subject_kind",
        "subject_number",
        "audience",
        "body",
    )
    return canonical.event_text(**{field: getattr(row, field) for field in fields})
