"""Sign-out in the browser: here first, then at the provider, which sends the browser back."""

import hmac
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from portal.identity import oidc, sessions
from portal.identity.models import Session
from web import cookies
from web.auth import providers_of, settings_of, token_hash_of
from web.deps import database_of
from web.gate import session_cookie
from web.live import live_of
from web.paths import to
from web.render import respond

LOGOUT_SECONDS = 600

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class SignedOutPage:
    """The context of auth/signed_out.html. `at_provider` is whether the provider confirmed that it signed out too."""

    at_provider: bool


@router.post("/auth/logout", name="logout")
async def logout(request: Request) -> Response:
    """Ends this browser's session here, then goes on to end the one at the provider."""
    settings = settings_of(request)
    async with database_of(request).write() as db:
        ended = await sessions.end(db, token_hash_of(request))
    if ended:
        live_of(request).wake_session(ended.id)
    state = sessions.new_token()
    response = to(await _way_out(request, ended, state) or "/auth/logged-out")
    cookies.drop(response, settings, session_cookie(settings))
    cookies.keep(response, settings, cookies.name_of(settings, "logout"), state, LOGOUT_SECONDS)
    return response


async def _way_out(request: Request, ended: Session | None, state: str) -> str | None:
    provider = providers_of(request).by_name.get(ended.provider) if ended else None
    return await oidc.end_session_url(provider, settings_of(request).base_url, state) if provider else None


@router.get("/auth/logged-out", name="logged_out")
async def logged_out(request: Request, state: str = "") -> Response:
    """Where a provider sends the browser after signing out; only our own `state` confirms that it did."""
    settings = settings_of(request)
    cookie = cookies.name_of(settings, "logout")
    expected = cookies.only(request, cookie) or ""
    confirmed = bool(expected) and hmac.compare_digest(expected.encode(), state.encode("utf-8", "replace"))
    response = respond(request, "auth/signed_out.html", SignedOutPage(at_provider=confirmed))
    cookies.drop(response, settings, cookie)
    return response
