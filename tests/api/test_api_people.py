"""Companies, people, memberships, delegations, invitations and robots through the API."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from portal.decisions import delegations
from portal.errors import SignInNeeded
from portal.identity.arrive import arrive
from portal.identity.sessions import hash_of
from portal.notify.models import Mail
from tests.support.decisions import proof_of
from tests.support.statements import counting

B = "/v1/projects/BRIDGE"


async def test_a_company_is_added_read_and_renamed(api: Any) -> None:
    made = await api.call("POST", "/v1/companies", json={"name": "Newco", "external_ref": "crm:1"}, expect=201)
    address = made.headers["location"].removeprefix("/api")
    assert await api.get(address) == made.json()
    renamed = await api.call("PATCH", address, json={"name": "Newco Ltd"}, match=made.headers["etag"])
    assert (renamed.json()["name"], renamed.json()["external_ref"]) == ("Newco Ltd", "crm:1")
    await api.call("PATCH", address, json={"name": "Other"}, match=made.headers["etag"], expect=412)
    assert [one["name"] for one in (await api.get("/v1/companies"))["items"]] == ["Acme", "Newco Ltd", "Other & Co"]


async def test_companies_come_page_by_page(api: Any) -> None:
    first = await api.get("/v1/companies?limit=1")
    second = await api.get(f"/v1/companies?limit=1&cursor={first['next']}")
    assert ([one["name"] for one in first["items"] + second["items"]], second["next"]) == (["Acme", "Other & Co"], None)


async def test_a_name_in_use_and_an_unknown_company_are_refused(api: Any) -> None:
    await api.call("POST", "/v1/companies", json={"name": "Acme"}, expect=409)
    await api.call("POST", "/v1/companies", json={"name": "A", "external_ref": "a b"}, expect=422)
    await api.call("GET", f"/v1/companies/{uuid4()}", expect=404)
    await api.call("GET", "/v1/companies/1", expect=404)
    await api.call("PATCH", f"/v1/companies/{uuid4()}", json={"name": "A"}, match="*", expect=404)


async def test_everybody_is_found_page_by_page_and_once(api: Any) -> None:
    seen, cursor = [], ""
    while cursor is not None:
        page = await api.get(f"/v1/people?limit=4{cursor and '&cursor='}{cursor}")
        seen += [one["name"] for one in page["items"]]
        cursor = page["next"]
    assert sorted(seen) == sorted(name.title() for name in api.cast.people)


async def test_a_person_is_shut_out_and_let_in_by_an_administrator_only(api: Any) -> None:
    ada = f"/v1/people/{api.cast.people['ada']}"
    await api.call("PATCH", ada, json={"disabled": True}, match="*", expect=403)
    assert (await api.patch(ada, {"disabled": True}, by="root"))["disabled_at"]
    assert (await api.patch(ada, {"disabled": False}, by="root"))["disabled_at"] is None
    root = f"/v1/people/{api.cast.people['root']}"
    await api.call("PATCH", root, json={"disabled": True}, match="*", by="root", expect=409)
    await api.call("DELETE", f"{ada}/accounts", by="root", expect=204)
    await api.call("DELETE", f"{ada}/accounts", expect=403)


async def test_a_released_account_is_signed_in_nowhere_any_more(api: Any) -> None:
    await api.call("DELETE", f"/v1/people/{api.cast.people['ada']}/accounts", by="root", expect=204)
    async with api.database.read() as db:
        with pytest.raises(SignInNeeded):
            await arrive(db, hash_of(api.cast.tokens["ada"]), "BRIDGE")
        await arrive(db, hash_of(api.cast.tokens["eve"]), "BRIDGE")


async def test_a_member_gets_other_roles_and_goes(api: Any) -> None:
    eve = f"{B}/memberships/{api.cast.people['eve']}"
    read = await api.call("GET", eve)
    assert (read.json()["name"], read.json()["roles"]) == ("Eve", ["viewer"])
    changed = await api.call("PATCH", eve, json={"roles": ["approver"]}, match=read.headers["etag"])
    assert changed.json()["roles"] == ["approver", "viewer"]
    await api.call("DELETE", eve, match=read.headers["etag"], expect=412)
    await api.call("DELETE", eve, match=changed.headers["etag"], expect=204)
    await api.call("DELETE", eve, match="*", expect=404)
    assert [one["name"] for one in (await api.get(f"{B}/memberships"))["items"]] == ["Ada", "Finn"]
    assert await api.kinds() == ["member.roles_changed", "member.removed"]


async def test_staff_read_who_decides_for_whom_page_by_page(api: Any) -> None:
    ada, eve, finn = (api.cast.people[name] for name in ("ada", "eve", "finn"))
    async with api.database.write() as db:
        scope = await api.cast.scope(db, "ada")
        today, later = scope.today, scope.today + timedelta(days=1)
        await delegations.delegate(db, scope, eve, today, today, proof_of("ada"))
        await delegations.delegate(db, scope, finn, later, later, proof_of("ada"))
        await delegations.end(db, scope, 1)
    with counting(api.database) as statements:
        newest = await api.get(f"{B}/delegations?limit=1")
    assert len(statements) == 2
    assert newest["items"] == [
        {
            "number": 2, "person_id": str(ada), "to_person_id": str(finn), "from_on": later.isoformat(),
            "until_on": later.isoformat(), "ended_at": None,
        }
    ]  # fmt: skip
    oldest = await api.get(f"{B}/delegations?limit=1&cursor={newest['next']}")
    assert [(one["number"], one["to_person_id"]) for one in oldest["items"]] == [(1, str(eve))]
    assert oldest["items"][0]["ended_at"]
    assert oldest["next"] is None
    assert (await api.get("/v1/projects/HARBOUR/delegations"))["items"] == []


async def test_a_member_of_another_project_is_nobody_here(api: Any) -> None:
    mallory = f"{B}/memberships/{api.cast.people['mallory']}"
    await api.call("GET", mallory, expect=404)
    await api.call("PATCH", mallory, json={"roles": ["billing"]}, match="*", expect=404)
    await api.call("DELETE", mallory, match="*", expect=404)
    assert await api.kinds() == []


@pytest.mark.parametrize("roles", [[], ["owner"], "viewer", ["viewer"] * 5, None, [1]])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_roles_that_are_none_are_refused(api: Any, roles: Any) -> None:
    await api.call("PATCH", f"{B}/memberships/{api.cast.people['eve']}", json={"roles": roles}, match="*", expect=422)


async def test_an_invitation_is_sent_reminded_of_and_taken_back(api: Any) -> None:
    body = {"email": "Iris@Client.example", "roles": ["approver"]}
    made = await api.call("POST", f"{B}/invitations", json=body, expect=201)
    address = made.headers["location"].removeprefix("/api")
    assert (made.json()["email"], made.json()["roles"]) == ("iris@client.example", ["approver", "viewer"])
    await api.call("POST", f"{B}/invitations", json=body, expect=409)
    await api.call("POST", f"{address}/reminder", expect=409)
    await api.call("DELETE", address, match=made.headers["etag"], expect=204)
    await api.call("DELETE", address, match="*", expect=409)
    assert (await api.get(f"{B}/invitations"))["items"] == [await api.get(address)]
    assert (await api.get(address))["revoked_at"]
    async with api.database.read() as db:
        assert await db.scalar(select(func.count()).select_from(Mail)) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "nobody", "roles": ["viewer"]}, "/email"),
        ({"email": "a@b.example\r\nBcc: x@y.example", "roles": ["viewer"]}, "/email"),
        ({"email": "\u212aim@client.example", "roles": ["viewer"]}, "/email"),
        ({"email": "a@b.example", "roles": []}, "/roles"),
        ({"email": "a@b.example", "roles": ["viewer"], "provider": "nowhere"}, "/provider"),
        ({"email": "a@b.example", "roles": ["viewer"], "locale": "xx"}, "/locale"),
        ({"email": "a@b.example", "roles": ["viewer"], "project_id": str(uuid4())}, "/project_id"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_wrong_invitation_is_refused_by_field_and_no_mail_leaves(api: Any, body: Any, field: str) -> None:
    refused = await api.call("POST", f"{B}/invitations", json=body, expect=422)
    assert [one["field"] for one in refused.json()["errors"]] == [field]
    async with api.database.read() as db:
        assert await db.scalar(select(func.count()).select_from(Mail)) == 0


async def test_an_invitation_of_another_project_is_not_found(api: Any) -> None:
    made = await api.post(f"{B}/invitations", {"email": "a@b.example", "roles": ["viewer"]})
    foreign = f"/v1/projects/HARBOUR/invitations/{made['id']}"
    await api.call("GET", foreign, expect=404)
    await api.call("DELETE", foreign, match="*", expect=404)
    await api.call("POST", f"{foreign}/reminder", expect=404)


async def test_a_robot_is_registered_and_revoked_by_an_administrator_only(api: Any) -> None:
    body = {"client_id": "https://sync.example/one", "name": "Sync", "scopes": ["staff:read", "staff:write"]}
    await api.call("POST", "/v1/robots", json=body, expect=403)
    made = await api.post("/v1/robots", body, by="root")
    assert (made["client_id"], made["revoked_at"]) == (body["client_id"], None)
    await api.call("POST", "/v1/robots", json=body, by="root", expect=409)
    await api.call("DELETE", "/v1/robots/https://sync.example/one", expect=403)
    await api.call("DELETE", "/v1/robots/https://sync.example/one", by="root", expect=204)
    await api.call("DELETE", "/v1/robots/https://sync.example/one", by="root", expect=404)
    (kept,) = (await api.get("/v1/robots", by="root"))["items"]
    assert kept["revoked_at"]
    await api.call("GET", "/v1/robots", by="wei", expect=403)


@pytest.mark.parametrize(
    "wrong", [{"scopes": []}, {"scopes": ["root"]}, {"client_id": "a b"}, {"client_id": ""}, {"name": ""}]
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_wrong_robot_is_refused(api: Any, wrong: Any) -> None:
    body = {"client_id": "a", "name": "A", "scopes": ["staff:read"]} | wrong
    await api.call("POST", "/v1/robots", json=body, by="root", expect=422)
