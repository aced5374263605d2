"""Receipts without a database: a ledger in memory, its signed head, and the sealed proof of its last event."""

import io
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pikepdf
import pytest

from portal.errors import Invalid
from portal.ledger import canonical, checkpoint, receipts, tree
from portal.ledger.keys import SigningKeys, open_keys
from portal.ledger.models import Audience

PORTAL = "https://portal.example"
PROJECT = UUID("7d9f6c1e-0c6d-4c55-9a0e-0f0c7be6a001")
MONDAY = datetime(2026, 5, 4, 8, 30, tzinfo=UTC)
LOGO = "3f0a377ba0a4a460ecb616f6507ce0d8cfa3e704025d4fda3ed0c5ca05468728"
CONTENT: dict[str, Any] = {
    "title": "Checkout",
    "version": 2,
    "facts": [["Priority", "high"]],
    "files": [{"number": 4, "name": "checkout.png", "size": 48213, "sha256": LOGO, "media_type": "image/png"}],
}
EVIDENCE: dict[str, Any] = {
    "issuer": "https://login.example", "sub": "ada", "name": "Ada Lovelace", "email": "ada@example.com",
    "company": "Acme", "acr": None, "amr": ["pwd", "mfa"], "auth_time": "2026-05-04T08:21:00.000000Z",
    "salt": "00112233445566778899aabbccddeeff",
}  # fmt: skip


def keys_in(folder: Path) -> SigningKeys:
    """Signing keys of a portal at `PORTAL`, made in a folder."""
    return open_keys(folder / "keys", "portal.example")


def event(seq: int, body: dict[str, Any]) -> dict[str, Any]:
    """One event of the project, as a receipt holds it."""
    text = canonical.event_text(
        project_id=PROJECT, seq=seq, at=MONDAY + timedelta(minutes=seq), recorded_at=MONDAY + timedelta(minutes=seq),
        actor="person:9b2f8c2a-1111-4000-8000-000000000001", kind="decision.answered", subject_kind="decision",
        subject_number=7, audience=Audience.CLIENT, body=canonical.body_text(body),
    )  # fmt: skip
    whole: dict[str, Any] = json.loads(text)
    return whole


def answered(content: dict[str, Any] = CONTENT, evidence: dict[str, Any] = EVIDENCE, **more: Any) -> dict[str, Any]:
    """The body of an answer's event."""
    return {
        "of": "design", "number": 3, "version": 2, "title": "Screen: checkout, version 2",
        "content_digest": receipts.document_digest(content), "evidence_digest": receipts.document_digest(evidence),
        "verdict": "approved", "choice": None, "comment": "Fine.", "for": None, "outcome": "approved",
    } | more  # fmt: skip


def leaves_of(events: list[dict[str, Any]]) -> list[bytes]:
    """The digests of events."""
    return [canonical.digest_of(canonical.json_text(one)) for one in events]


def seal(
    keys: SigningKeys,
    events: list[dict[str, Any]] | int = 5,
    content: dict[str, Any] = CONTENT,
    evidence: dict[str, Any] = EVIDENCE,
    portal: str = PORTAL,
    **more: Any,
) -> str:
    """The receipt of the last event: of these, or of as many, the last of which is an answer with `more` in it."""
    if isinstance(events, int):
        events = [event(seq, {"step": seq}) for seq in range(1, events)] + [
            event(events, answered(content, evidence, **more))
        ]
    leaves = leaves_of(events)
    head = checkpoint.sign(PROJECT, len(leaves), tree.root_of(leaves), keys)
    path = tree.inclusion_proof(leaves, len(leaves) - 1)
    return receipts.sealed(keys, portal, "BRIDGE", events[-1], path, head, {"content": content, "evidence": evidence})


def pdf_with(content: bytes, name: str = "receipt.json", **more: bytes) -> bytes:
    """A PDF of somebody else's making with a file attached, and `more` of JSON: `protocol=b"{}"`."""
    made = pikepdf.new()
    made.add_blank_page()
    for attached, raw in {name: content, **{f"{other}.json": raw for other, raw in more.items()}}.items():
        made.attachments[attached] = pikepdf.AttachedFileSpec(made, raw, filename=attached)
    written = io.BytesIO()
    made.save(written)
    return written.getvalue()


def base64url(raw: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def payload_of(token: str) -> dict[str, Any]:
    """What a token says, whoever signed it."""
    part = token.split(".")[1]
    payload: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return payload


def resigned(keys: SigningKeys, payload: Any) -> str:
    """The same form, signed by the portal's own key over whatever is given: a text as it stands, else as JSON."""
    text = (
        payload
        if isinstance(payload, str)
        else json.dumps(payload, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    )
    return keys.sign_token(text.encode())


def refused(token: str, keys: SigningKeys, field: str | set[str] | None = None) -> str:
    """The field that a false receipt is refused for: this one, or one of these, where they are given."""
    with pytest.raises(Invalid) as caught:
        receipts.verify(token, keys.public)
    found = caught.value.field
    assert found is not None
    if field is not None:
        assert found in ({field} if isinstance(field, str) else field), caught.value.message
    assert caught.value.message.endswith(".")
    return found
