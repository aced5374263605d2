"""A provider that is down, slow or lying: it costs nobody else anything, and is believed again when it is well."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import time_machine

from portal.db import Database
from portal.identity import fetch
from portal.identity.fetch import BoundedTransport, ProviderFault
from portal.identity.providers import Issuer, check_metadata
from portal.identity.tokens import take_apart
from tests.support.cast import Cast
from tests.support.hostile_provider import ABSENT, HostileProvider, Stream
from tests.support.sign_in import Browser, open_portal, settings_for

DISCOVERY = "/.well-known/openid-configuration"


async def forever(_request: httpx2.Request) -> httpx2.Response:
    """Does not answer."""
    await asyncio.sleep(3600)
    raise AssertionError


def dripping(_request: httpx2.Request) -> httpx2.Response:
    """One byte now and then: each wait is short, the whole has no end."""

    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.005)

    return httpx2.Response(200, stream=Stream(drip()))


def huge(_request: httpx2.Request) -> httpx2.Response:
    """12 MB, which nobody may read to the end."""

    async def flood() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * 524_288
        raise AssertionError("read on after the limit")

    return httpx2.Response(200, stream=Stream(flood()))


def gone(_request: httpx2.Request) -> httpx2.Response:
    """Nobody listens."""
    raise httpx2.ConnectError("refused")


def says(status: int, content: bytes, **headers: str) -> Callable[[httpx2.Request], httpx2.Response]:
    """Answers always the same."""
    return lambda _request: httpx2.Response(status, content=content, headers=headers)


FAULTS: dict[str, Any] = {
    "no connection": gone,
    "no answer": forever,
    "an answer without end": dripping,
    "12 MB": huge,
    "a redirect": says(302, b"", location="https://elsewhere.example/"),
    "500": says(500, b"{}"),
    "404": says(404, b"{}"),
    "a page": says(200, b"<!doctype html>"),
    "nothing": says(200, b""),
    "a list": says(200, b"[]"),
    "deep JSON": says(200, b"[" * 200_000),
    "broken UTF-8": says(200, b'{"issuer": "\xff"}'),
    "a key twice": says(200, b'{"issuer": "a", "issuer": "b"}'),
    "an integer of 5000 digits": says(200, b'{"issuer": ' + b"9" * 5000 + b"}"),
    "gzip that nobody asked for": lambda _request: httpx2.Response(
        200, stream=Stream(_once(b"\x1f\x8b")), headers={"content-encoding": "gzip"}
    ),
}


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline that a test can wait for."""
    before = BoundedTransport.__init__
    monkeypatch.setattr(
        BoundedTransport, "__init__", lambda self, inner=None, **_more: before(self, inner, deadline_seconds=0.05)
    )


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("path", [DISCOVERY, "/jwks", "/token"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_faulty_answer_is_the_providers_fault_and_forgotten(
    path: str, fault: Any, tab: Browser, provider: HostileProvider, invited: Cast
) -> None:
    provider.answers[path] = fault
    if path == DISCOVERY:
        refused = await tab.http.get("/auth/login/main")
    else:
        refused = await tab.sign_in()
    if path == "/token" and fault is FAULTS["404"]:
        assert refused.status_code in (400, 503)
    else:
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
    assert await tab.me() is None
    del provider.answers[path]
    assert (await tab.sign_in()).status_code == 303


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", [gone, forever, huge], ids=["gone", "forever", "huge"])
async def test_a_faulty_userinfo_matters_only_where_something_is_missing(
    fault: Any, tab: Browser, provider: HostileProvider, invited: Cast
) -> None:
    provider.answers["/userinfo"] = fault
    assert (await tab.sign_in()).status_code == 303
    provider.claims["email"] = ABSENT
    assert (await tab.sign_in()).status_code == 503


WRONG_METADATA: dict[str, dict[str, Any]] = {
    "oidcc-client-test-discovery-issuer-mismatch": {"issuer": "https://other.example"},
    "issuer with a slash more": {"issuer": "https://login.example/"},
    "no issuer": {"issuer": ABSENT},
    "no token endpoint": {"token_endpoint": ABSENT},
    "no keys": {"jwks_uri": ABSENT},
    "an endpoint in the clear": {"token_endpoint": "http://login.example/token"},
    "an endpoint of another scheme": {"authorization_endpoint": "javascript:alert(1)"},
    "an endpoint with a password": {"jwks_uri": "https://a:b@login.example/jwks"},
    "an endpoint that is a list": {"token_endpoint": ["https://login.example/token"]},
    "an endpoint with a line break": {"authorization_endpoint": "https://login.example/\r\nX: 1"},
    "algorithms that are text": {"id_token_signing_alg_values_supported": "RS256"},
}


@pytest.mark.parametrize("lies", WRONG_METADATA.values(), ids=WRONG_METADATA.keys())
async def test_a_wrong_discovery_document_is_not_kept(
    lies: dict[str, Any], tab: Browser, provider: HostileProvider, invited: Cast
) -> None:
    provider.metadata.update(lies)
    assert (await tab.http.get("/auth/login/main")).status_code == 503
    provider.metadata.clear()
    assert (await tab.sign_in()).status_code == 303


@pytest.mark.parametrize(
    "keys", [[], [{"kty": "oct", "k": "AAAA"}], "none", [{}] * 51], ids=["empty", "oct", "text", "51"]
)
async def test_a_wrong_key_set_is_not_kept(keys: Any, tab: Browser, provider: HostileProvider, invited: Cast) -> None:
    provider.answers["/jwks"] = lambda _request: httpx2.Response(200, json={"keys": keys})
    assert (await tab.sign_in()).status_code == 503
    del provider.answers["/jwks"]
    assert (await tab.sign_in()).status_code == 303


async def test_one_broken_provider_stops_neither_start_nor_the_others(
    tmp_path: Path, database: Database, invited: Cast, provider: HostileProvider
) -> None:
    broken = HostileProvider(issuer="https://broken.example")
    broken.answers = {DISCOVERY: gone}
    chosen = settings_for(tmp_path, "", broken, provider)
    async with open_portal(chosen, database, broken, provider) as app:
        tab = Browser(app, provider)
        assert (await tab.http.get("/auth/login/main")).status_code == 503
        assert (await tab.sign_in(provider="second")).status_code == 303


async def test_an_answer_of_one_provider_does_not_count_at_the_address_of_another(
    tmp_path: Path, database: Database, invited: Cast, provider: HostileProvider
) -> None:
    other = HostileProvider(issuer="https://other.example")
    async with open_portal(settings_for(tmp_path, "", provider, other), database, provider, other) as app:
        tab = Browser(app, provider)
        brought = provider.authorize(await tab.leave("/auth/login/main"))
        assert (await tab.come_back(brought, provider="second")).status_code == 400
        assert (await tab.come_back(brought, provider="main")).status_code == 400
        assert "/token" not in provider.paths() + other.paths()


async def test_new_keys_are_learned_twice(tab: Browser, provider: HostileProvider, invited: Cast) -> None:
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        for _ in range(3):
            assert (await tab.sign_in()).status_code == 303
            provider.rotate()
            traveller.shift(2)
    assert provider.paths().count("/jwks") == 3


async def test_a_key_replaced_under_its_old_name_is_learned(
    tab: Browser, provider: HostileProvider, invited: Cast
) -> None:
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        await tab.sign_in()
        provider.rotate()
        provider.rsa = type(provider.rsa).import_key(provider.rsa.as_dict(private=True) | {"kid": "rsa-1"})
        traveller.shift(2)
        assert (await tab.sign_in()).status_code == 303


def issuer_of(provider: HostileProvider) -> Issuer:
    """An issuer as the API uses one."""
    return Issuer(provider.issuer, fetch.client(BoundedTransport(provider)))


async def test_unknown_keys_are_asked_for_at_most_once_a_second(provider: HostileProvider) -> None:
    issuer = issuer_of(provider)
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        for _ in range(5):
            await issuer.keys_for("unheard-of")
        assert provider.paths().count("/jwks") == 1
        traveller.shift(1.5)
        await asyncio.gather(*(issuer.keys_for(f"unheard-of-{n}") for n in range(20)))
        assert provider.paths().count("/jwks") == 2


async def test_looking_for_an_unknown_key_holds_up_nobody_who_has_a_known_one(provider: HostileProvider) -> None:
    issuer = issuer_of(provider)
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        await issuer.keys_for("rsa-1")
        traveller.shift(2)
        provider.answers["/jwks"] = forever
        waiting = asyncio.create_task(issuer.keys_for("unheard-of"))
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            assert (await issuer.keys_for("rsa-1")).knows("rsa-1")
        assert not waiting.done()
        waiting.cancel()


async def test_keys_live_an_hour_and_survive_a_failed_renewal(provider: HostileProvider) -> None:
    issuer = issuer_of(provider)
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        await issuer.keys_for("rsa-1")
        traveller.shift(3500)
        await issuer.keys_for("rsa-1")
        assert provider.paths().count("/jwks") == 1
        traveller.shift(200)
        provider.answers["/jwks"] = gone
        assert (await issuer.keys_for("rsa-1")).knows("rsa-1")
        del provider.answers["/jwks"]
        provider.rotate()
        traveller.shift(61)
        assert not (await issuer.keys_for("rsa-2")).knows("rsa-1")


async def test_many_who_wait_share_one_question(provider: HostileProvider) -> None:
    issuer = issuer_of(provider)
    await asyncio.gather(*(issuer.keys_for("rsa-1") for _ in range(50)))
    assert provider.paths() == [DISCOVERY, "/jwks"]


def test_plain_http_is_for_issuers_on_plain_http() -> None:
    document = {"issuer": "http://127.0.0.1:1", "jwks_uri": "http://127.0.0.1:1/jwks"}
    assert check_metadata(document, "http://127.0.0.1:1", ["jwks_uri"]).endpoints["jwks_uri"].endswith("/jwks")
    with pytest.raises(ValueError, match="not https"):
        check_metadata(document | {"issuer": "https://a.example"}, "https://a.example", ["jwks_uri"])


def test_a_provider_may_announce_none_without_getting_it() -> None:
    document = {
        "issuer": "https://a.example", "jwks_uri": "https://a.example/jwks",
        "id_token_signing_alg_values_supported": ["none", "HS256", "ES256"],
    }  # fmt: skip
    assert check_metadata(document, "https://a.example", ["jwks_uri"]).algorithms == {"ES256"}


async def test_the_fault_names_the_host_and_nothing_that_was_sent(provider: HostileProvider) -> None:
    provider.answers["/x"] = gone
    async with fetch.client(BoundedTransport(provider)) as client:
        with pytest.raises(ProviderFault, match=r"^login\.example cannot be reached \(ConnectError\)\.$"):
            await client.get("https://login.example/x?code=secret")


def test_a_token_is_not_even_taken_apart_beyond_a_bearable_size() -> None:
    with pytest.raises(Exception, match="bearable"):
        take_apart("a" * 20_000 + ".b.c")
