"""Which language a page is written in: the person's own choice, else their account's, else their browser's."""

import re
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from portal.settings import Settings
from web.paths import local_path

LANGUAGES: dict[str, str] = {"en": "English", "zh_CN": "简体中文", "ru": "Русский"}
"""Catalogue name → the language's own name, in the order in which they are offered."""

DEFAULT = "en"
YEAR_SECONDS = 365 * 24 * 3600
LONGEST_HEADER = 500
_QUALITY = re.compile(r"^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$")

router = APIRouter(include_in_schema=False)


def catalogue_for(tag: str) -> str | None:
    """The catalogue that serves a language tag (`zh-Hans-SG` → `zh_CN`), or None.

    Every Chinese is served in simplified characters: the one Chinese catalogue that there is.
    """
    primary = tag.replace("_", "-").partition("-")[0].strip().lower()
    return {"zh": "zh_CN", "ru": "ru", "en": "en"}.get(primary)


@lru_cache(256)
def from_header(header: str) -> str | None:
    """The best catalogue for an Accept-Language header (RFC 9110 12.5.4); None when it asks for none of ours."""
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:LONGEST_HEADER].split(",")):
        tag, _, parameter = (piece.strip() for piece in part.partition(";"))
        quality = _QUALITY.match(parameter.replace(" ", "").lower()) if parameter else None
        weight = 1.0 if not parameter else float(quality[1]) if quality else 0.0
        catalogue = DEFAULT if tag == "*" else catalogue_for(tag)
        if catalogue and weight > 0:
            wishes.append((-weight, place, catalogue))
    return min(wishes)[2] if wishes else None


def cookie_name(settings: Settings) -> str:
    """The language cookie's name: bound to this host where https allows it."""
    return "__Host-portal_locale" if settings.is_secure else "portal_locale"


def locale_of(request: Request, account: str | None = None) -> str:
    """The catalogue for this request. `account` is the signed-in person's language."""
    chosen = request.cookies.get(cookie_name(request.app.state.settings))
    if chosen in LANGUAGES:
        return chosen
    known = catalogue_for(account) if account else None
    return known or from_header(request.headers.get("accept-language", "")) or DEFAULT


@router.post("/locale", name="choose_language")
async def choose_language(
    request: Request, locale: Annotated[str, Form()] = DEFAULT, next: Annotated[str, Form()] = "/"
) -> Response:
    """Remembers a language in a cookie and goes back to the page that asked; an unknown one changes nothing."""
    response = RedirectResponse(local_path(next), status_code=303)
    keep_choice(response, request.app.state.settings, locale)
    return response


def keep_choice(response: Response, settings: Settings, locale: str) -> None:
    """Remembers a language in this browser; an unknown one changes nothing."""
    if locale in LANGUAGES:
        response.set_cookie(
            cookie_name(settings), locale, YEAR_SECONDS, secure=settings.is_secure, httponly=True, samesite="lax"
        )
