"""A small real OpenID provider for the demo: real signatures and a real code flow, people chosen from a list.

It believes whoever clicks a name, so it answers on loopback alone and refuses to be anything else.
"""

import base64
import hashlib
import html
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from portal import clock
from portal.demo.cast import BY_SUB, STAFF_GROUPS, DemoPerson
from portal.demo.pages import SECOND_FACTOR, chooser, page
from portal.identity.tokens import LOGOUT_EVENT
from portal.settings import ProviderSettings, RobotSettings, SettingsError, is_loopback

NAME = "demo"
CLIENT_ID = "portal"
ROBOT = "demo-robot"
PASSWORD_ONLY = "urn:portal:demo:one-factor"
CODE_SECONDS = 60
TOKEN_SECONDS = 300
API_TOKEN_SECONDS = 3600
COOKIE = "demo_provider"
SCOPES = "staff:read staff:write staff:admin"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """One browser's session at the provider."""

    sid: str
    person: DemoPerson
    auth_time: int
    acr: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code stands for until it is used."""

    session: SignedIn
    redirect_uri: str
    nonce: str
    challenge: str
    ends: int


@dataclass
class DemoProvider:
    """The provider's whole state, in memory. `portal_url` is the one client it knows."""

    issuer: str
    portal_url: str
    audience: str
    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}), repr=False)
    codes: dict[str, Grant] = field(default_factory=dict, repr=False)
    access: dict[str, tuple[SignedIn, int]] = field(default_factory=dict, repr=False)
    sessions: dict[str, SignedIn] = field(default_factory=dict, repr=False)
    transport: httpx2.AsyncBaseTransport | None = None
    """How logout tokens are sent; None: real connections."""

    def __post_init__(self) -> None:
        if not is_loopback(self.issuer) or not is_loopback(self.portal_url):
            raise SettingsError("The demo provider believes anybody: it runs on loopback (127.0.0.1) only.")
        self.key.ensure_kid()

    @property
    def settings(self) -> ProviderSettings:
        """How the portal is told about this provider."""
        return ProviderSettings.model_validate(
            {
                "name": NAME, "label": "Demo sign-in", "issuer": self.issuer, "client_id": CLIENT_ID,
                "client_secret": self.client_secret, "scopes": "openid profile email groups",
                "staff_groups": STAFF_GROUPS, "step_up_acr": SECOND_FACTOR,
            }
        )  # fmt: skip

    @property
    def robot(self) -> RobotSettings:
        """The demo's program that uses the API."""
        return RobotSettings(client_id=ROBOT, name="Demo robot", scopes=("staff:read", "staff:write", "staff:admin"))

    def sign(self, typ: str, claims: Mapping[str, Any]) -> str:
        """A token of this provider with the usual times."""
        now = _now()
        whole = {"iss": self.issuer, "iat": now, "exp": now + TOKEN_SECONDS, **claims}
        return jwt.encode({"alg": "ES256", "kid": self.key.kid, "typ": typ}, whole, self.key)

    def api_token(self, who: str, scope: str = SCOPES, *, seconds: int = API_TOKEN_SECONDS) -> str:
        """An RFC 9068 access token for somebody of the cast, or for the robot. Raises KeyError for anybody else."""
        person = None if who == ROBOT else BY_SUB[who]
        claims = {"groups": list(person.groups)} if person else {}
        return self.sign(
            "at+jwt",
            {
                "sub": who, "client_id": CLIENT_ID if person else ROBOT, "aud": self.audience, "scope": scope,
                "exp": _now() + seconds, "jti": secrets.token_urlsafe(16), **claims,
            },
        )  # fmt: skip

    def logout_token(self, session: SignedIn) -> str:
        """A back-channel logout token for one session."""
        claims = {
            "sub": session.person.sub, "sid": session.sid, "aud": CLIENT_ID, "jti": secrets.token_urlsafe(16),
            "events": {LOGOUT_EVENT: {}},
        }  # fmt: skip
        return self.sign("logout+jwt", claims)

    def app(self) -> Starlette:
        """The provider as an application."""
        routes = [
            Route("/", self._home),
            Route("/.well-known/openid-configuration", self._discovery),
            Route("/jwks", self._jwks),
            Route("/authorize", self._choose),
            Route("/authorize", self._chosen, methods=["POST"]),
            Route("/token", self._token, methods=["POST"]),
            Route("/userinfo", self._userinfo),
            Route("/end-session", self._end_session, methods=["GET", "POST"]),
            Route("/demo/token", self._demo_token, methods=["POST"]),
        ]
        return Starlette(routes=[Route(one.path, self._guarded(one.endpoint), methods=one.methods) for one in routes])

    def _guarded(self, endpoint: Any) -> Any:
        async def guarded(request: Request) -> Response:
            # A page elsewhere could point its own name at loopback and read what is here; this name it cannot have.
            if request.headers.get("host", "") != urlsplit(self.issuer).netloc:
                return PlainTextResponse("This is the demo provider, under another name.\n", 421)
            answer: Response = await endpoint(request)
            answer.headers["Cache-Control"] = "no-store"
            return answer

        return guarded

    async def _discovery(self, _request: Request) -> Response:
        at = self.issuer
        return JSONResponse(
            {
                "issuer": at, "authorization_endpoint": f"{at}/authorize", "token_endpoint": f"{at}/token",
                "jwks_uri": f"{at}/jwks", "userinfo_endpoint": f"{at}/userinfo",
                "end_session_endpoint": f"{at}/end-session", "response_types_supported": ["code"],
                "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                "code_challenge_methods_supported": ["S256"], "acr_values_supported": [SECOND_FACTOR, PASSWORD_ONLY],
                "authorization_response_iss_parameter_supported": True, "backchannel_logout_supported": True,
                "backchannel_logout_session_supported": True,
            }
        )  # fmt: skip

    async def _jwks(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    def _fault(self, asked: Mapping[str, Any]) -> str | None:
        if asked.get("client_id") != CLIENT_ID or asked.get("redirect_uri") != self._redirect_uri:
            return "unknown client or return address"
        if asked.get("response_type") != "code" or "openid" not in str(asked.get("scope", "")).split():
            return "only the code flow of OpenID Connect is offered"
        if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            return "PKCE with S256 is required"
        return None

    @property
    def _redirect_uri(self) -> str:
        return f"{self.portal_url}/auth/callback/{NAME}"

    async def _choose(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if fault := self._fault(asked):
            return page("This request cannot be answered", f"<p>{html.escape(fault)}</p>", 400)
        return page("Who are you today?", chooser(asked))

    async def _chosen(self, request: Request) -> Response:
        form = await request.form()
        asked = {name: str(value) for name, value in form.items()}
        person = BY_SUB.get(asked.get("person", ""))
        if self._fault(asked) is not None:
            return page("This request cannot be answered", "", 400)
        if person is None:
            return self._back(asked, error="access_denied")
        acr = SECOND_FACTOR if asked.get("second_factor") else PASSWORD_ONLY
        session = SignedIn(secrets.token_urlsafe(16), person, _now(), acr)
        self.sessions[session.sid] = session
        code = secrets.token_urlsafe(32)
        self.codes[code] = Grant(
            session, asked["redirect_uri"], asked.get("nonce", ""), asked["code_challenge"], _now() + CODE_SECONDS
        )
        answer = self._back(asked, code=code)
        answer.set_cookie(COOKIE, session.sid, httponly=True, samesite="lax")
        return answer

    def _back(self, asked: Mapping[str, str], **parts: str) -> Response:
        query = urlencode({**parts, "state": asked.get("state", ""), "iss": self.issuer})
        return RedirectResponse(f"{asked['redirect_uri']}?{query}", 303)

    async def _token(self, request: Request) -> Response:
        form = await request.form()
        client = self._client(request)
        if client is None:
            return JSONResponse({"error": "invalid_client"}, 401, {"WWW-Authenticate": "Basic"})
        if form.get("grant_type") != "authorization_code":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        grant = self.codes.pop(str(form.get("code", "")), None)
        if grant is None or grant.ends < _now() or not _proves(form, grant):
            return JSONResponse({"error": "invalid_grant"}, 400)
        access_token = secrets.token_urlsafe(32)
        self.access[access_token] = (grant.session, _now() + TOKEN_SECONDS)
        claims = _claims(grant.session) | {"aud": client, "nonce": grant.nonce, "at_hash": _half_hash(access_token)}
        return JSONResponse(
            {
                "access_token": access_token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS,
                "id_token": self.sign("JWT", claims),
            }
        )  # fmt: skip

    def _client(self, request: Request) -> str | None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return None
        known = secrets.compare_digest(unquote(secret).encode(), self.client_secret.encode())
        return CLIENT_ID if scheme.lower() == "basic" and unquote(name) == CLIENT_ID and known else None

    async def _userinfo(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        session, ends = self.access.get(token, (None, 0))
        if scheme.lower() != "bearer" or session is None or ends < _now():
            return JSONResponse({"error": "invalid_token"}, 401, {"WWW-Authenticate": "Bearer"})
        return JSONResponse(_profile(session.person) | {"sub": session.person.sub})

    async def _home(self, request: Request) -> Response:
        session = self.sessions.get(request.cookies.get(COOKIE, ""))
        if session is None:
            return page("Demo sign-in", "<p>Nobody is signed in at this provider with this browser.</p>")
        said = f"<p>Signed in as {html.escape(session.person.name)}.</p>"
        button = '<form method="post" action="/end-session"><button>Sign out everywhere</button></form>'
        return page("Demo sign-in", said + button)

    async def _end_session(self, request: Request) -> Response:
        """Ends the browser's session, tells the portal by the back channel, and sends the browser back if it asked."""
        session = self.sessions.pop(request.cookies.get(COOKIE, ""), None)
        back = request.query_params.get("post_logout_redirect_uri")
        if back is not None and back == f"{self.portal_url}/auth/logged-out":
            answer: Response = RedirectResponse(
                f"{back}?{urlencode({'state': request.query_params.get('state', '')})}", 303
            )
        else:
            answer = page("You are signed out", "<p>You are signed out at the demo provider.</p>")
        answer.delete_cookie(COOKIE)
        answer.background = BackgroundTask(self.tell_portal, session) if session else None
        return answer

    async def tell_portal(self, session: SignedIn) -> None:
        """Sends the logout token of a session to the portal; a portal that is gone does not matter."""
        address = f"{self.portal_url}/auth/backchannel-logout/{NAME}"
        async with httpx2.AsyncClient(transport=self.transport, trust_env=False, timeout=5) as client:
            try:
                await client.post(address, data={"logout_token": self.logout_token(session)})
            except httpx2.HTTPError:
                return

    async def _demo_token(self, request: Request) -> Response:
        """An API token for whoever is named: what `portal demo token` asks for."""
        form = await request.form()
        try:
            token = self.api_token(str(form.get("who", ROBOT)), str(form.get("scope", SCOPES)))
        except KeyError:
            known = ", ".join([*BY_SUB, ROBOT])
            return JSONResponse({"error": "unknown", "detail": f"who is one of {known}"}, 404)
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": API_TOKEN_SECONDS})


def _now() -> int:
    return int(clock.now().timestamp())


def _half_hash(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).rstrip(b"=").decode()


def _proves(form: FormData, grant: Grant) -> bool:
    digest = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return secrets.compare_digest(challenge, grant.challenge) and form.get("redirect_uri") == grant.redirect_uri


def _profile(person: DemoPerson) -> dict[str, Any]:
    return {
        "name": person.name, "email": person.email, "email_verified": True, "locale": person.locale,
        "groups": list(person.groups),
    }  # fmt: skip


def _claims(session: SignedIn) -> dict[str, Any]:
    factors = ["pwd", "otp"] if session.acr == SECOND_FACTOR else ["pwd"]
    own = {"sub": session.person.sub, "sid": session.sid, "auth_time": session.auth_time}
    return own | {"acr": session.acr, "amr": factors} | _profile(session.person)
