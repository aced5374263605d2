"""The demo's own provider: real code flow and signatures, on loopback alone."""

from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from portal.access import Role, StaffRole
from portal.db import Database
from portal.demo.cast import CAST, FIRST_CLIENT, SECOND_CLIENT, STAFF_GROUPS
from portal.demo.provider import ROBOT, SECOND_FACTOR, DemoProvider
from portal.demo.serving import running
from portal.identity import bearer
from portal.identity.bearer import BearerRefused, NotStaff
from portal.people import invitations
from portal.settings import Settings, SettingsError
from tests.support.cast import Cast
from tests.support.ports import free_port
from tests.support.sign_in import portal_app, settings_for

PORTAL = "http://127.0.0.1:8123"
PROVIDER = "http://127.0.0.1:8124"


class Form(HTMLParser):
    """The hidden fields of a page's form, and the values of its buttons."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.people: list[str] = []
        self.checks: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for each tag."""
        found = dict(attrs)
        if tag == "input" and found.get("type") == "hidden":
            self.hidden[str(found["name"])] = str(found["value"])
        elif tag == "input":
            self.checks.append(str(found["name"]))
        elif tag == "button" and found.get("value"):
            self.people.append(str(found["value"]))


@pytest.fixture
def demo() -> DemoProvider:
    """The provider."""
    return DemoProvider(PROVIDER, PORTAL, f"{PORTAL}/api")


@pytest.fixture
def demo_settings(tmp_path: Path, demo: DemoProvider) -> Settings:
    """The settings of a portal that uses it."""
    return settings_for(
        tmp_path, "", base_url=PORTAL, oidc_providers=[demo.settings], api_issuer=demo.issuer,
        api_audience=demo.audience, api_staff_groups=STAFF_GROUPS, robots=[demo.robot],
    )  # fmt: skip


@pytest.fixture
async def portal(demo: DemoProvider, demo_settings: Settings, database: Database, cast: Cast) -> AsyncIterator[FastAPI]:
    """A portal and the provider, each reached by the other; the cast's first person is invited to BRIDGE."""
    async with database.write() as db:
        await invitations.invite(
            db, await cast.scope(db, "wei"), demo_settings, email=CAST[0].email, roles=[Role.APPROVER]
        )
    app = portal_app(demo_settings, database, httpx2.ASGITransport(demo.app()))
    demo.transport = httpx2.ASGITransport(app)
    yield app
    await app.state.providers.close()


class Visitor:
    """A browser that knows both the portal and the provider."""

    def __init__(self, portal: FastAPI, demo: DemoProvider) -> None:
        self.portal = httpx2.AsyncClient(transport=httpx2.ASGITransport(portal), base_url=PORTAL)
        self.demo = httpx2.AsyncClient(transport=httpx2.ASGITransport(demo.app()), base_url=PROVIDER)

    async def choose(self, address: str, who: str, **more: str) -> httpx2.Response:
        """Chooses somebody on the provider's page and comes back to the portal."""
        form = Form((await self.demo.get(address)).text)
        chosen = await self.demo.post("/authorize", data=form.hidden | {"person": who} | more)
        return await self.portal.get(chosen.headers["location"])

    async def sign_in(self, who: str, start: str = "/auth/login/demo", **more: str) -> httpx2.Response:
        """Signs in as somebody."""
        return await self.choose((await self.portal.get(start)).headers["location"], who, **more)


@pytest.fixture
def visitor(portal: FastAPI, demo: DemoProvider) -> Visitor:
    """A visitor."""
    return Visitor(portal, demo)


def test_the_cast_has_one_of_each_kind() -> None:
    of = {person.sub: (person.client, person.roles - {Role.VIEWER}, person.groups) for person in CAST}
    assert of["ada"] == (FIRST_CLIENT, {Role.APPROVER}, ())
    assert of["viktor"] == (FIRST_CLIENT, set(), ())
    assert of["fatima"] == (SECOND_CLIENT, {Role.BILLING}, ())
    assert of["mallory"][0] == SECOND_CLIENT
    assert {STAFF_GROUPS[group] for group in of["mei"][2]} == {"manager", "admin"}
    assert {STAFF_GROUPS[group] for group in of["david"][2]} == {"member"}


async def test_somebody_invited_signs_in_by_choosing_their_name(visitor: Visitor) -> None:
    arrived = await visitor.sign_in("ada")
    assert (arrived.status_code, arrived.headers["location"]) == (303, "/projects")
    me = (await visitor.portal.get("/me")).json()
    assert (me["name"], [one["key"] for one in me["projects"]]) == (CAST[0].name, ["BRIDGE"])


async def test_the_agencys_people_are_staff_by_their_groups(visitor: Visitor) -> None:
    await visitor.sign_in("mei")
    assert (await visitor.portal.get("/me")).json()["staff_roles"] == [StaffRole.ADMIN, StaffRole.MANAGER]


async def test_somebody_uninvited_gets_a_polite_page_and_no_account(visitor: Visitor) -> None:
    refused = await visitor.sign_in("nobody")
    assert (refused.status_code, "<h1>You have not been invited yet</h1>" in refused.text) == (403, True)
    assert (await visitor.portal.get("/me")).status_code == 401


