"""One shape for everything that the API refuses: RFC 9457 problem details, whatever raised it.

A problem has `type`, `title`, `status` and `detail`; input at fault is listed in `errors` as
`{"in": "body", "field": "/title", "value": …, "message": …}`, where `field` is a JSON pointer in a body and a plain
name elsewhere. `type` is the address of a page that says what the kind means; programs branch on it.
"""

import logging
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.utils import is_body_allowed_for_status_code
from sqlalchemy.exc import IntegrityError, OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from portal import errors

log = logging.getLogger("portal.api")

MEDIA_TYPE = "application/problem+json"
LONGEST_ECHO = 200
INDEX = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its status, its title, and what a caller should do about it."""

    status: int
    title: str
    advice: str


KINDS: Mapping[str, Kind] = {
    "malformed": Kind(400, "The request cannot be read", "Send one well-formed JSON text in UTF-8, each key once."),
    "key-missing": Kind(400, "Idempotency-Key is missing", "Send a new random Idempotency-Key with every new POST."),
    "unauthorized": Kind(401, "A valid access token is needed", "Ask the token issuer for a new access token."),
    "forbidden": Kind(403, "That is not allowed", "The token's scopes or the caller's staff role do not reach so far."),
    "not-found": Kind(404, "There is nothing here", "It does not exist, or the caller may not know that it does."),
    "method-not-allowed": Kind(405, "This address does not answer that method", "The Allow header lists the methods."),
    "slow": Kind(408, "The request did not arrive in time", "Send the whole body without pausing."),
    "conflict": Kind(409, "The present state forbids it", "Read the thing again and decide anew."),
    "stale": Kind(412, "It has changed since it was read", "Read it again and send the new ETag in If-Match."),
    "too-large": Kind(413, "That is more than is accepted", "Send less at once; the detail names the limit."),
    "media-type": Kind(415, "This content type is not accepted", "The detail names the type that is."),
    "invalid": Kind(422, "The input is wrong", "The errors say which field, what was given and what would be right."),
    "key-reused": Kind(422, "Idempotency-Key was used for another request", "Send a new key with a new request."),
    "if-match-missing": Kind(428, "If-Match is missing", "Read the thing and send its ETag in If-Match."),
    "too-many": Kind(429, "Too many requests", "Wait as long as Retry-After says."),
    "internal": Kind(500, "The portal failed", "It was recorded. Trying again is safe with the same Idempotency-Key."),
    "unavailable": Kind(503, "The portal is busy", "Try again after the seconds that Retry-After says."),
}

OF_ERROR: tuple[tuple[type[errors.PortalError], str], ...] = (
    (errors.NotFound, "not-found"),
    (errors.NotAllowed, "forbidden"),
    (errors.SignInNeeded, "unauthorized"),
    (errors.Stale, "stale"),
    (errors.Conflict, "conflict"),
    (errors.Invalid, "invalid"),
    (errors.TooLarge, "too-large"),
    (errors.Unavailable, "unavailable"),
)
OF_STATUS = {kind.status: name for name, kind in reversed([*KINDS.items()])}


class Refused(Exception):
    """A refusal that belongs to the API's own manners (media type, If-Match, rate …) and not to the domain."""

    def __init__(self, kind: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})


def fault(where: str, field: str, message: str, *value: Any) -> dict[str, Any]:
    """One entry of `errors`; the value that was given is shown back short, and left out when there was none."""
    shown = {"value": echo(value[0])} if value else {}
    return {"in": where, "field": field, "message": message, **shown}


def echo(value: Any) -> Any:
    """A refused value as it may be shown back: bounded, and JSON whatever it was."""
    match value:
        case None | bool():
            return value
        case int():
            return value if -(2**53) < value < 2**53 else shorten(_digits(value))
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            return shorten(value.encode("utf-8", "replace").decode("utf-8"))
        case dict():
            return f"an object of {len(value)} fields"
        case list() | tuple():
            return f"a list of {len(value)}"
    return shorten(str(value))


def _digits(value: int) -> str:
    return str(value) if value.bit_length() < 4096 else f"an integer of {value.bit_length()} bits"


