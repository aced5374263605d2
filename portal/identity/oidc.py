"""The authorization code flow with one provider: Authlib speaks the protocol, this module checks what it leaves.

Knows no database. Sending a browser away needs a `Request`, which the caller keeps until the browser is back.
"""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from portal import clock
from portal.errors import PortalError
from portal.identity import fetch, tokens
from portal.identity.fetch import ProviderFault
from portal.identity.profile import display_name, text_of, texts_of, verified_email
from portal.identity.providers import Issuer, Metadata, Provider, Providers
from portal.identity.tokens import LEEWAY_SECONDS, TokenRefused, Unverified

MOST_PARAMETER_CHARACTERS = 4096


class SignInRefused(PortalError):
    """A sign-in that did not succeed. `reason` is for the log; people are told only that it did not work."""

    def __init__(self, reason: str) -> None:
        super().__init__("The sign-in did not succeed.")
        self.reason = reason


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Request:
    """What a sign-in keeps between sending the browser away and its return."""

    provider: str
    redirect_uri: str
    max_age: int | None = None
    acr: str | None = None
    state: str = field(default_factory=_secret, repr=False)
    nonce: str = field(default_factory=_secret, repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """Who a provider says has signed in, checked: nothing of the tokens themselves."""

    provider: str
    issuer: str
    sub: str
    sid: str | None
    email: str | None
    """Only when the provider says that it verified it."""
    name: str
    locale: str | None
    groups: frozenset[str]
    acr: str | None
    amr: tuple[str, ...]
    auth_time: datetime | None


def redirect_uri(base_url: str, provider: str) -> str:
    """Each provider comes back to its own address: answers of one cannot pass for those of another (RFC 9700 4.4)."""
    return f"{base_url}/auth/callback/{provider}"


async def authorization_url(provider: Provider, request: Request) -> str:
    """Where to send the browser. Raises ProviderFault when the provider cannot be asked."""
    # Imported here: with the first sign-in, not at start-up.
    from authlib.oauth2.client import OAuth2Client  # type: ignore[import-untyped]  # it has no types

    metadata = await provider.issuer.metadata()
    wishes: dict[str, str] = {}
    if request.max_age is not None:
        wishes["max_age"] = str(request.max_age)
    if request.acr:
        wishes["acr_values"] = request.acr
    client = OAuth2Client(
        None,
        client_id=provider.settings.client_id,
        redirect_uri=request.redirect_uri,
        scope=_scopes(provider),
        code_challenge_method="S256",
    )
    url, _state = client.create_authorization_url(
        metadata.endpoints["authorization_endpoint"],
        state=request.state,
        code_verifier=request.verifier,
        nonce=request.nonce,
        **wishes,
    )
    return str(url)


def _scopes(provider: Provider) -> str:
    wanted = provider.settings.scopes.split()
    return " ".join(dict.fromkeys(["openid", *wanted]))


def one_of_each(query: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The parameters of a callback. Raises SignInRefused when one is given twice or is absurdly long."""
    found = dict(query)
    if len(found) != len(query):
        raise SignInRefused("a parameter is given twice")
    if any(len(value) > MOST_PARAMETER_CHARACTERS for value in found.values()):
        raise SignInRefused("a parameter is too long")
    return found


async def account(
    providers: Providers, provider: Provider, request: Request, answer: Mapping[str, str], sent_at: datetime
) -> Account:
    """Exchanges the code of a callback for an account. `sent_at` is when the browser was sent away.

    Raises SignInRefused for an answer or token that must not be believed, ProviderFault when the provider is down.
    """
    metadata = await provider.issuer.metadata()
    _check_answer(metadata, answer)
    try:
        given = await _exchange(providers, provider, metadata, request, answer["code"])
        access_token = _access_token(given)
        claims = await _id_claims(provider, metadata, request, given.get("id_token"), access_token)
        _check_freshness(request, claims, sent_at)
        profile = await _profile(providers, metadata, claims, access_token)
        return _account(provider, claims, profile)
    except TokenRefused as refused:
        raise SignInRefused(refused.message) from None


def _check_answer(metadata: Metadata, answer: Mapping[str, str]) -> None:
    issuer = answer.get("iss")
    if (issuer is None and metadata.names_itself) or (issuer is not None and issuer != metadata.issuer):
        raise SignInRefused("the answer is of another issuer (RFC 9207)")
    if "error" in answer:
        raise SignInRefused("the provider answered with an error")
    if not answer.get("code"):
        raise SignInRefused("the answer has no code")


async def _exchange(
    providers: Providers, provider: Provider, metadata: Metadata, request: Request, code: str
) -> dict[str, Any]:
    from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]  # it has no types
    from authlib.integrations.httpx_client import AsyncOAuth2Client  # type: ignore[import-untyped]  # it has no types

    basic = metadata.token_auth == "client_secret_basic"
    secret = provider.settings.client_secret.get_secret_value()
    # RFC 6749 2.3.1: id and secret are form-encoded before they go into the Basic header; Authlib leaves that out.
    client = AsyncOAuth2Client(
        client_id=quote(provider.settings.client_id, safe="") if basic else provider.settings.client_id,
        client_secret=quote(secret, safe="") if basic else secret,
        token_endpoint_auth_method=metadata.token_auth,
        redirect_uri=request.redirect_uri,
        transport=_Borrowed(providers.transport),
        follow_redirects=False,
        trust_env=False,
        timeout=None,
    )
    endpoint = metadata.endpoints["token_endpoint"]
    try:
        async with client:
            client.register_compliance_hook("access_token_response", _strict_token_response)
            given = await client.fetch_token(
                endpoint, grant_type="authorization_code", code=code, code_verifier=request.verifier
            )
    except OAuthError:
        raise SignInRefused("the provider refused the code") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ProviderFault(f"{urlsplit(endpoint).hostname} gave no readable token answer.") from None
    return dict(given)


def _strict_token_response(response: Any) -> Any:
    if response.status_code >= 500:
        raise ProviderFault(f"{response.request.url.host} answered {response.status_code} for the tokens.")
    if not isinstance(fetch.strict_json(response.content), dict):
        raise ValueError("not an object")
    return response


class _Borrowed(fetch.BoundedTransport):
    """The shared transport for a client that closes what it was given."""

    def __init__(self, shared: fetch.BoundedTransport) -> None:
        super().__init__(shared.inner, deadline_seconds=shared.deadline_seconds, most_bytes=shared.most_bytes)

    async def aclose(self) -> None:
        """Leaves the shared connections open."""


def _access_token(given: Mapping[str, Any]) -> str | None:
    token = given.get("access_token")
    if token is not None and (not isinstance(token, str) or not token.isascii() or not token.isprintable()):
        raise TokenRefused("the access token is not text")
    if token is not None and str(given.get("token_type", "")).lower() != "bearer":
        raise TokenRefused("the access token is no bearer token")
    return token


async def _id_claims(
    provider: Provider, metadata: Metadata, request: Request, text: object, access_token: str | None
) -> dict[str, Any]:
    token = tokens.take_apart(text)
    claims = await verified(provider.issuer, token, metadata)
    return tokens.id_token(
        token,
        claims,
        issuer=metadata.issuer,
        client_id=provider.settings.client_id,
        nonce=request.nonce,
        access_token=access_token,
    )


async def verified(issuer: Issuer, token: Unverified, metadata: Metadata | None = None) -> dict[str, Any]:
    """The claims of a token that one of the issuer's keys signed; `metadata` narrows the algorithms.

    Raises TokenRefused, or ProviderFault when the keys cannot be had.
    """
    allowed = metadata.algorithms if metadata else None
    known = await issuer.keys_for(token.kid)
    try:
        return tokens.check_signature(token, known, allowed)
    except TokenRefused:
        renewed = await issuer.keys_after_failure()
        if renewed is known:
            raise
        return tokens.check_signature(token, renewed, allowed)


def _check_freshness(request: Request, claims: Mapping[str, Any], sent_at: datetime) -> None:
    proved_at = tokens.moment(dict(claims), "auth_time")
    if request.max_age is not None:
        oldest = sent_at - timedelta(seconds=request.max_age + LEEWAY_SECONDS)
        if proved_at is None or proved_at < oldest:
            raise SignInRefused("the person did not prove themselves anew")
    if proved_at is not None and proved_at > clock.now() + timedelta(seconds=LEEWAY_SECONDS):
        raise SignInRefused("auth_time is in the future")
    if request.acr and claims.get("acr") not in request.acr.split():
        raise SignInRefused("the second factor that was asked for is missing")


async def _profile(
    providers: Providers, metadata: Metadata, claims: Mapping[str, Any], access_token: str | None
) -> Mapping[str, Any]:
    """What userinfo adds; the ID token goes first. A userinfo about somebody else ends the sign-in."""
    endpoint = metadata.endpoints.get("userinfo_endpoint")
    if endpoint is None or access_token is None:
        return claims
    try:
        response = await providers.http.get(endpoint, headers={"Authorization": f"Bearer {access_token}"})
        more = fetch.json_object(response, "its userinfo")
    except ProviderFault:
        # A provider that has put all we need into the ID token need not have a working userinfo.
        if "email" in claims:
            return claims
        raise
    if not isinstance(more.get("sub"), str) or not hmac.compare_digest(more["sub"].encode(), claims["sub"].encode()):
        raise TokenRefused("userinfo is about somebody else")
    address = {"email", "email_verified"} & claims.keys()
    # The address and whether it was verified must come from one and the same place.
    return {name: value for name, value in more.items() if not (address and name.startswith("email"))} | dict(claims)


def _account(provider: Provider, claims: dict[str, Any], profile: Mapping[str, Any]) -> Account:
    sid, acr = claims.get("sid"), claims.get("acr")
    return Account(
        provider=provider.settings.name,
        issuer=provider.settings.issuer,
        sub=tokens.subject(claims),
        sid=sid if isinstance(sid, str) and 0 < len(sid) <= tokens.LONGEST_SUB else None,
        email=verified_email(profile),
        name=display_name(profile),
        locale=text_of(profile.get("locale")),
        groups=frozenset(texts_of(profile.get(provider.settings.groups_claim))),
        acr=text_of(acr),
        amr=tuple(texts_of(claims.get("amr")))[:20],
        auth_time=tokens.moment(claims, "auth_time"),
    )


async def end_session_url(provider: Provider, base_url: str, state: str) -> str | None:
    """Where a browser goes on to sign out at the provider too; None when it offers nothing or does not answer.

    No `id_token_hint`: tokens are kept nowhere and reach no browser; `client_id` says who asks.
    """
    try:
        metadata = await provider.issuer.metadata()
    except ProviderFault:
        return None
    endpoint = metadata.endpoints.get("end_session_endpoint")
    if endpoint is None:
        return None
    wishes = {
        "client_id": provider.settings.client_id,
        "post_logout_redirect_uri": f"{base_url}/auth/logged-out",
        "state": state,
    }
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(wishes)}"
