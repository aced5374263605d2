"""What the outermost layer refuses, and what it adds to every answer."""

from collections.abc import Sequence

import pytest
from httpx2 import ASGITransport, AsyncClient, Response
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from web.security import MOST_HEADER_BYTES, Edge, content_policy

BASE = "https://portal.example"
OURS, SIBLING = "https://portal.example", "https://portal.example:8443"


async def answer(request: Request) -> PlainTextResponse:
    """An application that takes everything, and says so."""
    kept = {"Cache-Control": "public, max-age=60"} if request.url.path == "/static/x" else {}
    return PlainTextResponse("taken", 404 if request.url.path == "/gone" else 200, kept)


def edge(base: str = BASE) -> Edge:
    """The edge in front of it."""
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", answer, methods=methods)])
    return Edge(app, base_url=base, form_targets=["https://login.example"])


async def ask(
    method: str = "GET",
    path: str = "/",
    headers: Sequence[tuple[str, str]] = (),
    *,
    hosts: Sequence[str] = ("portal.example",),
    base: str = BASE,
) -> Response:
    """One request with exactly these headers."""
    async with AsyncClient(transport=ASGITransport(edge(base)), base_url=base) as client:
        request = client.build_request(method, path)
        request.headers = type(request.headers)([*(("host", host) for host in hosts), *headers])
        return await client.send(request)


@pytest.mark.parametrize(
    ("site", "origin", "status"),
    [
        ("same-origin", OURS, 200),
        ("same-origin", None, 200),
        (None, OURS, 200),
        (None, "HTTPS://PORTAL.EXAMPLE", 200),
        (None, None, 403),
        ("same-site", OURS, 403),
        ("same-site", SIBLING, 403),
        ("cross-site", "https://evil.example", 403),
        ("cross-site", OURS, 403),
        ("none", None, 403),
        ("same-origin", "https://evil.example", 403),
        ("same-origin", "null", 403),
        (None, "null", 403),
        (None, SIBLING, 403),
        (None, "http://portal.example", 403),
        (None, "https://portal.example.evil.example", 403),
        ("", OURS, 403),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_must_come_from_our_own_pages(
    method: str, site: str | None, origin: str | None, status: int
) -> None:
    given = [(name, value) for name, value in (("sec-fetch-site", site), ("origin", origin)) if value is not None]
    response = await ask(method, "/projects/X/view-as", given)
    assert response.status_code == status
    assert (response.text == "taken") is (status == 200)


async def test_two_origins_are_none() -> None:
    assert (await ask("POST", "/", [("origin", OURS), ("origin", OURS)])).status_code == 403


async def test_reading_is_open_to_links_from_elsewhere() -> None:
    assert (await ask("GET", "/projects", [("sec-fetch-site", "cross-site")])).status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/projects", "/auth/backchannel-logout/main"])
async def test_doors_without_cookies_take_writes_from_programs(path: str) -> None:
    assert (await ask("POST", path)).status_code == 200


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        (("portal.example",), 200),
        (("PORTAL.example",), 200),
        ((), 421),
        (("evil.example",), 421),
        (("portal.example", "portal.example"), 421),
        (("portal.example", "evil.example"), 421),
        (("portal.example:443",), 421),
        (("portal.example.evil.example",), 421),
    ],
)
async def test_the_portal_answers_to_its_own_name_alone(hosts: Sequence[str], status: int) -> None:
    assert (await ask(hosts=hosts)).status_code == status


async def test_health_checks_may_use_whatever_name_the_machine_has() -> None:
    assert (await ask(path="/healthz", hosts=("10.0.0.7:8000",))).status_code == 200
    assert (await ask("POST", "/healthz", hosts=("10.0.0.7:8000",))).status_code == 421


async def test_headers_have_a_limit() -> None:
    assert (await ask(headers=[("x", "a" * (MOST_HEADER_BYTES - 100))])).status_code == 200
    assert (await ask(headers=[("x", "a" * MOST_HEADER_BYTES)])).status_code == 431


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/gone"), ("POST", "/refused")])
async def test_every_answer_carries_the_protecting_headers(method: str, path: str) -> None:
    headers = (await ask(method, path)).headers
    assert headers["content-security-policy"] == content_policy(["https://login.example"])
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["strict-transport-security"].startswith("max-age=31536000")
    assert headers["vary"] == "Cookie"


def test_the_policy_allows_our_own_files_alone() -> None:
    policy = dict(part.strip().split(" ", 1) for part in content_policy(["https://login.example"]).split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "font-src": "'self'",
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "form-action": "'self' https://login.example",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


async def test_transport_security_is_promised_only_where_there_is_some() -> None:
    response = await ask(hosts=("localhost:8000",), base="http://localhost:8000")
    assert response.status_code == 200
    assert "strict-transport-security" not in response.headers


@pytest.mark.parametrize(
    ("path", "kept"),
    [("/", "private, no-cache"), ("/gone", "no-store"), ("/static/x", "public, max-age=60")],
)
async def test_only_what_is_public_is_kept_by_others(path: str, kept: str) -> None:
    assert (await ask(path=path)).headers["cache-control"] == kept
