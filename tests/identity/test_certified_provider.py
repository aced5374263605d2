"""The same flows against an OpenID-certified provider that we did not write, over real connections."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from portal.db import Database
from portal.identity import bearer
from portal.identity.bearer import NotStaff
from portal.people import invitations
from portal.settings import Settings
from tests.support import certified
from tests.support.cast import Cast
from tests.support.live import serving
from tests.support.ports import free_port
from tests.support.sign_in import portal_app, query_of, settings_for

PORT = free_port()
PORTAL = f"http://127.0.0.1:{PORT}"


@pytest.fixture(scope="module")
def idp() -> Iterator[certified.Certified]:
    """The provider, for a portal at PORTAL."""
    preloaded = Path(certified.__file__).with_name("loopback_fetch.mjs")
    with certified.provider(PORTAL, NODE_OPTIONS=f"--import={preloaded.as_uri()}") as started:
        yield started


@pytest.fixture
def settings(tmp_path: Path, idp: certified.Certified) -> Settings:
    """The settings of a portal that uses it, also for its API."""
    one = {
        "name": "main", "label": "Certified", "issuer": idp.issuer,
        "client_id": idp.client_id, "client_secret": idp.client_secret,
        "scopes": "openid profile email groups", "staff_groups": {"staff": "member", "pm": "manager"},
        "step_up_acr": "urn:portal:acr:mfa",
    }  # fmt: skip
    robot = {"client_id": "staff-tool", "name": "Tool", "scopes": ["staff:write"]}
    return settings_for(tmp_path, "", base_url=PORTAL, oidc_providers=[one], api_issuer=idp.issuer, robots=[robot])


@pytest.fixture
async def portal(settings: Settings, database: Database, cast: Cast) -> AsyncIterator[FastAPI]:
    """A portal on a real port; Anna is invited to BRIDGE, and so is the address that is not verified."""
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        for address in ("anna@client-a.example", "uma@client-a.example"):
            await invitations.invite(db, scope, settings, email=address, roles=["approver"])
    app = portal_app(settings, database, None)
    async with serving(app, PORT):
        yield app
    await app.state.providers.close()


class Person:
    """Somebody's browser. Two cookie jars, because ports of one host would share one."""

    def __init__(self, name: str, portal: httpx2.AsyncClient, provider: httpx2.AsyncClient) -> None:
        self.name, self.portal, self.provider = name, portal, provider

    async def at_provider(self, address: str, **form: str) -> str:
        """Goes through the provider's pages, and returns the address that leads back to the portal."""
        answer = await self.provider.get(address)
        for _ in range(10):
            location = str(answer.headers.get("location", ""))
            if location.startswith(PORTAL):
                return location
            if location:
                answer = await self.provider.get(answer.url.join(location))
            else:
                login = {"login": self.name, "password": f"pw-{self.name}"} | form
                answer = await self.provider.post(answer.url, data=login)
        raise AssertionError("the provider never sent the browser back")

    async def sign_in(self, start: str = "/auth/login/main", **form: str) -> httpx2.Response:
        """Signs in."""
        away = await self.portal.get(start)
        return await self.portal.get(await self.at_provider(away.headers["location"], **form))

    async def me(self) -> dict[str, Any] | None:
        """Who the portal says this is."""
        answer = await self.portal.get("/me")
        return answer.json() if answer.status_code == 200 else None


People = Callable[[str], Awaitable[Person]]


@pytest.fixture
async def open_as(portal: FastAPI) -> AsyncIterator[People]:
    """Opens a browser for somebody; all are closed at the end."""
    async with AsyncExitStack() as opened:

        async def open_one(name: str) -> Person:
            at_portal = await opened.enter_async_context(httpx2.AsyncClient(base_url=PORTAL, trust_env=False))
            return Person(name, at_portal, await opened.enter_async_context(httpx2.AsyncClient(trust_env=False)))

        yield open_one


async def test_an_invited_client_signs_in(open_as: People) -> None:
    anna = await open_as("client.anna")
    assert (await anna.sign_in()).status_code == 303
    me = await anna.me()
    assert me is not None
    assert (me["name"], me["locale"], me["staff_roles"]) == ("Anna Klient", "ru", [])
    assert [one["key"] for one in me["projects"]] == ["BRIDGE"]


