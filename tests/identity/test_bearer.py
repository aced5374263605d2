"""Who may call the staff API: registered robots and people of the agency, never a scope alone."""

from typing import Any

import httpx2
import pytest
import time_machine
from fastapi import FastAPI, Request

from api.auth import authenticate
from api.problems import install
from portal import clock
from portal.access import StaffRole
from portal.db import Database
from portal.identity import commands
from tests.support.cast import Cast
from tests.support.hostile_provider import ABSENT, HostileProvider
from tests.support.sign_in import BASE


class Caller:
    """A program that calls an operation of the API, which says who it takes the caller for."""

    def __init__(self, portal: FastAPI) -> None:
        app = FastAPI()
        app.state = portal.state
        install(app)

        @app.api_route("/whoami", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
        async def whoami(request: Request) -> dict[str, Any]:
            caller = await authenticate(request)
            return {
                "actor": caller.viewer.actor,
                "staff": sorted(caller.viewer.staff),
                "scopes": sorted(caller.scopes),
            }

        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE)

    async def call(self, token: str | None, method: str = "GET", **more: Any) -> httpx2.Response:
        """One call with this token."""
        headers = [("Authorization", f"Bearer {token}")] if token is not None else []
        return await self.http.request(method, "/whoami", headers=headers, **more)


@pytest.fixture
def caller(app: FastAPI, cast: Cast) -> Caller:
    """A caller."""
    return Caller(app)


async def test_a_registered_robot_calls_by_its_client_id(caller: Caller, provider: HostileProvider) -> None:
    answer = await caller.call(provider.access_token(scope="staff:read"))
    assert answer.json() == {"actor": "robot:robot-1", "staff": ["member"], "scopes": ["staff:read"]}


async def test_a_robot_does_no_more_than_it_was_registered_for(caller: Caller, provider: HostileProvider) -> None:
    answer = await caller.call(provider.access_token(scope="openid staff:admin"))
    assert answer.json() == {
        "actor": "robot:robot-1", "staff": ["manager", "member"], "scopes": ["staff:read", "staff:write"],
    }  # fmt: skip


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_reading_rights_change_nothing(method: str, caller: Caller, provider: HostileProvider) -> None:
    refused = await caller.call(provider.access_token(scope="staff:read"), method)
    assert refused.status_code == 403
    assert refused.headers["www-authenticate"] == (
        'Bearer realm="portal", error="insufficient_scope", scope="staff:write"'
    )
    assert (await caller.call(provider.access_token(scope="staff:write"), method)).status_code == 200


@pytest.mark.parametrize("scope", ["", "staff", "staff:READ", "openid profile", "staff:read,staff:write", ABSENT],
                         ids=["none", "staff", "case", "others", "comma", "absent"])  # fmt: skip
async def test_without_a_scope_of_ours_nothing_is_read(scope: Any, caller: Caller, provider: HostileProvider) -> None:
    refused = await caller.call(provider.access_token(scope=scope))
    assert (refused.status_code, refused.json()["title"]) == (403, "That is not allowed")


async def test_a_robot_that_nobody_registered_stays_out(caller: Caller, provider: HostileProvider) -> None:
    refused = await caller.call(provider.access_token(sub="robot-2", client_id="robot-2", scope="staff:admin"))
    assert refused.status_code == 403


async def test_a_registered_robots_tokens_of_other_subjects_are_not_the_robot(
    caller: Caller, provider: HostileProvider
) -> None:
    """A person who signed in to the robot's own client does not become the robot."""
    refused = await caller.call(provider.access_token(sub="sub-eve", scope="staff:admin"))
    assert refused.status_code == 403


async def test_a_robot_of_the_table_works_until_it_is_revoked(
    caller: Caller, provider: HostileProvider, database: Database, cast: Cast
) -> None:
    token = provider.access_token(sub="robot-3", client_id="robot-3", scope="staff:read")
    assert (await caller.call(token)).status_code == 403
    async with database.write() as db:
        await commands.register_robot(db, cast.viewer("root"), "robot-3", "Robot Three", ["staff:read"])
    assert (await caller.call(token)).json()["actor"] == "robot:robot-3"
    async with database.write() as db:
        await commands.revoke_robot(db, cast.viewer("root"), "robot-3")
    assert (await caller.call(token)).status_code == 403


async def test_a_person_is_staff_by_their_group(caller: Caller, provider: HostileProvider, cast: Cast) -> None:
    token = provider.access_token(sub="wei", client_id="tool", groups=["leads", "other"], scope="staff:write")
    answer = (await caller.call(token)).json()
    assert answer == {
        "actor": cast.viewer("wei").actor, "staff": [StaffRole.MANAGER], "scopes": ["staff:read", "staff:write"],
    }  # fmt: skip


@pytest.mark.parametrize("groups", [ABSENT, [], ["clients"], "leads", [["leads"]], {"leads": 1}, [1]],
                         ids=["absent", "none", "others", "text", "nested", "object", "number"])  # fmt: skip
async def test_a_clients_own_user_stays_out_with_any_scope(
    groups: Any, caller: Caller, provider: HostileProvider
) -> None:
    token = provider.access_token(
        sub="ada", client_id="tool", groups=groups, scope="staff:read staff:write staff:admin"
    )
    refused = await caller.call(token)
    assert (refused.status_code, refused.json()["detail"]) == (403, "The API is for the agency's staff and its robots.")


async def test_administration_needs_its_scope_too(caller: Caller, provider: HostileProvider) -> None:
    for scope, staff in (("staff:write", ["finance", "manager", "member"]), ("staff:admin", ["admin"])):
        token = provider.access_token(sub="root", client_id="tool", groups=["admins"], scope=scope)
        assert (await caller.call(token)).json()["staff"] == staff


