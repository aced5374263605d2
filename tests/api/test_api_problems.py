"""Every refusal has one shape, whatever refused. (The caller in conftest checks the shape at each refusal.)"""

from typing import Any

import pytest

from api import items
from api.problems import KINDS
from portal.backlog import commands
from portal.errors import Unavailable

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ITEMS = "/v1/projects/BRIDGE/items"

SOURCES: list[tuple[str, str, dict[str, Any], str]] = [
    ("GET", "/v1/nothing", {}, "not-found"),
    ("GET", "/v1/projects/NOWHERE", {}, "not-found"),
    ("GET", ITEMS + "/1", {}, "not-found"),
    ("PUT", ITEMS, {}, "method-not-allowed"),
    ("GET", ITEMS + "?x=1", {}, "invalid"),
    ("POST", ITEMS, {"json": {}}, "invalid"),
    ("POST", ITEMS, {"json": {"title": "A", "status": "x"}}, "invalid"),
    ("POST", ITEMS, {"content": b"{", "headers": {"Content-Type": "application/json"}}, "malformed"),
    ("POST", ITEMS, {"content": b"x"}, "media-type"),
    ("POST", ITEMS, {"json": {"title": "A"}, "key": None}, "key-missing"),
    ("POST", ITEMS, {"content": b" " * 1_000_001, "headers": {"Content-Type": "application/json"}}, "too-large"),
    ("PATCH", "/v1/projects/BRIDGE", {"json": {}}, "if-match-missing"),
    ("PATCH", "/v1/projects/BRIDGE", {"json": {}, "match": '"x"'}, "stale"),
    ("POST", "/v1/companies", {"json": {"name": "Acme"}}, "conflict"),
    ("POST", "/v1/robots", {"json": {"client_id": "a", "name": "A", "scopes": ["staff:read"]}}, "forbidden"),
    ("GET", ITEMS, {"by": None}, "unauthorized"),
    ("POST", ITEMS, {"json": {"title": "A"}, "scopes": "staff:read"}, "forbidden"),
]


@pytest.mark.parametrize(("method", "path", "options", "kind"), SOURCES)
async def test_each_source_of_refusal(api: Any, method: str, path: str, options: Any, kind: str) -> None:
    refused = await api.call(method, path, expect=KINDS[kind].status, **options)
    assert refused.json()["type"] == f"/api/problems/{kind}"
    assert refused.json()["title"] == KINDS[kind].title


async def test_a_method_that_is_not_there_names_those_that_are(api: Any) -> None:
    refused = await api.call("PUT", f"{ITEMS}/1", expect=405)
    assert refused.headers["allow"]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_type_of_a_problem_is_an_address_that_explains_it(api: Any, kind: str) -> None:
    explained = await api.call("GET", f"/problems/{kind}", by=None)
    assert KINDS[kind].advice in explained.text


async def test_a_kind_that_does_not_exist_is_not_explained(api: Any) -> None:
    await api.call("GET", "/problems/x", by=None, expect=404)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the command that adds items fail in a given way."""

    def fail(error: Exception) -> None:
        async def raising(*_args: Any) -> Any:
            raise error

        monkeypatch.setattr(items.commands, "add_item", raising)

    assert items.commands is commands
    return fail


async def test_what_nobody_foresaw_is_a_problem_that_says_nothing_of_it(api: Any, broken: Any) -> None:
    broken(RuntimeError("secret words"))
    refused = await api.call("POST", ITEMS, json={"title": "A"}, expect=500)
    assert "secret" not in refused.text


async def test_a_busy_database_says_when_to_come_again(api: Any, broken: Any) -> None:
    broken(Unavailable("The database is busy."))
    refused = await api.call("POST", ITEMS, json={"title": "A"}, expect=503)
    assert refused.headers["retry-after"] == "5"