async def test_staff_sign_in_by_their_groups(open_as: People) -> None:
    wei = await open_as("staff.wei")
    await wei.sign_in()
    me = await wei.me()
    assert me is not None
    assert (me["name"], me["staff_roles"]) == ("李伟", ["manager", "member"])


@pytest.mark.parametrize("name", ["client.boris", "client.unverified"])
async def test_the_uninvited_and_the_unverified_stay_out(name: str, open_as: People) -> None:
    person = await open_as(name)
    refused = await person.sign_in()
    assert (refused.status_code, "You have not been invited yet" in refused.text) == (403, True)
    assert await person.me() is None


async def test_cancelling_at_the_provider_is_no_sign_in(open_as: People) -> None:
    refused = await (await open_as("client.anna")).sign_in(cancel="1")
    assert (refused.status_code, "You did not sign in" in refused.text) == (400, True)


async def test_a_step_up_brings_the_second_factor(open_as: People) -> None:
    anna = await open_as("client.anna")
    await anna.sign_in()
    assert (await anna.sign_in("/auth/step-up?next=/projects", otp="000000")).status_code == 303
    me = await anna.me()
    assert me is not None
    assert (me["session"]["acr"], me["session"]["auth_time"] is not None) == ("urn:portal:acr:mfa", True)


async def test_signing_out_at_the_portal_ends_the_providers_session_too(
    open_as: People, idp: certified.Certified
) -> None:
    anna, elsewhere = await open_as("client.anna"), await open_as("client.anna")
    await anna.sign_in()
    await elsewhere.sign_in()
    left = await anna.portal.post("/auth/logout", headers={"Origin": PORTAL})
    page = await anna.provider.get(left.headers["location"])
    action, secret = (_between(page.text, start, '"') for start in ('action="', 'name="xsrf" value="'))
    confirmed = await anna.provider.post(action, data={"xsrf": secret, "logout": "yes"})
    back = confirmed.headers["location"]
    assert back.startswith(f"{PORTAL}/auth/logged-out?state=")
    assert "here and at your identity provider" in (await anna.portal.get(back)).text
    assert await anna.me() is None
    assert await elsewhere.me() is not None


async def test_the_provider_ends_a_session_of_the_portal_by_itself(open_as: People, idp: certified.Certified) -> None:
    anna = await open_as("client.anna")
    await anna.sign_in()
    asked = query_of((await anna.portal.get("/auth/login/main")).headers["location"])
    page = await anna.provider.get(f"{idp.issuer}/session/end", params={"client_id": asked["client_id"]})
    action, secret = (_between(page.text, start, '"') for start in ('action="', 'name="xsrf" value="'))
    await anna.provider.post(action, data={"xsrf": secret, "logout": "yes"})
    async with asyncio.timeout(30):
        while await anna.me() is not None:  # noqa: ASYNC110 -- another process tells the portal, when it gets to it
            await asyncio.sleep(0.02)
    assert "backchannel.success" in [entry["event"] for entry in idp.log()]


def _between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]


@pytest.mark.parametrize("drop", [False, True], ids=["added", "replaced"])
async def test_new_keys_are_learned(drop: bool, open_as: People, idp: certified.Certified) -> None:
    assert (await (await open_as("client.anna")).sign_in()).status_code == 303
    idp.rotate_keys(drop=drop)
    await asyncio.sleep(1.1)  # unknown keys are asked for at most once a second
    assert (await (await open_as("client.anna")).sign_in()).status_code == 303


async def test_its_access_tokens_are_good_for_registered_robots_alone(
    portal: FastAPI, settings: Settings, database: Database, idp: certified.Certified
) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.post(
            f"{idp.issuer}/token",
            data={"grant_type": "client_credentials", "scope": "staff:read staff:admin"},
            auth=("staff-tool", "staff-tool-secret"),
        )
    token = answer.json()["access_token"]
    issuer = portal.state.providers.api
    found = await bearer.recognise(database, settings, issuer, token, needs=bearer.WRITE)
    assert (found.viewer.actor, found.scopes) == ("robot:staff-tool", {"staff:read", "staff:write"})
    unregistered = settings.model_copy(update={"robots": ()})
    with pytest.raises(NotStaff):
        await bearer.recognise(database, unregistered, issuer, token, needs=bearer.READ)
