"""Refusals as pages: one place maps the domain's kinds to a status and to words that help."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from starlette.exceptions import HTTPException

from portal.access import Viewer
from portal.errors import (
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    PortalError,
    SignInNeeded,
    Stale,
    TooLarge,
    Unavailable,
)
from web.catalogues import catalogue
from web.catalogues import mark as _
from web.locale_choice import locale_of
from web.render import respond

SIGN_IN = "/auth/login"
STATUS: dict[type[PortalError], int] = {
    NotFound: 404, NotAllowed: 403, Conflict: 409, Stale: 412, Invalid: 422, TooLarge: 413, Unavailable: 503,
}  # fmt: skip
LONGEST_VALUE = 80


WORDS: dict[int, tuple[str, str]] = {
    403: (_("This is not for you to do"), _("You may see this project, but your role does not allow this.")),
    404: (_("There is nothing here"), _("The address is wrong, or what was here is not shared with you.")),
    405: (_("This cannot be done here"), _("The page exists, but not for this kind of request.")),
    409: (_("This is not possible now"), _("What you wanted does not fit how things stand at the moment.")),
    412: (_("Somebody was faster"), _("This was changed after you opened it. Please look at it again.")),
    413: (_("This is too much at once"), _("What was sent is larger than the portal accepts.")),
    422: (_("Something in the address or form is wrong"), _("Nothing was changed. Please correct it and try again.")),
    429: (_("Too many at once"), _("Please close some of the pages that you have open here, or wait a minute.")),
    503: (_("The portal cannot answer just now"), _("A part that it needs is busy. Please try again in a moment.")),
    500: (_("Something went wrong here"), _("It is our fault, not yours, and it was recorded. Nothing was half done.")),
}


SAID_BY_ROOMS = (
    _("You are looking as the client: nothing can be changed until you stop."),
    _("This project is archived: it can be read, not changed."),
    _("Only the agency's staff may do this."),
    _("This was decided already."),
    _("The team has withdrawn this question."),
    _("There is a newer version: this one can no longer be decided."),
    _("Your answer was given already, and it cannot be changed."),
    _("Different people have to answer here: everybody counts once, and whoever is asked answers for themselves."),
    _("What you were shown has changed since. Nothing was decided; please look at it again."),
    _("Choose one of the answers."),
    _("Say which remarks the approval carries."),
    _("Say what should be changed."),
    _("Say why, so that the team can answer."),
    _("Please confirm that it is you: the last sign-in is too long ago for this decision."),
    _("This decision needs a sign-in with a second factor: send it again, and you are asked for one."),
    _("Only the client's people decide; staff never decide for them."),
    _("You are not asked in this decision."),
    _("Write something first."),
    _("Choose another member of this project."),
    _("Give a day such as 2026-12-24."),
    _("A delegation cannot begin in the past."),
    _("It ends on its first day or later, after 92 days at most."),
    _("This is disputed already, was taken back, or is a credit note."),
    _("You have delegated your decisions for some of these days already: end that first."),
    _("Choose a place on the picture first."),
    _("This offer does not stand any more."),
    _("The last day of this offer has passed: it can no longer be accepted."),
    _("What was offered does not stand any more: it must be offered anew."),
    _("This does not fit the contract any more: it must be offered anew."),
    _("The agency raised this: it takes it back itself."),
    _("It is offered to you: answer the offer instead."),
    _("Nothing was sent yet: a file cannot be taken."),
    _("The files of this project take all the room that they may."),
    _("The file was cleared away before it was used: send it again."),
    _("The file is empty."),
    _("This picture has more points than we decode (64 million)."),
    _("The virus scanner refuses this file."),
    _("The virus scanner does not answer, and no file is taken in without it."),
    _("The virus scanner could not read the file, and no file is taken in without it."),
    _("It is larger than a file may be here, or one file too many."),
    _("The client has this version: cases are drafted in the next one."),
    _("The database is busy with another change. Please try again in a moment."),
)
"""Sentences of the rooms that a page may show as they are; here so that the catalogues have them."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One input at fault."""

    field: str
    message: str
    value: str


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """The context of errors/error.html."""

    status: int
    title: str
    text: str
    problems: Sequence[Problem]
    request_id: str
    again: str


def status_of(error: Exception) -> int:
    """The HTTP status of an exception; 500 for one that nobody foresaw.

    A constraint refuses what two people did at once; a database that is locked or gone is a matter of time.
    """
    if isinstance(error, IntegrityError):
        return 409
    if isinstance(error, (OperationalError, InterfaceError, ConnectionError, TimeoutError)):
        return 503
    if isinstance(error, HTTPException):
        return error.status_code
    if isinstance(error, RequestValidationError):
        return 422
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


async def page_for(request: Request, error: Exception) -> Response:
    """The answer to a request that ended in `error`: the sign-in, or a designed page with the right status."""
    if isinstance(error, SignInNeeded):
        return _to_sign_in(request)
    status = status_of(error)
    viewer = _viewer(request)
    page = _page(request, error, status, catalogue(locale_of(request, viewer.locale if viewer else None)).gettext)
    response = respond(request, "errors/error.html", page, viewer=viewer, status=status)
    if status == 503:
        response.headers["Retry-After"] = str(getattr(error, "retry_after_seconds", Unavailable.retry_after_seconds))
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


def _to_sign_in(request: Request) -> Response:
    if request.url.path == "/me":  # answers programs with JSON, who could do nothing with a page
        return JSONResponse({"detail": "Nobody is signed in."}, 401, {"Cache-Control": "no-store"})
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    following = f"?next={quote(wanted, safe='')}" if request.method in ("GET", "HEAD") and wanted != "/" else ""
    return RedirectResponse(SIGN_IN + following, 303, {"Cache-Control": "no-store"})


def _viewer(request: Request) -> Viewer | None:
    arrival = getattr(request.state, "arrival", None)
    return arrival.viewer if arrival else None


def _page(request: Request, error: Exception, status: int, gettext: Callable[[str], str]) -> ErrorPage:
    title, text = WORDS.get(status) or WORDS[500 if status >= 500 else 422]
    # An outsider's 404 says the same as anybody's: the words of the exception stay unsaid there.
    problems = _problems(error, gettext)
    said = error.message if isinstance(error, PortalError) and status not in (404, 500) and not problems else text
    return ErrorPage(
        status=status,
        title=gettext(title),
        text=gettext(said),
        problems=problems,
        request_id=str(getattr(request.state, "request_id", "")) if status >= 500 else "",
        again=request.url.path if request.method == "GET" and status == 503 else "",
    )


def _problems(error: Exception, gettext: Callable[[str], str]) -> list[Problem]:
    if isinstance(error, RequestValidationError):
        found = error.errors()[:20]
        return [_problem(".".join(map(str, one["loc"][1:])), one["msg"], one.get("input")) for one in found]
    if isinstance(error, Invalid):
        return [_problem(field, gettext(said), given) for field, said, given in error.problems[:20]]
    return []


def _problem(field: str, message: str, value: object) -> Problem:
    given = "" if value is None or isinstance(value, dict) else str(value)
    shown = "".join(sign if sign.isprintable() else "�" for sign in given[: LONGEST_VALUE + 1])
    return Problem(field, message, shown if len(shown) <= LONGEST_VALUE else shown[:LONGEST_VALUE] + "…")
