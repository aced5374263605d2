"""A receipt as a file: receipt.json, alone or attached to a PDF. Reading is strict: anybody may have made it.

receipt.json is {"receipt": the token, "keys_url": where the portal publishes its keys, "timestamp": an RFC 3161 token
in base64, where there is one}.
"""

import hashlib
import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from portal.documents import attachment
from portal.errors import Invalid, TooLarge
from portal.ledger import canonical
from portal.ledger.models import Receipt
from portal.ledger.note import from_base64
from portal.ledger.receipts import Proved

NAME = "receipt.json"
PROTOCOL = "protocol.json"
"""What an acceptance is about, whole: attached to the PDF of a protocol, of which the receipt has the digest."""
MOST_BYTES = attachment.MOST_BYTES
MOST_TIMESTAMP_CHARACTERS = 200_000
_MEMBERS = {"receipt", "keys_url", "timestamp"}
UNREADABLE = "This is no receipt: neither a receipt.json nor a PDF that has one attached."


@dataclass(frozen=True, slots=True)
class ReceiptFile:
    """What is in a receipt's file; nothing of it is verified."""

    token: str
    timestamp: bytes | None
    keys_url: str


def receipt_json(receipt: Receipt, portal: str) -> bytes:
    """The file of a receipt; `portal` is the portal's address. The same receipt gives the same bytes."""
    document = {"receipt": receipt.token, "keys_url": f"{portal}/.well-known/portal-keys.json"}
    if receipt.timestamp is not None:
        document["timestamp"] = b64encode(receipt.timestamp).decode()
    return canonical.document_text(document).encode()


def read_receipt(raw: bytes) -> ReceiptFile:
    """Reads receipt.json, a PDF with one attached, or the bare token; which it is, the content says.

    Raises Invalid (field `file`) for everything else, TooLarge over 5 MB. A PDF is read by a process of its own: call
    it beside the loop.
    """
    if len(raw) > MOST_BYTES:
        raise TooLarge("A receipt has at most 5 MB.", field="file")
    if raw.startswith(attachment.MARK):
        attached = attachment.attached(raw, NAME)
        if attached is None:
            raise Invalid("No receipt is attached to this PDF, or it is damaged.", field="file")
        return read_json(attached)
    if raw.startswith(b"eyJ"):
        return ReceiptFile(_text(raw).strip(), None, "")
    return read_json(raw)


def read_json(raw: bytes) -> ReceiptFile:
    """Reads receipt.json. Raises Invalid (field `file` or `timestamp`)."""
    try:
        document = json.loads(_text(raw), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise Invalid(UNREADABLE, field="file") from None
    if not isinstance(document, dict) or not {"receipt"} <= set(document) <= _MEMBERS:
        raise Invalid(UNREADABLE, field="file")
    if not all(isinstance(value, str) for value in document.values()):
        raise Invalid(UNREADABLE, field="file")
    return ReceiptFile(document["receipt"], _timestamp(document.get("timestamp")), document.get("keys_url", ""))


def has_signed_protocol(raw: bytes, proved: Proved) -> bool | None:
    """Whether the protocol that is attached to a PDF is the one that was signed; None where none is attached, or where
    nothing was signed but what the receipt itself says. Takes the PDF apart like `read_receipt`.
    """
    content = proved.disclosed.get("content")
    digest = content.get("protocol_sha256") if isinstance(content, dict) else None
    if digest is None or not raw.startswith(attachment.MARK):
        return None
    attached = attachment.attached(raw, PROTOCOL)
    return None if attached is None else hashlib.sha256(attached).hexdigest() == digest


def _timestamp(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        return from_base64(text[: MOST_TIMESTAMP_CHARACTERS + 1])
    except Invalid:
        raise Invalid("The time stamp in this receipt is damaged.", field="timestamp") from None


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid(UNREADABLE, field="file") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key is given twice")
    return dict(pairs)
