"""A person signs in: what is sent, what is kept, and that each sign-in counts once."""

import pytest
import time_machine
from fastapi import FastAPI
from sqlalchemy import select

from portal.access import Role
from portal.db import Database
from portal.identity.models import Session, SignIn
from tests.support.cast import Cast
from tests.support.hostile_provider import HostileProvider
from tests.support.sign_in import Browser, query_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


async def test_an_invited_person_signs_in_and_is_what_they_were_invited_as(tab: Browser, invited: Cast) -> None:
    answer = await tab.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/projects")
    me = await tab.me()
    assert me is not None
    assert (me["name"], me["email"], me["locale"], me["staff_roles"]) == ("Ada Brandt", "ada@client.example", "ru", [])
    assert me["projects"] == [{"key": "BRIDGE", "name": "The bridge", "roles": [Role.APPROVER, Role.VIEWER]}]
    assert me["session"]["amr"] == ["pwd"]


async def test_the_browser_is_sent_away_with_pkce_state_and_nonce(tab: Browser) -> None:
    sent = query_of(await tab.leave(next="/projects/BRIDGE"))
    assert sent.keys() == {
        "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method",
    }  # fmt: skip
    assert (sent["response_type"], sent["client_id"], sent["code_challenge_method"]) == ("code", "portal", "S256")
    assert sent["redirect_uri"] == "https://portal.example/auth/callback/main"
    assert sent["scope"] == "openid profile email"
    assert min(len(sent["state"]), len(sent["nonce"]), len(sent["code_challenge"])) >= 43


async def test_the_client_authenticates_by_basic_with_an_encoded_secret(
    tab: Browser, provider: HostileProvider, invited: Cast
) -> None:
    await tab.sign_in()
    sent = next(request for request in provider.asked if request.url.path == "/token")
    assert sent.headers["authorization"] == ("Basic cG9ydGFsOnMzY3IlMkJ0JTJGd2l0aCUyMCUyNW9kZCUzQSUyMGNoYXJhY3RlcnM=")
    assert b"client_secret" not in sent.content


async def test_the_way_back_leads_to_the_page_that_was_wanted(tab: Browser, invited: Cast) -> None:
    address = await tab.leave(next="/projects/BRIDGE/backlog?status=open")
    answer = await tab.come_back(tab.provider.authorize(address))
    assert answer.headers["location"] == "/projects/BRIDGE/backlog?status=open"


async def test_the_way_back_never_leads_elsewhere(tab: Browser, invited: Cast) -> None:
    for wanted in ("https://evil.example", "//evil.example", "/\\evil.example", "/%5cevil.example", "/\t/evil.example"):
        answer = await tab.come_back(tab.provider.authorize(await tab.leave(next=wanted)))
        assert answer.headers["location"] == "/projects"


async def test_the_session_cookie_is_bound_to_the_host_and_unreadable(tab: Browser, invited: Cast) -> None:
    answer = await tab.sign_in()
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("__Host-portal="))
    said = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "secure", "samesite=lax", "path=/"} <= said
    assert not any(part.startswith("domain") for part in said)


async def test_nothing_secret_is_kept_in_the_database(tab: Browser, database: Database, invited: Cast) -> None:
    address = await tab.leave()
    async with database.read() as db:
        sign_in = (await db.scalars(select(SignIn))).one()
    assert query_of(address)["state"].encode() not in sign_in.state_hash
    await tab.come_back(tab.provider.authorize(address))
    token = tab.http.cookies["__Host-portal"]
    async with database.read() as db:
        session = (await db.scalars(select(Session).where(Session.user_agent != "tests"))).one()
    assert token.encode() not in session.token_hash
    assert len(session.token_hash) == 32


async def test_a_sign_in_counts_once(tab: Browser, provider: HostileProvider, invited: Cast) -> None:
    brought = provider.authorize(await tab.leave())
    assert (await tab.come_back(brought)).status_code == 303
    again = await tab.come_back(brought)
    assert again.status_code == 400
    assert provider.paths().count("/token") == 1


async def test_a_sign_in_is_gone_even_when_its_code_was_refused(
    tab: Browser, provider: HostileProvider, invited: Cast
) -> None:
    address = await tab.leave()
    assert (await tab.come_back(provider.authorize(address, code="stolen"))).status_code == 400
    assert (await tab.come_back(provider.authorize(address))).status_code == 400
    assert await tab.me() is None


async def test_two_tabs_both_sign_in(tab: Browser, provider: HostileProvider, invited: Cast) -> None:
    first, second = await tab.leave(next="/projects?tab=1"), await tab.leave(next="/projects?tab=2")
    assert (await tab.come_back(provider.authorize(second))).headers["location"] == "/projects?tab=2"
    assert (await tab.come_back(provider.authorize(first))).headers["location"] == "/projects?tab=1"
    assert await tab.me() is not None


async def test_a_sign_in_of_another_browser_is_refused(app: FastAPI, tab: Browser, invited: Cast) -> None:
    attacker = Browser(app, tab.provider)
    brought = tab.provider.authorize(await attacker.leave())
    assert (await tab.come_back(brought)).status_code == 400
    await tab.leave()
    assert (await tab.come_back(brought)).status_code == 400
    assert await tab.me() is None


async def test_a_sign_in_that_took_too_long_is_refused(tab: Browser, invited: Cast) -> None:
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        brought = tab.provider.authorize(await tab.leave())
        traveller.shift(10 * 60)
        assert (await tab.come_back(brought)).status_code == 400
    assert "/token" not in tab.provider.paths()


async def test_two_cookies_of_the_name_mean_signed_out(app: FastAPI, tab: Browser, invited: Cast) -> None:
    await tab.sign_in()
    token = tab.http.cookies["__Host-portal"]
    both = {"Cookie": f"__Host-portal={token}; __Host-portal=planted"}
    bare = Browser(app, tab.provider)
    assert (await bare.http.get("/me", headers={"Cookie": f"__Host-portal={token}"})).status_code == 200
    assert (await bare.http.get("/me", headers=both)).status_code == 401


async def test_signing_in_again_ends_the_session_before(app: FastAPI, tab: Browser, invited: Cast) -> None:
    await tab.sign_in()
    old = tab.http.cookies["__Host-portal"]
    await tab.sign_in()
    assert tab.http.cookies["__Host-portal"] != old
    bare = Browser(app, tab.provider)
    assert (await bare.http.get("/me", headers={"Cookie": f"__Host-portal={old}"})).status_code == 401


async def test_a_token_that_was_planted_before_is_never_taken_over(app: FastAPI, tab: Browser, invited: Cast) -> None:
    tab.http.cookies.set("__Host-portal", "planted-by-somebody", domain="portal.example")
    await tab.sign_in()
    assert (await Browser(app, tab.provider).http.get(
        "/me", headers={"Cookie": "__Host-portal=planted-by-somebody"}
    )).status_code == 401  # fmt: skip


async def test_an_unknown_provider_is_not_found(tab: Browser) -> None:
    assert (await tab.http.get("/auth/login/nowhere")).status_code == 404
    assert (await tab.http.get("/auth/callback/nowhere")).status_code == 404


async def test_the_page_to_sign_in_offers_each_provider_with_the_way_back(tab: Browser) -> None:
    page = await tab.http.get("/sign-in", params={"next": "/projects/BRIDGE"})
    assert page.status_code == 200
    assert 'href="/auth/login/main?next=%2Fprojects%2FBRIDGE"' in page.text
