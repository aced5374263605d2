"""The form of a receipt's token, read strictly: one header, one signature, one spelling, known members and types."""

import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from re import compile as pattern
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from portal.errors import Invalid
from portal.ledger import canonical
from portal.ledger.keys import MOST_TOKEN_CHARACTERS, PublicKey, token_registry

ALGORITHM = "Ed25519"
FORM = 1
"""The version of the receipt's form."""
TYPE = "portal-receipt+jws"
_FIELDS = {"receipt", "portal", "project", "event", "proof", "disclosed"}
_EVENT = {"project", "seq", "at", "recorded_at", "actor", "kind", "subject", "audience", "body"}
_COMPACT = pattern(r"[A-Za-z0-9_-]{1,2000}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}")
"""Three parts in base64url (RFC 7515, 7.1); an Ed25519 signature has 64 bytes."""


def opened(token: str, keys: Sequence[PublicKey]) -> tuple[dict[str, Any], str]:
    """The payload of a token, whose signature holds, and the id of the key that made it. Raises Invalid."""
    if len(token) > MOST_TOKEN_CHARACTERS:
        raise Invalid("This is too long to be a receipt.", field="form")
    require(_COMPACT.fullmatch(token) is not None, "form", "This is no receipt, or a part of it is missing.")
    kid = _key_id(token)
    known = next((key for key in keys if key.kid == kid), None)
    require(known is not None, "key", "It was not signed by a key of this portal.")
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
        header = json.loads(from_base64url(token.partition(".")[0]))
        from_base64url(token.rpartition(".")[2])
    except (ValueError, RecursionError):
        raise Invalid("This is no receipt, or it was damaged.", field="form") from None
    is_ours = isinstance(header, dict) and header == {"alg": ALGORITHM, "kid": header.get("kid"), "typ": TYPE}
    require(is_ours and isinstance(header["kid"], str), "header", "It is not signed in the way receipts are.")
    return str(header["kid"])


def from_base64url(text: str) -> bytes:
    """The bytes of base64url without padding, in its one spelling. Raises ValueError."""
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
    require(is_canonical and isinstance(payload, dict), "form", "What was signed is not in the form of a receipt.")
    is_known = set(payload) == _FIELDS and type(payload["receipt"]) is int and payload["receipt"] == FORM
    require(is_known, "form", "This is not a receipt of a known form.")
    return payload  # type: ignore[no-any-return]  # required to be a dict with text keys, as all of JSON


def parts(payload: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Event, proof and project, with the members and types that they must have."""
    event, proof, project = payload["event"], payload["proof"], payload["project"]
    texts = dict.fromkeys(("project", "actor", "kind", "audience"), str)
    require(_has(event, _EVENT, seq=int, body=dict, subject=dict, **texts), "event", "It has no event.")
    require(_is_moment(event["recorded_at"]) and _is_moment(event["at"]), "event", "The event has no time.")
    require(_has(proof, {"index", "path", "head"}, index=int, path=list, head=str), "proof", "It has no proof.")
    require(_has(project, {"id", "key"}, id=str, key=str), "project", "It names no project.")
    return event, proof, project


def _has(value: Any, members: set[str], **types: type) -> bool:
    is_whole = isinstance(value, dict) and set(value) == members
    return is_whole and all(type(value[name]) is kind for name, kind in types.items())


def _is_moment(text: Any) -> bool:
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def require(holds: bool, field: str, message: str) -> None:
    """Raises Invalid, naming the field, unless it holds."""
    if not holds:
        raise Invalid(message, field=field)
