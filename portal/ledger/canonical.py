"""The one spelling of an event (RFC 8785) and its digest.

An event's canonical form is the object {project, seq, at, recorded_at, actor, kind, subject: {kind, number}, audience,
body}. It is put together here by hand, several times faster than by the library; a property test holds both equal.
"""

import json
import re
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Any
from uuid import UUID

import rfc8785

from portal.clock import rfc3339
from portal.errors import Invalid, TooLarge
from portal.ledger.models import Audience

MAX_BODY_CHARACTERS = 1_000_000
MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1
"""The greatest integer that every JSON reader keeps exactly (RFC 7493)."""

_BEYOND_BMP = re.compile("[\U00010000-\U0010ffff]")
_NUL = "\\u0000"
"""How JSON spells NUL; also matches an escaped backslash before "u0000", so a second look decides."""
_spell_time = lru_cache(maxsize=4096)(rfc3339)
_spell_id = lru_cache(maxsize=4096)(str)
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, check_circular=False)


def body_text(body: dict[str, Any]) -> str:
    """The canonical JSON of an event's body.

    Only objects with text keys, lists, text, integers up to 2**53 - 1, booleans and null: decimals are written as text
    by the caller. Raises Invalid, naming the place, for anything else, NUL characters and lone surrogates; TooLarge
    over a million characters.
    """
    if not isinstance(body, dict):
        raise Invalid("An event's body must be a JSON object.", field="body", value=type(body).__name__)
    text = document_text(body)
    if len(text) > MAX_BODY_CHARACTERS:
        raise TooLarge(f"An event's body may have {MAX_BODY_CHARACTERS:,} characters.", field="body", value=len(text))
    return text


def document_text(document: Any) -> str:
    """The canonical form of any JSON document of the kinds that `body_text` allows. Raises Invalid as it does."""
    if not _is_plain(document, MAX_DEPTH):
        _check(document, ())
    text = json_text(document)
    if _NUL in text or not _is_utf8(text):
        _check(document, ())
    return text


def json_text(document: Any) -> str:
    """A checked JSON document in canonical form."""
    text = _encoder.encode(document)
    # RFC 8785 sorts keys by UTF-16 units, Python by code points: they differ only beyond the basic plane.
    return rfc8785.dumps(document).decode() if _BEYOND_BMP.search(text) else text


def is_canonical(document: Any, text: str) -> bool:
    """Whether `text`, which was parsed into `document`, is its canonical form and of the kinds that we write.

    Two levels deeper than a body may be: an archive's line holds an event, which holds the body.
    """
    return _is_plain(document, MAX_DEPTH + 2) and json_text(document) == text


def check_text(value: str, field: str) -> None:
    """Raises Invalid for text that PostgreSQL or UTF-8 cannot hold: NUL characters and lone surrogates."""
    if "\x00" in value:
        raise Invalid("A NUL character cannot be kept.", field=field, value=ascii(value[:80]))
    if not _is_utf8(value):
        raise Invalid("Half of a surrogate pair is no character.", field=field, value=ascii(value[:80]))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_plain(value: Any, levels: int) -> bool:
    """The quick half of `_check`: whether all types are plain JSON; it neither names a fault nor reads the text."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return abs(value) <= MAX_INTEGER  # type: ignore[no-any-return]  # known to be an int, which mypy cannot see
    if kind is dict:
        return levels > 0 and all(type(key) is str and _is_plain(one, levels - 1) for key, one in value.items())
    return kind is list and levels > 0 and all(_is_plain(one, levels - 1) for one in value)


def _check(value: Any, path: tuple[str | int, ...]) -> None:
    match value:
        case None | bool():
            return
        case str():
            check_text(value, _named(path))
        case int():
            if not -MAX_INTEGER <= value <= MAX_INTEGER:
                shown = f"{value.bit_length()} bits"
                raise Invalid("An integer beyond 2^53 - 1 must be written as text.", field=_named(path), value=shown)
        case dict() | list() | tuple():
            _check_members(value, path)
        case float() | Decimal():
            raise Invalid("A number with a fraction must be written as text.", field=_named(path), value=str(value))
        case _:
            raise Invalid("This is not JSON.", field=_named(path), value=type(value).__name__)


def _check_members(value: dict[Any, Any] | list[Any] | tuple[Any, ...], path: tuple[str | int, ...]) -> None:
    if len(path) >= MAX_DEPTH:
        raise Invalid(f"Nested deeper than {MAX_DEPTH} levels.", field=_named(path[:3]), value=None)
    if not isinstance(value, dict):
        for index, member in enumerate(value):
            _check(member, (*path, index))
        return
    for key, member in value.items():
        if not isinstance(key, str):
            raise Invalid("A key must be text.", field=_named(path), value=repr(key)[:80])
        check_text(key, _named(path))
        _check(member, (*path, key))


def _named(path: tuple[str | int, ...]) -> str:
    return "body" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def event_text(
    *,
    project_id: UUID,
    seq: int,
    at: datetime,
    recorded_at: datetime,
    actor: str,
    kind: str,
    subject_kind: str,
    subject_number: int | None,
    audience: Audience,
    body: str,
) -> str:
    """The canonical form of an event whose `body` is canonical already."""
    quote = encode_basestring
    number = "null" if subject_number is None else subject_number
    return (
        f'{{"actor":{quote(actor)},"at":"{_spell_time(at)}","audience":"{audience}","body":{body},"kind":{quote(kind)},'
        f'"project":"{_spell_id(project_id)}","recorded_at":"{_spell_time(recorded_at)}","seq":{seq},'
        f'"subject":{{"kind":{quote(subject_kind)},"number":{number}}}}}'
    )


def digest_of(text: str) -> bytes:
    """SHA-256 over a canonical form: the leaf of the tree."""
    return sha256(text.encode()).digest()
