"""Sign-in, step-up and sign-out in the browser. What a provider says is believed, or not, in portal.identity."""

import logging
from dataclasses import dataclass
from typing import Annotated, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from portal.errors import NotAllowed, NotFound, SignInNeeded
from portal.identity import commands, oidc, queries, sessions
from portal.identity.fetch import ProviderFault
from portal.identity.models import SignIn
from portal.identity.oidc import SignInRefused
from portal.identity.providers import Provider, Providers
from portal.people.recognition import AddressTaken, NotInvited
from portal.settings import Settings
from web import cookies
from web.deps import database_of
from web.gate import session_cookie, token_hash
from web.paths import local_path, to
from web.render import respond

log = logging.getLogger("portal.identity")

BROWSER_SECONDS = 24 * 3600
STEP_UP_MINUTES = 5
"""How recent a person's proof must be when a decision asks for a fresh one, unless some kind of decision takes less."""
HOME = "/projects"

router = APIRouter(include_in_schema=False)
Next = Annotated[str, Query()]


@dataclass(frozen=True, slots=True)
class Choice:
    """A provider to sign in with."""

    label: str
    address: str


@dataclass(frozen=True, slots=True)
class SignInPage:
    """The context of auth/sign_in.html."""

    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class RefusedPage:
    """The context of auth/refused.html: `kind` chooses the words; the provider's own are never shown."""

    kind: str
    provider: str
    again: str
    provider_sign_out: str | None


@router.get("/sign-in", name="sign_in")
@router.get("/auth/login")
async def sign_in(request: Request, next: Next = HOME, provider: str = "") -> Response:
    """The providers to choose from; `provider` (from an invitation) leaves that one only."""
    known = [one.settings for one in providers_of(request)]
    offered = [one for one in known if one.name == provider] or known
    query = urlencode({"next": local_path(next, HOME)})
    choices = tuple(Choice(one.label, f"/auth/login/{one.name}?{query}") for one in offered)
    return respond(request, "auth/sign_in.html", SignInPage(choices))


@router.get("/auth/login/{provider}", name="login")
async def login(request: Request, provider: str, next: Next = HOME) -> Response:
    """Sends the browser to a provider."""
    return await _send_away(request, _provider(request, provider), local_path(next, HOME))


@router.get("/auth/step-up", name="step_up")
async def step_up(request: Request, next: Next = HOME) -> Response:
    """Asks the person to prove themselves anew, with a second factor where their provider has one."""
    back = local_path(next, HOME)
    try:
        async with database_of(request).read() as db:
            session = await queries.session_of(db, token_hash_of(request))
    except SignInNeeded:
        return to("/sign-in?" + urlencode({"next": back}))
    provider = _provider(request, session.provider)
    return await _send_away(request, provider, back, max_age=_max_age(request), acr=provider.settings.step_up_acr)


def _max_age(request: Request) -> int:
    """Seconds: who came back with less than the strictest decision takes would be sent away again, and again."""
    limits = (limit.fresh_minutes for limit in settings_of(request).decision_limits.values())
    return 60 * min(minutes for minutes in (STEP_UP_MINUTES, *limits) if minutes is not None)


async def _send_away(
    request: Request, provider: Provider, back: str, *, max_age: int | None = None, acr: str | None = None
) -> Response:
    settings = settings_of(request)
    name = provider.settings.name
    wish = oidc.Request(name, oidc.redirect_uri(settings.base_url, name), max_age, acr)
    try:
        address = await oidc.authorization_url(provider, wish)
    except ProviderFault as fault:
        return await _refuse(request, provider, "provider", fault.message, back)
    cookie = cookies.name_of(settings, "browser")
    browser = cookies.only(request, cookie) or sessions.new_token()
    async with database_of(request).write() as db:
        await sessions.begin(db, wish, browser, back)
    response = to(address)
    cookies.keep(response, settings, cookie, browser, BROWSER_SECONDS)
    return response


