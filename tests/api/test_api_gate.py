"""Who comes in, how far, and how often."""

from typing import Any

import httpx2
import pytest
from httpx2 import ASGITransport

from tests.api.conftest import BASE, Api, portal_for, settings_for

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ITEMS = "/v1/projects/BRIDGE/items"
ANYTHING = [
    ("GET", "/v1/projects"), ("GET", "/v1/nothing"), ("PUT", ITEMS), ("POST", ITEMS), ("GET", ITEMS + "?x=1"),
    ("DELETE", ITEMS + "/abc"), ("GET", "/"), ("OPTIONS", ITEMS), ("GET", "/v2/projects"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ANYTHING)
async def test_without_a_token_every_address_answers_alike(api: Any, method: str, path: str) -> None:
    refused = await api.call(method, path, by=None, content=b"{", expect=401)
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert refused.json()["detail"] == (await api.call("GET", "/x", by=None, expect=401)).json()["detail"]


@pytest.mark.parametrize(
    "path", ["/v1/projects%0A", "/v1/me%0D", "/%0A", "/%00", "/v1/projects/BRIDGE%0A/items", "/v1/%7F"]
)
async def test_an_address_with_control_signs_is_nowhere(api: Any, path: str) -> None:
    await api.call("GET", path, expect=404)
    await api.call("GET", path, by=None, expect=401)


@pytest.mark.parametrize("name", ["ada", "eve", "mallory", "nemo"])
async def test_a_clients_person_is_no_staff_whatever_scopes_the_token_has(api: Any, name: str) -> None:
    for method, path in (("GET", ITEMS), ("POST", ITEMS), ("GET", "/v1/projects"), ("GET", "/v1/projects/NOWHERE")):
        refused = await api.call(method, path, by=name, expect=403)
        assert refused.json()["detail"] == "The API is for the agency's staff and robots."


async def test_reading_needs_one_scope_and_writing_another(api: Any) -> None:
    await api.call("GET", ITEMS, scopes="staff:read")
    refused = await api.call("POST", ITEMS, json={"title": "A"}, scopes="staff:read", expect=403)
    assert 'error="insufficient_scope", scope="staff:write"' in refused.headers["www-authenticate"]
    refused = await api.call("POST", "/v1/companies", json={"name": "A"}, scopes="staff:write", expect=403)
    assert 'scope="staff:admin"' in refused.headers["www-authenticate"]
    await api.call("GET", "/v1/robots", by="root", scopes="staff:write", expect=403)
    await api.call("GET", ITEMS, scopes="", expect=403)


async def test_a_scope_does_not_replace_the_right(api: Any) -> None:
    await api.call("POST", "/v1/projects/BRIDGE/milestones", json={"name": "M"}, by="dan", expect=403)
    await api.call("POST", "/v1/companies", json={"name": "New"}, by="dan", expect=403)
    assert await api.kinds() == []


@pytest.mark.parametrize("key", ["NOWHERE", "bridge", "BRIDGE%20", "B" * 300, "%F0%9F", "桥"])
async def test_an_unknown_project_is_the_same_answer_before_everything_else(api: Any, key: str) -> None:
    base = f"/v1/projects/{key}"
    known = (await api.call("GET", "/v1/projects/NOWHERE2", expect=404)).json()
    for method, path, options in (
        ("GET", f"{base}/items", {}),
        ("GET", f"{base}/items/1", {}),
        ("POST", f"{base}/items", {"content": b"{"}),
        ("PATCH", f"{base}/items/1", {"content": b"{", "match": '"x"'}),
        ("GET", f"{base}/burndown?series=iteration", {}),
    ):
        told = (await api.call(method, path, expect=404, **options)).json()
        assert told == known


async def test_whoever_comes_too_often_is_told_when_to_come_again(database: Any, cast: Any, tmp_path: Any) -> None:
    portal = portal_for(settings_for(tmp_path, api_rate_per_minute=3), database, cast)
    async with httpx2.AsyncClient(transport=ASGITransport(app=portal), base_url=BASE) as client:
        api = Api(client, database, cast)
        for _ in range(3):
            await api.call("GET", "/v1/me")
        refused = await api.call("GET", "/v1/me", expect=429)
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        await api.call("GET", "/v1/me", by="dan")


async def test_the_caller_is_told_who_they_are(api: Any) -> None:
    assert await api.get("/v1/me", scopes="staff:read") == {
        "kind": "person",
        "actor": f"staff:{api.cast.people['wei']}",
        "name": "Wei",
        "staff": ["manager"],
        "scopes": ["staff:read"],
    }