async def test_the_second_factor_is_asked_for_at_a_step_up_only(visitor: Visitor) -> None:
    address = (await visitor.portal.get("/auth/login/demo")).headers["location"]
    assert Form((await visitor.demo.get(address)).text).checks == []
    await visitor.choose(address, "ada")
    address = (await visitor.portal.get("/auth/step-up")).headers["location"]
    assert Form((await visitor.demo.get(address)).text).checks == ["second_factor"]
    assert (await visitor.choose(address, "ada")).status_code == 400
    assert (await visitor.sign_in("ada", "/auth/step-up", second_factor="1")).status_code == 303
    assert (await visitor.portal.get("/me")).json()["session"]["acr"] == SECOND_FACTOR


async def test_cancelling_comes_back_as_such(visitor: Visitor) -> None:
    refused = await visitor.sign_in("")
    assert "<h1>You did not sign in</h1>" in refused.text


async def test_signing_out_at_the_portal_signs_out_at_the_provider(visitor: Visitor) -> None:
    await visitor.sign_in("ada")
    left = await visitor.portal.post("/auth/logout", headers={"Sec-Fetch-Site": "same-origin"})
    back = await visitor.demo.get(left.headers["location"])
    page = await visitor.portal.get(back.headers["location"])
    assert "here and at your identity provider" in page.text
    assert "Nobody is signed in" in (await visitor.demo.get("/")).text


async def test_signing_out_at_the_provider_signs_out_at_the_portal(visitor: Visitor) -> None:
    await visitor.sign_in("ada")
    assert CAST[0].name in (await visitor.demo.get("/")).text
    await visitor.demo.post("/end-session")
    assert (await visitor.portal.get("/me")).status_code == 401


async def test_a_code_counts_once_and_needs_its_verifier_and_the_secret(visitor: Visitor, demo: DemoProvider) -> None:
    address = (await visitor.portal.get("/auth/login/demo")).headers["location"]
    form = Form((await visitor.demo.get(address)).text)
    chosen = await visitor.demo.post("/authorize", data=form.hidden | {"person": "ada"})
    code = httpx2.URL(chosen.headers["location"]).params["code"]
    wanted = {"grant_type": "authorization_code", "code": code, "redirect_uri": form.hidden["redirect_uri"]}
    assert (await visitor.demo.post("/token", data=wanted, auth=("portal", "wrong"))).status_code == 401
    refused = await visitor.demo.post(
        "/token", data=wanted | {"code_verifier": "x"}, auth=("portal", demo.client_secret)
    )
    assert (refused.status_code, refused.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "https://evil.example/"}, {"client_id": "other"}, {"code_challenge_method": "plain"},
        {"code_challenge": ""}, {"response_type": "token"}, {"scope": "profile"},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
async def test_a_wrong_request_is_answered_there_and_sent_nowhere(change: dict[str, str], visitor: Visitor) -> None:
    address = httpx2.URL((await visitor.portal.get("/auth/login/demo")).headers["location"])
    refused = await visitor.demo.get(address.copy_merge_params(change))
    assert refused.status_code == 400
    sent = dict(address.params) | change | {"person": "ada"}
    assert (await visitor.demo.post("/authorize", data=sent)).status_code == 400


async def test_another_name_for_loopback_is_refused(visitor: Visitor) -> None:
    for path in ("/", "/jwks", "/demo/token"):
        answer = await visitor.demo.request(
            "POST" if path == "/demo/token" else "GET", path, headers={"Host": "evil.example:8124"}
        )
        assert answer.status_code == 421


async def test_its_tokens_open_the_api_for_the_robot_and_for_staff_alone(
    visitor: Visitor, portal: FastAPI, database: Database, demo_settings: Settings
) -> None:
    async def caller(who: str, scope: str = "staff:write") -> bearer.Recognised:
        token = (await visitor.demo.post("/demo/token", data={"who": who, "scope": scope})).json()["access_token"]
        issuer = portal.state.providers.api
        return await bearer.recognise(database, demo_settings, issuer, token, needs=bearer.WRITE)

    assert (await caller(ROBOT)).viewer.actor == f"robot:{ROBOT}"
    assert (await caller("mei", "staff:admin")).viewer.staff == {StaffRole.ADMIN, StaffRole.MANAGER}
    with pytest.raises(NotStaff):
        await caller("ada", "staff:admin")
    with pytest.raises(BearerRefused, match="needs the scope staff:write"):
        await caller("mei", "staff:read")
    assert (await visitor.demo.post("/demo/token", data={"who": "stranger"})).status_code == 404


@pytest.mark.parametrize("address", ["https://login.example", "http://192.0.2.1:8124", "http://127.0.0.1.evil.example"])
def test_it_exists_on_loopback_alone(address: str) -> None:
    with pytest.raises(SettingsError, match="loopback"):
        DemoProvider(address, PORTAL, "x")
    with pytest.raises(SettingsError, match="loopback"):
        DemoProvider(PROVIDER, address, "x")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
async def test_it_listens_on_loopback_alone(host: str, demo: DemoProvider) -> None:
    with pytest.raises(SettingsError, match=r"127\.0\.0\.1 only"):
        async with running(demo, host, free_port()):
            raise AssertionError("it listens")


async def test_it_serves_while_the_block_runs_and_says_when_the_port_is_taken() -> None:
    port = free_port()
    demo = DemoProvider(f"http://127.0.0.1:{port}", PORTAL, "x")
    async with running(demo, "127.0.0.1", port), httpx2.AsyncClient(trust_env=False) as client:
        found = (await client.get(f"{demo.issuer}/.well-known/openid-configuration")).json()
        assert found["issuer"] == demo.issuer
        with pytest.raises(SettingsError, match="cannot listen"):
            async with running(demo, "127.0.0.1", port):
                raise AssertionError("two listen")