@router.get("/auth/callback/{provider}", name="callback")
async def callback(request: Request, provider: str) -> Response:
    """Where a provider sends the browser back to."""
    asked = _provider(request, provider)
    taken: SignIn | None = None
    try:
        answer = oidc.one_of_each(request.query_params.multi_items())
        taken = await _taken(request, answer)
        if taken.provider != provider:
            raise SignInRefused("the answer came to another provider's address")
        account = await oidc.account(providers_of(request), asked, _wish(request, taken), answer, taken.created_at)
        async with database_of(request).write() as db:
            token = await _come_in(request, db, account, taken)
    except SignInRefused as refused:
        return await _refuse(request, asked, _kind(request, taken), refused.reason, taken.next if taken else HOME)
    except ProviderFault as fault:
        return await _refuse(request, asked, "provider", fault.message, taken.next if taken else HOME)
    except NotAllowed as refusal:
        return await _refuse(request, asked, KINDS.get(type(refusal), "disabled"), type(refusal).__name__, HOME)
    settings = settings_of(request)
    log.info("signed in", extra={"provider": provider, "sign_in": str(taken.id)})
    response = to(taken.next)
    cookies.keep(response, settings, session_cookie(settings), token, settings.session_absolute_hours * 3600)
    return response


KINDS = {NotInvited: "uninvited", AddressTaken: "taken"}
STATUS = {"stale": 400, "refused": 400, "cancelled": 400, "provider": 503}


async def _taken(request: Request, answer: dict[str, str]) -> SignIn:
    """The sign-in that this answer belongs to, gone for good before its code is sent on."""
    browser = cookies.only(request, cookies.name_of(settings_of(request), "browser"))
    if browser is None or not answer.get("state"):
        raise SignInRefused("no state, or not the browser that began")
    async with database_of(request).write() as db:
        taken = await sessions.take(db, answer["state"], browser)
    if taken is None:
        raise SignInRefused("unknown, used or expired state")
    return taken


def _wish(request: Request, taken: SignIn) -> oidc.Request:
    return oidc.Request(
        provider=taken.provider,
        redirect_uri=oidc.redirect_uri(settings_of(request).base_url, taken.provider),
        max_age=taken.max_age,
        acr=taken.acr,
        nonce=taken.nonce,
        verifier=taken.verifier,
    )


async def _come_in(request: Request, db: AsyncSession, account: oidc.Account, taken: SignIn) -> str:
    return await commands.come_in(
        db,
        settings_of(request),
        account,
        taken,
        user_agent=request.headers.get("user-agent", ""),
        replaces=token_hash_of(request),
    )


def _kind(request: Request, taken: SignIn | None) -> str:
    if taken is None:
        return "stale"
    return "cancelled" if request.query_params.get("error") == "access_denied" else "refused"


async def _refuse(request: Request, provider: Provider, kind: str, reason: str, back: str) -> Response:
    log.warning("sign-in refused", extra={"provider": provider.settings.name, "kind": kind, "reason": reason})
    again = "/sign-in?" + urlencode({"next": back})
    elsewhere = None
    if kind in ("uninvited", "taken", "disabled"):
        elsewhere = await oidc.end_session_url(provider, settings_of(request).base_url, "")
    page = RefusedPage(kind, provider.settings.label, again, elsewhere)
    response = respond(_without_answer(request, again), "auth/refused.html", page, status=STATUS.get(kind, 403))
    if kind == "provider":
        response.headers["Retry-After"] = str(ProviderFault.retry_after_seconds)
    return response


def _without_answer(request: Request, address: str) -> Request:
    """The request as if for `address`: pages name their own address, and this one's holds the provider's answer."""
    path, _, query = address.partition("?")
    return Request({**request.scope, "path": path, "query_string": query.encode()})


def settings_of(request: Request) -> Settings:
    """The settings of this portal."""
    return cast(Settings, request.app.state.settings)


def providers_of(request: Request) -> Providers:
    """The providers of this portal."""
    return cast(Providers, request.app.state.providers)


def _provider(request: Request, name: str) -> Provider:
    found = providers_of(request).by_name.get(name)
    if found is None:
        raise NotFound("There is no such identity provider.")
    return found


def token_hash_of(request: Request) -> bytes:
    """The hash of the session cookie; of no session when there is none, or two."""
    return token_hash(request.scope["headers"], session_cookie(settings_of(request))) or b""
