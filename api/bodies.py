"""What a JSON body may be: bounded, one reading only, and text that both databases can keep.

Python's reader alone would take the last of two equal keys, NaN, half a surrogate pair and any depth; each of those is
refused here, before a model sees it.
"""

import json
import math
import unicodedata
from typing import Any, TypeVar

import orjson
from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from api.problems import Refused, pointer
from portal.errors import Invalid

JSON_LIMIT = 1_000_000
DEPTH_LIMIT = 32
DIGITS_LIMIT = 60
LARGEST = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 7493, 2.2)."""

FOLDING = frozenset("\u212a\u037e\u1fef")
"""Signs that NFC turns into ASCII (K ; `): folded, a foreign address would pass for somebody else's."""

Model = TypeVar("Model", bound=BaseModel)


def check_headers(request: Request) -> None:
    """Refuses with 415 a body that is not plain `application/json`."""
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != "application/json":
        raise Refused("media-type", "The body must be application/json.", headers={"Accept": "application/json"})
    if "charset" in parameters.lower() and "utf-8" not in parameters.lower():
        raise Refused("media-type", "JSON is UTF-8: no other charset is accepted.")
    refuse_encoding(request)


def refuse_encoding(request: Request) -> None:
    """Refuses with 415 a compressed body: its true size would be unknown until it is unpacked."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refused(
            "media-type", "A body is sent as it is, without Content-Encoding.", headers={"Accept-Encoding": "identity"}
        )


def read_json(raw: bytes) -> Any:
    """The value of a JSON text, with its texts in Unicode's NFC.

    Raises Refused (400) for what is no I-JSON (RFC 7493) and Invalid for text that no database keeps.
    """
    if not raw.strip():
        raise Refused("malformed", "A JSON body is expected.")
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_bounded_int,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise Refused("malformed", f"The body is not UTF-8: byte {error.start} does not fit.") from None
    except json.JSONDecodeError as error:
        raise Refused("malformed", f"Not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise Refused("malformed", f"The body is nested deeper than {DEPTH_LIMIT} levels.") from None
    return _clean(value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for index, (key, _) in enumerate(pairs) if key in {k for k, _ in pairs[:index]})
        raise Refused("malformed", f"The key {twice[:80]!r} stands twice in one object.")
    return found


def _no_constant(name: str) -> Any:
    raise Refused("malformed", f"{name} is not JSON.")


def _bounded_int(digits: str) -> int:
    if len(digits) > DIGITS_LIMIT:
        raise Refused(
            "malformed", f"A number of {len(digits)} digits is more than the {DIGITS_LIMIT} that are accepted."
        )
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number) or len(digits) > DIGITS_LIMIT:
        raise Refused("malformed", "A number is larger or longer than any that is accepted.")
    return number


def _clean(value: Any, place: tuple[Any, ...] = ()) -> Any:
    if len(place) > DEPTH_LIMIT:
        raise Refused("malformed", f"The body is nested deeper than {DEPTH_LIMIT} levels.")
    match value:
        case str():
            return clean_text(value, place)
        case int() if not -LARGEST <= value <= LARGEST:
            raise Invalid(f"This must lie between {-LARGEST} and {LARGEST}.", field=_place(place), value=value)
        case dict():
            return {clean_text(key, place): _clean(inner, (*place, key)) for key, inner in value.items()}
        case list():
            return [_clean(inner, (*place, index)) for index, inner in enumerate(value)]
    return value


def clean_text(text: str, place: tuple[Any, ...] = ()) -> str:
    """A text in NFC, unless that would make ASCII of it.

    Raises Invalid, with its place, for NUL (PostgreSQL keeps none) and half a surrogate pair.
    """
    if text.isascii():
        if "\x00" not in text:
            return text
    elif "\x00" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text):
        return text if FOLDING & set(text) else unicodedata.normalize("NFC", text)
    raise Invalid("This has characters that are no text (NUL or half a surrogate pair).", field=_place(place))


def _place(place: tuple[Any, ...]) -> str:
    return (pointer(place) or "/").encode("utf-8", "replace").decode("utf-8")


async def body_of(request: Request, model: type[Model]) -> Model:
    """The request's JSON body as its model. Raises Refused, Invalid or RequestValidationError."""
    check_headers(request)
    value = read_json(await request.body())
    try:
        # Read as JSON once more: only so does a strict model take dates and identifiers, which JSON has as text.
        return model.model_validate_json(orjson.dumps(value))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in faults]) from None


def json_body(model: type[Model]) -> Any:
    """A dependency that reads the body as `model`: `wanted: Annotated[ItemNew, json_body(ItemNew)]`.

    FastAPI's own body parameter would be read and refused before the project is known to exist.
    """

    async def read(request: Request) -> Model:
        return await body_of(request, model)

    read.body_model = model  # type: ignore[attr-defined]  # how the OpenAPI description finds it
    return Depends(read)