def shorten(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= LONGEST_ECHO else text[:LONGEST_ECHO] + "…"


def problem(
    kind: str,
    detail: str,
    *,
    faults: Iterable[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer that tells a problem."""
    what = KINDS[kind]
    body: dict[str, Any] = {
        "type": f"/api/problems/{kind}",
        "title": what.title,
        "status": what.status,
        "detail": detail,
    }
    if listed := list(faults):
        body["errors"] = listed
    return Response(
        orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS),
        status_code=what.status,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def of_portal_error(error: errors.PortalError, where: str = "body") -> Response:
    """The problem for a refusal of the domain, which does not know in what part of the request a field came."""
    kind = next((name for cls, name in OF_ERROR if isinstance(error, cls)), "internal")
    named = pointer if where == "body" else str
    if isinstance(error, errors.Invalid):
        faults = [fault(where, named(field), message, value) for field, message, value in error.problems]
    else:
        faults = [fault(where, named(error.field), error.message, error.value)] if error.field else []
    headers = {}
    if isinstance(error, errors.Unavailable):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, errors.SignInNeeded):
        headers["WWW-Authenticate"] = "Bearer"
    return problem(kind, error.message, faults=faults, headers=headers)


def pointer(field: str | tuple[Any, ...]) -> str:
    """A field's place as a JSON pointer (RFC 6901); the rooms write `items[3].points`. What is one already stays."""
    if isinstance(field, str):
        return field if field.startswith("/") or not field else "/" + INDEX.sub(r"/\1", field).replace(".", "/")
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in field)


def of_validation(faults: Iterable[Mapping[str, Any]], where: str | None = None) -> Response:
    """The problem for faults as pydantic lists them; `where` for those that do not name their part of the request."""
    listed = [_validation_fault(one, where) for one in faults]
    if all(one["in"] == "path" for one in listed):
        return problem("not-found", "There is nothing at this address.")
    detail = listed[0]["message"] if len(listed) == 1 else f"{len(listed)} fields are wrong."
    return problem("invalid", detail, faults=listed)


def _validation_fault(one: Mapping[str, Any], where: str | None) -> dict[str, Any]:
    place = tuple(one["loc"])
    if where is None:
        where, place = str(place[0]), place[1:]
    named = pointer(place) if where == "body" else ".".join(str(part) for part in place)
    message = _message(one)
    return fault(where, named, message) if one["type"] == "missing" else fault(where, named, message, one.get("input"))


def _message(one: Mapping[str, Any]) -> str:
    match one["type"]:
        case "missing":
            return "This is required."
        case "extra_forbidden":
            return "There is no such field here."
    return str(one["msg"]).removeprefix("Value error, ")


async def _on_portal_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.PortalError)
    if request.method not in ("GET", "DELETE"):
        return of_portal_error(error)
    return of_portal_error(error, "path" if isinstance(error, errors.NotFound) else "query")


async def _on_refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return problem(error.kind, error.detail, headers=error.headers)


async def _on_validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return of_validation(error.errors())


async def _on_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if not is_body_allowed_for_status_code(error.status_code):
        return Response(status_code=error.status_code, headers=error.headers)
    kind = OF_STATUS.get(error.status_code, "malformed" if error.status_code < 500 else "internal")
    details = {404: "There is nothing at this address.", 405: "This address does not answer that method."}
    detail = details.get(error.status_code, KINDS[kind].title + ".")
    return problem(kind, detail, headers=error.headers)


async def _on_database(_request: Request, error: Exception) -> Response:
    """What a constraint or a lost connection refused after the commands' own checks: a race, or a database gone."""
    log.warning("database refused", extra={"error": type(error).__name__})
    if isinstance(error, IntegrityError):
        return problem("conflict", "Somebody else changed the same thing at the same moment. Read it again and retry.")
    return problem("unavailable", "The database does not answer.", headers={"Retry-After": "5"})


async def _on_anything(_request: Request, error: Exception) -> Response:
    log.error("unexpected error", exc_info=error)
    return problem("internal", "Something unexpected went wrong on our side. It was recorded.")


def install(app: FastAPI) -> None:
    """Makes every error of the app, expected or not, answer as a problem."""
    app.add_exception_handler(errors.PortalError, _on_portal_error)
    app.add_exception_handler(Refused, _on_refused)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(IntegrityError, _on_database)
    app.add_exception_handler(OperationalError, _on_database)
    app.add_exception_handler(Exception, _on_anything)
