"""Webhooks as an administrator of the agency sets them up by the API."""

from typing import Any

import pytest
from fastapi import FastAPI

from portal.notify.webhooks import delivering, leases
from portal.notify.webhooks.sealing import Seal
from portal.notify.webhooks.sending import Sender
from tests.api.conftest import Api
from tests.support.cast import add_item

URL = "https://hooks.example/portal"
NEW: dict[str, Any] = {"name": "Time keeping", "url": URL}


async def add(api: Api, **fields: Any) -> Any:
    return await api.post("/v1/webhooks", NEW | fields, by="root")


async def test_the_secret_is_shown_when_it_is_made_and_never_again(api: Api) -> None:
    made = await add(api)
    assert made["secret"].startswith("whsec_")
    path = f"/v1/webhooks/{made['id']}"
    shown = [await api.get(path, by="root"), *(await api.get("/v1/webhooks", by="root"))["items"]]
    assert shown == [{name: value for name, value in made.items() if name != "secret"}] * 2
    rotated = await api.post(f"{path}/rotation", by="root", expect=200)
    assert rotated["secret"] != made["secret"]
    assert rotated["old_secret_until"] is not None
    changed = await api.patch(path, {"name": "Other"}, by="root")
    assert "secret" not in changed
    assert made["secret"] not in str(changed)


async def test_an_endpoint_is_added_changed_switched_and_removed(api: Api) -> None:
    made = await add(api, kinds=["item.*", "milestone.added"], project="BRIDGE")
    assert (made["kinds"], made["project"]) == (["item.*", "milestone.added"], "BRIDGE")
    assert made["audiences"] == ["client", "internal"]
    path = f"/v1/webhooks/{made['id']}"
    off = await api.patch(path, {"disabled": True, "project": None, "audiences": ["client"]}, by="root")
    assert (off["project"], off["disabled_reason"], off["audiences"]) == (None, "switched off", ["client"])
    on = await api.patch(path, {"disabled": False}, by="root")
    assert (on["disabled_at"], on["disabled_reason"]) == (None, None)
    await api.call("DELETE", path, by="root", expect=204)
    await api.call("GET", path, by="root", expect=404)
    assert (await api.get("/v1/webhooks", by="root"))["items"] == []


async def test_an_edit_needs_the_version_that_was_read(api: Api) -> None:
    path = f"/v1/webhooks/{(await add(api))['id']}"
    etag = (await api.call("GET", path, by="root")).headers["etag"]
    await api.patch(path, {"name": "First"}, match=etag, by="root")
    await api.call("PATCH", path, json={"name": "Second"}, match=etag, by="root", expect=412)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "http://hooks.example/"), ("url", "https://127.0.0.1/"), ("url", "https://[::ffff:10.0.0.1]/"),
        ("url", "https://u:p@hooks.example/"), ("url", ""), ("name", " "), ("kinds", ["item"]), ("kinds", ["*"]),
        ("kinds", ["item.moved; --"]), ("audiences", []), ("audiences", ["everybody"]), ("project", ""),
        ("secret", "x"), ("disabled", True),
    ],
)  # fmt: skip
async def test_a_wrong_field_is_named(api: Api, field: str, value: Any) -> None:
    answer = await api.call("POST", "/v1/webhooks", json=NEW | {field: value}, by="root", expect=422)
    assert any(field in one["field"] for one in answer.json()["errors"])


async def test_an_unknown_project_is_named(api: Api) -> None:
    await api.call("POST", "/v1/webhooks", json=NEW | {"project": "NOSUCH"}, by="root", expect=404)


async def test_the_number_of_endpoints_is_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from portal.notify.webhooks import commands

    monkeypatch.setattr(commands, "MOST_ENDPOINTS", 1)
    await add(api)
    await api.call("POST", "/v1/webhooks", json=NEW, by="root", expect=409)


async def test_a_post_sent_twice_makes_one_endpoint(api: Api) -> None:
    first = await api.call("POST", "/v1/webhooks", json=NEW, by="root", key="once", expect=201)
    again = await api.call("POST", "/v1/webhooks", json=NEW, by="root", key="once", expect=201)
    assert first.json() == again.json()
    assert len((await api.get("/v1/webhooks", by="root"))["items"]) == 1


async def test_what_came_of_each_try_is_read_in_pages(api: Api, portal: FastAPI) -> None:
    made = await add(api, project="BRIDGE")
    path = f"/v1/webhooks/{made['id']}"

    async def nowhere(_host: str, _port: int) -> list[str]:
        return ["10.0.0.1"]

    sender, seal = Sender(resolve=nowhere), Seal(portal.state.settings)
    for _ in range(3):
        trial = await api.post(f"{path}/test", by="root", expect=202)
        await delivering.work(api.database, sender, seal, (await leases.due(api.database))[0])
    await add_item(api.database, api.cast)
    await delivering.work(api.database, sender, seal, (await leases.due(api.database))[0])
    await sender.close()
    page = await api.get(f"{path}/deliveries?limit=2", by="root")
    newest, second = page["items"]
    assert (newest["project"], newest["kind"], newest["status"]) == ("BRIDGE", "item.added", None)
    assert newest["error"] == "refused: hooks.example does not lead to the public internet"
    assert (second["webhook_id"], second["kind"], second["project"]) == (trial["webhook_id"], "portal.test", None)
    rest = await api.get(f"{path}/deliveries?limit=2&cursor={page['next']}", by="root")
    assert len(rest["items"]) == 2
    assert rest["next"] is None
    (behind,) = (await api.get(f"{path}/behind", by="root"))["items"]
    assert (behind["project"], behind["attempts"]) == ("BRIDGE", 1)
    body = {"project": "BRIDGE", "from_seq": behind["last"] + 1}
    await api.call("POST", f"{path}/replay", json=body, by="root", expect=204)
    assert (await api.get(f"{path}/behind", by="root"))["items"] == []


@pytest.mark.parametrize("body", [{}, {"project": "BRIDGE"}, {"project": "BRIDGE", "from_seq": 0}, {"from_seq": 1}])
async def test_a_replay_says_of_what_and_from_where(api: Api, body: Any) -> None:
    path = f"/v1/webhooks/{(await add(api))['id']}/replay"
    await api.call("POST", path, json=body, by="root", expect=422)


@pytest.mark.parametrize("who", ["wei", "maria", "dan"])
async def test_nobody_else_of_the_agency_sees_or_does_anything(api: Api, who: str) -> None:
    path = f"/v1/webhooks/{(await add(api))['id']}"
    for method, address in (
        ("GET", "/v1/webhooks"), ("POST", "/v1/webhooks"), ("GET", path), ("DELETE", path),
        ("GET", f"{path}/deliveries"), ("GET", f"{path}/behind"), ("POST", f"{path}/rotation"),
        ("POST", f"{path}/test"),
    ):  # fmt: skip
        content = {"json": NEW} if address == "/v1/webhooks" and method == "POST" else {}
        await api.call(method, address, by=who, expect=403, **content)
    await api.call("GET", "/v1/webhooks", by="root", scopes="staff:read staff:write", expect=403)
