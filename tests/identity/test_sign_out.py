"""Sessions end: by the person, by time, by the agency, and by the provider over the back channel."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import time_machine
from fastapi import FastAPI

from portal import clock
from portal.access import SYSTEM
from portal.db import Database
from portal.identity import commands
from portal.identity.tokens import LOGOUT_EVENT
from tests.support.cast import Cast
from tests.support.hostile_provider import ABSENT, HostileProvider
from tests.support.sign_in import Browser, query_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


async def tell(tab: Browser, token: str, *, provider: str = "main") -> httpx2.Response:
    """The provider sends a logout token, as a server does: no cookie, no Origin."""
    bare = Browser(tab.app, tab.provider)
    return await bare.http.post(f"/auth/backchannel-logout/{provider}", data={"logout_token": token})


async def test_signing_out_ends_the_session_and_goes_on_to_the_provider(
    app: FastAPI, tab: Browser, invited: Cast
) -> None:
    await tab.sign_in()
    token = tab.http.cookies["__Host-portal"]
    answer = await tab.post("/auth/logout")
    address = answer.headers["location"]
    assert answer.status_code == 303
    assert address.startswith("https://login.example/bye?")
    asked = query_of(address)
    assert asked.keys() == {"client_id", "post_logout_redirect_uri", "state"}
    assert asked["post_logout_redirect_uri"] == "https://portal.example/auth/logged-out"
    assert "__Host-portal" not in tab.http.cookies
    again = await Browser(app, tab.provider).http.get("/me", headers={"Cookie": f"__Host-portal={token}"})
    assert again.status_code == 401


async def test_only_our_own_state_confirms_that_the_provider_signed_out_too(tab: Browser, invited: Cast) -> None:
    said = {"right": "here and at your identity provider", "wrong": "You may still be signed in"}
    for state, words in (("ours", said["right"]), ("other", said["wrong"]), ("none", said["wrong"])):
        await tab.sign_in()
        asked = query_of((await tab.post("/auth/logout")).headers["location"])
        query = {"ours": {"state": asked["state"]}, "other": {"state": "x"}, "none": {}}[state]
        page = await tab.http.get("/auth/logged-out", params=query)
        assert (page.status_code, words in page.text) == (200, True), state


async def test_signing_out_needs_our_own_page_and_a_post(tab: Browser, invited: Cast) -> None:
    await tab.sign_in()
    assert (await tab.http.get("/auth/logout")).status_code == 405
    assert (await tab.http.post("/auth/logout", headers={"Origin": "https://evil.example"})).status_code == 403
    assert (await tab.http.post("/auth/logout", headers={"Sec-Fetch-Site": "same-site"})).status_code == 403
    assert (await tab.http.post("/auth/logout")).status_code == 403
    assert await tab.me() is not None


async def test_signing_out_works_while_the_provider_is_down(tab: Browser, invited: Cast) -> None:
    await tab.sign_in()

    def gone(_request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("gone")

    with time_machine.travel(clock.now().timestamp() + 7200, tick=False):
        tab.provider.answers = dict.fromkeys(["/.well-known/openid-configuration", "/jwks"], gone)
        assert (await tab.post("/auth/logout")).status_code == 303
        assert await tab.me() is None


async def test_a_session_ends_after_being_idle_and_lives_on_when_used(tab: Browser, invited: Cast) -> None:
    with time_machine.travel("2026-11-24T08:00:00Z", tick=False) as traveller:
        await tab.sign_in()
        for _ in range(4):
            traveller.shift(11 * 3600)
            assert await tab.me() is not None
        traveller.shift(12 * 3600 + 1)
        assert await tab.me() is None


async def test_a_session_ends_after_its_absolute_life_however_used(tab: Browser, invited: Cast) -> None:
    with time_machine.travel("2026-11-24T08:00:00Z", tick=False) as traveller:
        await tab.sign_in()
        for _ in range(14 * 24 // 8 - 1):
            traveller.shift(8 * 3600)
            assert await tab.me() is not None
        traveller.shift(8 * 3600 + 1)
        assert await tab.me() is None


async def test_a_person_sees_and_ends_their_own_sessions_alone(
    app: FastAPI, tab: Browser, provider: HostileProvider, invited: Cast
) -> None:
    other = Browser(app, provider)
    await tab.sign_in()
    await other.sign_in()
    listed = (await tab.http.get("/me/sessions")).json()["sessions"]
    assert [one["current"] for one in listed].count(True) == 1
    assert len(listed) == 2
    theirs = next(one["id"] for one in listed if not one["current"])
    assert (await tab.post(f"/me/sessions/{theirs}/end")).status_code == 303
    assert (await other.me(), (await tab.me()) is not None) == (None, True)


async def test_somebody_elses_session_answers_like_one_that_never_was(
    app: FastAPI, tab: Browser, provider: HostileProvider, invited: Cast
) -> None:
    await tab.sign_in()
    mine = (await tab.http.get("/me/sessions")).json()["sessions"][0]["id"]
    stranger = Browser(app, provider)
    stranger.http.headers["Cookie"] = f"__Host-portal={invited.tokens['mallory']}"
    refused = [await stranger.post(f"/me/sessions/{one}/end") for one in (mine, str(uuid4()), "17")]
    assert [answer.status_code for answer in refused] == [404, 404, 404]
    assert await tab.me() is not None


async def test_a_disabled_person_is_out_at_the_next_request(tab: Browser, database: Database, invited: Cast) -> None:
    await tab.sign_in()
    me = await tab.me()
    assert me is not None
    async with database.write() as db:
        from uuid import UUID

        await commands.shut_out(db, SYSTEM, UUID(me["id"]))
    assert await tab.me() is None
    refused = await tab.sign_in()
    assert (refused.status_code, "This account has been disabled" in refused.text) == (403, True)


async def test_a_member_who_is_removed_sees_nothing_at_the_next_request(
    tab: Browser, database: Database, invited: Cast
) -> None:
    from uuid import UUID

    from portal.people import commands as people

    await tab.sign_in()
    me = await tab.me()
    assert me is not None
    assert [one["key"] for one in me["projects"]] == ["BRIDGE"]
    async with database.write() as db:
        await people.remove_member(db, await invited.scope(db, "wei"), UUID(me["id"]))
    after = await tab.me()
    assert after is not None
    assert after["projects"] == []
    assert (await tab.http.get("/projects/BRIDGE")).status_code == 404


BY: dict[str, dict[str, Any]] = {"sid": {"sub": ABSENT}, "sub": {"sid": ABSENT}, "both": {}}


@pytest.mark.parametrize("lies", BY.values(), ids=BY.keys())
async def test_the_provider_ends_a_session_by_sid_by_sub_and_by_both(
    lies: dict[str, Any], tab: Browser, provider: HostileProvider, invited: Cast
) -> None:
    await tab.sign_in()
    answer = await tell(tab, provider.logout_token(**lies))
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (200, b"", "no-store")
    assert await tab.me() is None


async def test_a_sid_ends_that_session_and_a_sub_all_of_the_account(
    app: FastAPI, provider: HostileProvider, invited: Cast
) -> None:
    browsers = {}
    for provider.sid in ("sid-1", "sid-2", "sid-3"):
        browsers[provider.sid] = Browser(app, provider)
        await browsers[provider.sid].sign_in()
    await tell(browsers["sid-1"], provider.logout_token(sid="sid-2", sub=ABSENT))
    assert [sid for sid, one in browsers.items() if await one.me()] == ["sid-1", "sid-3"]
    await tell(browsers["sid-1"], provider.logout_token(sid="sid-1", sub="somebody-else"))
    assert [sid for sid, one in browsers.items() if await one.me()] == ["sid-1", "sid-3"]
    await tell(browsers["sid-1"], provider.logout_token(sid=ABSENT))
    assert [sid for sid, one in browsers.items() if await one.me()] == []


async def test_a_logout_token_that_comes_again_ends_no_later_session(
    tab: Browser, provider: HostileProvider, invited: Cast
) -> None:
    await tab.sign_in()
    token = provider.logout_token()
    assert (await tell(tab, token)).status_code == 200
    await tab.sign_in()
    assert (await tell(tab, token)).status_code == 400
    assert await tab.me() is not None


def seconds(offset: int) -> int:
    """A time relative to now."""
    return int(clock.now().timestamp()) + offset


NOT_BELIEVED: dict[str, Callable[[HostileProvider], str]] = {
    "oidcc-client-test-rp-backchannel-rpinitlogout-alg-none": lambda p: _signed(p, "none", p.logout_token),
    "oidcc-client-test-rp-backchannel-rpinitlogout-no-event": lambda p: p.logout_token(events=ABSENT),
    "oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce": lambda p: p.logout_token(nonce="n"),
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg": lambda p: _signed(p, "HS256", p.logout_token),
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud": lambda p: p.logout_token(aud="other"),
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event": lambda p: p.logout_token(events={"wrong": {}}),
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss": lambda p: p.logout_token(iss="https://other.example"),
    "event that is no object": lambda p: p.logout_token(events={LOGOUT_EVENT: None}),
    "events a list": lambda p: p.logout_token(events=[LOGOUT_EVENT]),
    "neither sid nor sub": lambda p: p.logout_token(sid=ABSENT, sub=ABSENT),
    "sid a number": lambda p: p.logout_token(sid=1),
    "sub empty": lambda p: p.logout_token(sub=""),
    "no jti": lambda p: p.logout_token(jti=ABSENT),
    "jti a number": lambda p: p.logout_token(jti=7),
    "no iat": lambda p: p.logout_token(iat=ABSENT),
    "no exp": lambda p: p.logout_token(exp=ABSENT),
    "expired": lambda p: p.logout_token(exp=seconds(-60)),
    "made long ago": lambda p: p.logout_token(iat=seconds(-3600)),
    "from the future": lambda p: p.logout_token(iat=seconds(3600)),
    "typ of an access token": lambda p: p.logout_token({"typ": "at+jwt"}),
    "an ID token": lambda p: p.sign(p.id_claims("n")),
    "crit": lambda p: p.logout_token({"crit": ["exp"]}),
    "not a token": lambda _p: "nothing",
    "empty": lambda _p: "",
}


def _signed(provider: HostileProvider, algorithm: str, make: Callable[[], str]) -> str:
    provider.algorithm, provider.signs_with = algorithm, provider.client_secret.encode()
    token = make()
    provider.algorithm, provider.signs_with = "RS256", None
    return token


@pytest.mark.parametrize("make", NOT_BELIEVED.values(), ids=NOT_BELIEVED.keys())
async def test_a_logout_token_that_must_not_be_believed_ends_nothing(
    make: Callable[[HostileProvider], str], tab: Browser, provider: HostileProvider, invited: Cast
) -> None:
    await tab.sign_in()
    answer = await tell(tab, make(provider))
    assert (answer.status_code, answer.headers["cache-control"]) == (400, "no-store")
    assert answer.json() == {"error": "invalid_request"}
    assert await tab.me() is not None


@pytest.mark.parametrize(
    "typ",
    ["logout+jwt", "JWT", "LOGOUT+JWT", "application/logout+jwt", ABSENT],
    ids=["logout", "JWT", "upper", "long", "none"],
)
async def test_the_kinds_of_logout_token_that_providers_send(
    typ: Any, tab: Browser, provider: HostileProvider, invited: Cast
) -> None:
    await tab.sign_in()
    assert (await tell(tab, provider.logout_token({"typ": typ}))).status_code == 200
    assert await tab.me() is None


async def test_a_session_that_is_not_there_is_no_fault(tab: Browser, provider: HostileProvider, cast: Cast) -> None:
    assert (await tell(tab, provider.logout_token(sid="unheard-of", sub=ABSENT))).status_code == 200


async def test_the_back_channel_reads_one_form_of_bearable_size(
    tab: Browser, provider: HostileProvider, invited: Cast
) -> None:
    await tab.sign_in()
    token = provider.logout_token()
    address = "/auth/backchannel-logout/main"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    refused = [
        await tab.http.post(address, content=f"logout_token={token}&logout_token={token}", headers=form),
        await tab.http.post(address, content=f"logout_token={token}&x={'y' * 40_000}", headers=form),
        await tab.http.post(address, content=b"logout_token=\xff", headers=form),
        await tab.http.post(address, json={"logout_token": token}),
        await tab.http.post(address, headers=form),
        await tab.http.post(f"/auth/backchannel-logout/nowhere?logout_token={token}", headers=form),
    ]
    assert [answer.status_code for answer in refused] == [400] * 6
    assert await tab.me() is not None


async def test_one_provider_ends_no_session_of_another(
    app: FastAPI, tab: Browser, provider: HostileProvider, invited: Cast, database: Database
) -> None:
    """The other provider uses the same names for accounts and sessions."""
    from tests.support.sign_in import open_portal, settings_for

    other = HostileProvider(issuer="https://other.example")
    folder = app.state.settings.data_dir
    async with open_portal(settings_for(folder, "", provider, other), database, provider, other) as both:
        mine = Browser(both, provider)
        await mine.sign_in()
        assert (await tell(mine, other.logout_token(), provider="second")).status_code == 200
        assert (await tell(mine, other.logout_token(), provider="main")).status_code == 400
        assert await mine.me() is not None