async def test_staff_who_never_opened_a_page_become_known(caller: Caller, provider: HostileProvider) -> None:
    token = provider.access_token(sub="sub-nils", client_id="tool", groups=["devs"], name="Nils")
    first, second = (await caller.call(token)).json(), (await caller.call(token)).json()
    assert first == second
    assert first["actor"].startswith("staff:")


async def test_a_disabled_person_stays_out(
    caller: Caller, provider: HostileProvider, database: Database, cast: Cast
) -> None:
    token = provider.access_token(sub="dan", client_id="tool", groups=["devs"])
    assert (await caller.call(token)).status_code == 200
    async with database.write() as db:
        await commands.shut_out(db, cast.viewer("root"), cast.people["dan"])
    assert (await caller.call(token)).status_code == 403


def seconds(offset: int) -> int:
    """A time relative to now."""
    return int(clock.now().timestamp()) + offset


LIES: dict[str, dict[str, Any]] = {
    "iss of another": {"iss": "https://other.example"},
    "aud of another": {"aud": "https://other.example/api"},
    "aud the sign-in's client": {"aud": "portal"},
    "aud missing": {"aud": ABSENT},
    "aud empty": {"aud": []},
    "exp missing": {"exp": ABSENT},
    "exp infinite": {"exp": float("inf")},
    "exp true": {"exp": True},
    "iat missing": {"iat": ABSENT},
    "iat in the future": {"iat": 4_000_000_000},
    "nbf in the future": {"nbf": 4_000_000_000},
    "client_id missing": {"client_id": ABSENT},
    "client_id a list": {"client_id": ["robot-1"]},
    "sub missing": {"sub": ABSENT},
    "sub empty": {"sub": ""},
    "scope a list": {"scope": ["staff:read"]},
}


@pytest.mark.parametrize("lies", LIES.values(), ids=LIES.keys())
async def test_a_token_that_says_something_wrong_is_refused(
    lies: dict[str, Any], caller: Caller, provider: HostileProvider
) -> None:
    refused = await caller.call(provider.access_token(**lies))
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == 'Bearer realm="portal", error="invalid_token"'
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("typ", [ABSENT, "JWT", "logout+jwt", 1], ids=["absent", "JWT", "logout", "number"])
async def test_only_access_tokens_are_access_tokens(typ: Any, caller: Caller, provider: HostileProvider) -> None:
    assert (await caller.call(provider.access_token({"typ": typ}))).status_code == 401
    assert (await caller.call(provider.access_token({"typ": "application/at+jwt"}))).status_code == 200


async def test_an_id_token_is_no_access_token(caller: Caller, provider: HostileProvider) -> None:
    claims = provider.id_claims("n") | {"aud": "https://portal.example/api", "client_id": "robot-1", "sub": "robot-1"}
    assert (await caller.call(provider.sign(claims))).status_code == 401


@pytest.mark.parametrize(("algorithm", "key"), [("none", b""), ("HS256", b"secret")])
async def test_only_the_issuers_keys_sign(
    algorithm: str, key: bytes, caller: Caller, provider: HostileProvider
) -> None:
    provider.algorithm, provider.signs_with = algorithm, key
    assert (await caller.call(provider.access_token())).status_code == 401


async def test_a_token_ends_though_it_was_accepted_before(caller: Caller, provider: HostileProvider) -> None:
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        token = provider.access_token()
        assert (await caller.call(token)).status_code == 200
        traveller.shift(331)
        assert (await caller.call(token)).status_code == 401


async def test_a_withdrawn_key_is_believed_an_hour_at_most(caller: Caller, provider: HostileProvider) -> None:
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        token = provider.access_token(exp=seconds(2 * 3600))
        assert (await caller.call(token)).status_code == 200
        provider.rotate()
        traveller.shift(3601)
        assert (await caller.call(token)).status_code == 401


HEADERS: dict[str, tuple[list[tuple[str, str]], int]] = {
    "none": ([], 401),
    "basic": ([("Authorization", "Basic cm9ib3Q6eA==")], 401),
    "empty": ([("Authorization", "Bearer ")], 401),
    "two": ([("Authorization", "Bearer a"), ("Authorization", "Bearer b")], 400),
    "twice the same": ([("Authorization", "Bearer a"), ("Authorization", "Bearer a")], 400),
    "a session cookie": ([("Cookie", "portal=x"), ("Cookie", "__Host-portal=x")], 401),
    "17 kB": ([("Authorization", "Bearer " + "x" * 17_000)], 401),
    "not ASCII": ([("Authorization", "Bearer é.é.é")], 401),
}


@pytest.mark.parametrize(("headers", "status"), HEADERS.values(), ids=HEADERS.keys())
async def test_without_one_readable_token_nobody_calls(
    headers: list[tuple[str, str]], status: int, caller: Caller
) -> None:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    refused = await caller.http.get("/whoami", headers=encoded)
    assert refused.status_code == status
    assert refused.headers["www-authenticate"].startswith('Bearer realm="portal"')


async def test_a_token_in_the_address_or_a_form_counts_for_nothing(caller: Caller, provider: HostileProvider) -> None:
    token = provider.access_token(scope="staff:write")
    assert (await caller.http.get("/whoami", params={"access_token": token})).status_code == 401
    assert (await caller.http.post("/whoami", data={"access_token": token})).status_code == 401


async def test_a_token_issuer_that_is_down_is_said_to_be_so(caller: Caller, provider: HostileProvider) -> None:
    provider.answers["/.well-known/openid-configuration"] = lambda _request: httpx2.Response(500)
    refused = await caller.call(provider.access_token())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
    del provider.answers["/.well-known/openid-configuration"]
    assert (await caller.call(provider.access_token())).status_code == 200
