"""What is checked and added at the very edge, whatever the page: host, header size, origin of writes, headers."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.errors import page_for, status_of

MOST_HEADER_BYTES = 32 * 1024
MOST_FORM_BYTES = 256 * 1024
"""Of what is sent to a page, which is in memory whole before its handler is asked: all our forms have far less."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
NO_COOKIES = ("/api/", "/auth/backchannel-logout/", "/unsubscribe/")
"""Doors that know no cookie, so that nobody's browser can be made to use them."""

YEAR_SECONDS = 31_536_000


def content_policy(form_targets: Iterable[str] = ()) -> str:
    """The Content-Security-Policy of every page: our own files alone, nothing inline, no frames.

    `form_targets` are origins that a form may end at after redirects: browsers apply form-action to those too, and
    signing out goes on to the identity provider.
    """
    forms = " ".join(["'self'", *sorted(set(form_targets))])
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        f"connect-src 'self'; manifest-src 'self'; form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
    )


def origin_of(address: str) -> str:
    """Scheme, host and port of an address, as browsers write it in an Origin header."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}".lower()


def is_same_origin_write(base_url: str, site: str | None, origin: str | None) -> bool:
    """Whether a browser says that a write comes from our own pages.

    Sec-Fetch-Site decides where it is sent; Origin is for older browsers; with neither, nobody vouches. Sibling hosts
    and ports are `same-site` and refused. An Origin that disagrees refuses whatever Sec-Fetch-Site says.
    """
    if origin is not None and origin.lower() != origin_of(base_url):
        return False
    if site is not None:
        return site == "same-origin"
    return origin is not None


class Edge:
    """ASGI middleware in front of everything; refuses before any route is looked at and before anything is read.

    What nobody foresaw becomes a page here, inside the headers, and goes on to whoever logs it.
    """

    def __init__(self, app: ASGIApp, *, base_url: str, form_targets: Iterable[str] = ()) -> None:
        self.app = app
        self.base_url = base_url
        self.host = urlsplit(base_url).netloc.lower()
        self.headers = _fixed_headers(base_url, form_targets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        has_begun = False

        async def with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                self._add(MutableHeaders(scope=message), message["status"])
            await send(message)

        refusal = self._refusal(scope)
        try:
            await (refusal or self.app)(scope, _bounded(scope, receive), with_headers)
        except Exception as error:
            is_ours = status_of(error) == 500 or has_begun
            if not has_begun:
                page = await page_for(Request(scope, receive), error)
                await page(scope, receive, with_headers)
            if is_ours:
                raise

    def _add(self, headers: MutableHeaders, status: int) -> None:
        for name, value in self.headers:
            headers.setdefault(name, value)
        if "cache-control" not in headers:
            headers["Cache-Control"] = "private, no-cache" if status in (200, 304) else "no-store"
        if "public" not in headers["cache-control"] and "cookie" not in headers.get("vary", "").lower():
            headers.add_vary_header("Cookie")

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        raw: list[tuple[bytes, bytes]] = scope["headers"]
        if sum(len(name) + len(value) for name, value in raw) > MOST_HEADER_BYTES:
            return PlainTextResponse("The request's headers are too large.\n", 431)
        hosts = [value.decode("latin-1").lower() for name, value in raw if name == b"host"]
        if hosts != [self.host] and not _is_probe(scope):
            return PlainTextResponse("This address does not lead to the portal: it has another name.\n", 421)
        if scope["method"] in SAFE_METHODS or scope["path"].startswith(NO_COOKIES):
            return None
        sites, origins = _values(raw, b"sec-fetch-site"), _values(raw, b"origin")
        if len(sites) < 2 and len(origins) < 2 and is_same_origin_write(self.base_url, _first(sites), _first(origins)):
            return None
        return PlainTextResponse("This form was not sent from the portal's own pages. Nothing was changed.\n", 403)


def streams(request: Request) -> None:
    """Says that this handler reads the body as it arrives, and bounds it by itself."""
    request.state.streams = True


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """The same body, of which a page that does not say otherwise (`streams`) is given so much as a form may have; the
    API sees to its own. Reading on raises HTTPException 413."""
    if scope["path"].startswith("/api/"):
        return receive
    state, size = scope.setdefault("state", {}), 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MOST_FORM_BYTES and not state.get("streams"):
            raise HTTPException(413)
        return message

    return counted


def _is_probe(scope: Scope) -> bool:
    # Health checks come from the machine itself by whatever name it has there, and carry nothing.
    return scope["path"] in ("/healthz", "/readyz") and scope["method"] in ("GET", "HEAD")


def _values(raw: list[tuple[bytes, bytes]], wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in raw if name == wanted]


def _first(values: list[str]) -> str | None:
    return values[0] if values else None


def _fixed_headers(base_url: str, form_targets: Iterable[str]) -> list[tuple[str, str]]:
    headers = [
        ("Content-Security-Policy", content_policy(form_targets)),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()"),
        ("X-Robots-Tag", "noindex, nofollow"),
    ]
    if base_url.startswith("https://"):
        headers.append(("Strict-Transport-Security", f"max-age={YEAR_SECONDS}; includeSubDomains"))
    return headers
