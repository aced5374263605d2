"""An issued document as canonical JSON (RFC 8785) and back: the same document, the same bytes, for as long as it lives.

Decimals are text in plain digits without needless noughts, days are ISO 8601, images base64. Reading is strict: what
this version does not know is refused, not dropped.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from portal import money
from portal.billing.document import InvoiceDocument
from portal.errors import Invalid

VERSION = 1
MOST_TEXT = 2_000_000
"""Characters of a stored document, a logo within."""
_PLACES = 9
_MOST = Decimal(10) ** 15


def to_json(document: InvoiceDocument) -> str:
    """The document's one spelling. Its digest names the document."""
    import rfc8785

    return rfc8785.dumps({"version": VERSION, **_plain(document)}).decode()


def from_json(text: str) -> InvoiceDocument:
    """The document that `to_json` wrote. Raises Invalid, naming the field, for anything else."""
    import orjson

    if len(text) > MOST_TEXT:
        raise Invalid("The document is too large.", field="document", value=len(text))
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError as fault:
        raise Invalid(f"The document is not JSON: {fault}.", field="document", value=text[:40]) from None
    if not isinstance(data, dict) or data.pop("version", None) != VERSION:
        raise Invalid(f"version must be {VERSION}.", field="version", value=str(text[:40]))
    return read(data)


def read(data: Mapping[str, Any]) -> InvoiceDocument:
    """A document from plain data, such as an API's body: decimals as text, days as ISO 8601, nothing unknown.

    Checks types and spelling only; what makes an invoice right is checked by `rules`. Raises Invalid, naming the field.
    """
    made = _read_dataclass(InvoiceDocument, data, "")
    assert isinstance(made, InvoiceDocument)
    return made


def read_part(kind: type, data: Any, path: str) -> Any:
    """A part of a document, such as a `Party`, from plain data. Raises Invalid, naming the field under `path`."""
    return _read_dataclass(kind, data, path)


def plain(value: Any) -> Any:
    """A document or a part of one as plain data, which `read` and `read_part` read again."""
    return _plain(value)


def plain_decimal(value: Decimal) -> str:
    """A finite decimal in plain digits without needless noughts: `1.5`, never `1.50`, `1E+2` or `-0`."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return plain_decimal(value)
        case date():
            return value.isoformat()
        case bytes():
            return b64encode(value).decode()
        case StrEnum():
            return value.value
        case tuple():
            return [_plain(one) for one in value]
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    return value


@lru_cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _read_dataclass(kind: type, data: Any, path: str) -> Any:
    if not isinstance(data, Mapping):
        raise Invalid(f"{path or 'The document'} must be an object.", field=path or "document", value=_shown(data))
    known = {one.name: one for one in fields(kind)}
    if unknown := sorted(str(name) for name in data.keys() - known.keys()):
        raise Invalid(f"{unknown[0]} is not known.", field=_at(path, unknown[0]), value=_shown(data[unknown[0]]))
    given = {}
    for name, one in known.items():
        if name in data:
            given[name] = _read(_hints(kind)[name], data[name], _at(path, name))
        elif one.default is MISSING and one.default_factory is MISSING:
            raise Invalid(f"{_at(path, name)} is missing.", field=_at(path, name), value=None)
    return kind(**given)


def _read(kind: Any, value: Any, path: str) -> Any:
    if isinstance(kind, UnionType):
        (inner,) = (one for one in get_args(kind) if one is not type(None))
        return None if value is None else _read(inner, value, path)
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise Invalid(f"{path} must be a list.", field=path, value=_shown(value))
        return tuple(_read(get_args(kind)[0], one, f"{path}[{at}]") for at, one in enumerate(value))
    if is_dataclass(kind):
        return _read_dataclass(kind, value, path)  # type: ignore[arg-type]  # a class, not one of its objects
    return _read_scalar(kind, value, path)


def _read_scalar(kind: Any, value: Any, path: str) -> Any:
    if kind is Decimal:
        return money.decimal(value, path, places=_PLACES, most=_MOST, least=None)
    if kind is bool:
        return _expect(value, bool, "true or false", path)
    text = _expect(value, str, "text", path)
    try:
        if kind is date:
            return date.fromisoformat(_expect_day(text))
        if kind is bytes:
            return b64decode(text, validate=True)
        return kind(text) if issubclass(kind, StrEnum) else text.replace("\r\n", "\n").strip()
    except (ValueError, binascii.Error):
        raise Invalid(f"{path} must be {_wanted(kind)}.", field=path, value=_shown(text)) from None


def _expect(value: Any, kind: type, wanted: str, path: str) -> Any:
    if type(value) is not kind:
        raise Invalid(f"{path} must be {wanted}.", field=path, value=_shown(value))
    return value


def _expect_day(text: str) -> str:
    if len(text) != 10 or text[4] != "-" or text[7] != "-":  # Python also reads 20261126 and 2026-W48-4
        raise ValueError
    return text


def _wanted(kind: Any) -> str:
    if kind is date:
        return "a day such as 2026-11-26"
    return "base64" if kind is bytes else "one of " + ", ".join(kind)


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: Any) -> str:
    return str(value)[:40]
