"""The description of the API: whole, true, and every example in it is one that works."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from fastapi import FastAPI

from api import routes
from api.doors import Door
from tests.api.conftest import settings_for
from tests.support import acceptance, billing

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The description."""
    return description(tmp_path_factory.mktemp("openapi"))


def description(folder: Any) -> dict[str, Any]:
    """The description that an API with default settings gives."""
    return routes.openapi.describe(build(folder))


def build(folder: Any) -> FastAPI:
    """The API as an application, without a database."""
    portal = FastAPI()
    portal.state.settings = settings_for(folder)
    return routes.build(portal, authenticate=routes.auth.authenticate)


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each operation with its path and method."""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def test_it_is_served_without_a_token_and_says_its_version(described: dict[str, Any]) -> None:
    assert described["openapi"] == "3.1.0"
    assert described["servers"] == [{"url": "/api"}]


async def test_what_is_served_is_the_description(api: Any, described: dict[str, Any]) -> None:
    assert (await api.call("GET", "/openapi.json", by=None)).json() == described


def test_every_route_is_described_with_its_scope_and_its_refusals(tmp_path: Any) -> None:
    app = build(tmp_path)
    described = routes.openapi.describe(app)
    doors = [route for route in app.routes if isinstance(route, Door)]
    assert len(doors) > 40
    found = {(path, method) for path, method, _ in operations(described)}
    assert found == {(door.path_format, method) for door in doors for method in door.methods or ()}
    for path, method, operation in operations(described):
        assert operation["security"][0]["token"][0].startswith("staff:")
        assert {"401", "403", "429"} <= operation["responses"].keys()
        assert operation["summary"]
        assert operation["description"]
        if method == "POST":
            assert "Idempotency-Key" in [one["name"] for one in operation["parameters"]], path


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    references = list(_references(described))
    assert len(references) > 100
    assert {reference.rpartition("/")[2] for reference in references} <= schemas.keys()


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from _references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _references(inner)


def test_every_json_body_has_an_example_that_fits_its_schema(described: dict[str, Any]) -> None:
    bodies = list(_json_bodies(described))
    assert len(bodies) > 15
    for path, method, content in bodies:
        validator = _validator(described, content["schema"])
        assert content["examples"], (path, method)
        for example in content["examples"].values():
            validator.validate(example["value"])


def _json_bodies(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, method, operation in operations(described):
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            yield path, method, content["application/json"]


def _validator(described: dict[str, Any], schema: dict[str, Any]) -> Any:
    return jsonschema_rs.validator_for(
        {"$schema": DIALECT, "components": described["components"]} | schema, validate_formats=True
    )


# Deleting comes last, and what deleting needs comes before it.
ORDER = {"GET": 0, "PATCH": 1, "POST": 2, "DELETE": 3}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_every_operation_works_as_its_example_says(
    api: Any, stage: dict[str, Any], described: dict[str, Any]
) -> None:
    tried = set()
    for path, method, operation in sorted(operations(described), key=_in_turn):
        if "/imports" in path:
            continue  # an upload starts a process: tests/api/test_api_imports.py does that
        for example in _examples(operation):
            content = _content(operation, example)
            names = stage | {"person_id": stage["nobody_id"]} if path.startswith("/v1/people") else stage
            if (method, path) == ("POST", "/v1/projects/{key}/contract"):
                names = stage | {"key": "HARBOUR"}  # BRIDGE has its contract, and a project has one
            names = names | billing.names_for(method, path, stage) | acceptance.names_for(method, path)
            answer = await _tried(api, method, path.format(**names), content)
            success = str(answer.status_code)
            assert success in operation["responses"], (method, path, success, answer.text)
            assert success.startswith("2"), (method, path, answer.text)
            if answer.headers.get("content-type") == "application/json":
                schema = operation["responses"][success]["content"]["application/json"]["schema"]
                _validator(described, schema).validate(answer.json())
            for name in operation["responses"][success].get("headers", {}):
                assert name == "Link" or name in answer.headers, (method, path, name)
            tried.add((path, method))
    assert len(tried) == sum("/imports" not in path for path, _, _ in operations(described))


def _in_turn(one: tuple[str, str, dict[str, Any]]) -> tuple[int, bool, str]:
    path, method, _ = one
    return ORDER[method], "restoration" in path or "reminder" in path, path


def _examples(operation: dict[str, Any]) -> list[Any]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return [one["value"] for one in content["examples"].values()] if content else [None]


def _content(operation: dict[str, Any], example: Any) -> dict[str, Any]:
    """What is sent: the body of the example, and the parameters that must be there."""
    needed = [one for one in operation.get("parameters", []) if one["in"] == "query" and one["required"]]
    query = {one["name"]: one["schema"]["examples"][0] for one in needed}
    if raw := operation.get("requestBody", {}).get("content", {}).get("application/octet-stream"):
        value = next(iter(raw["examples"].values()))["value"]
        return {"content": value.encode(), "params": query, "headers": {"Content-Type": "application/octet-stream"}}
    return {"params": query} | ({} if example is None else {"json": example})


async def _tried(api: Any, method: str, path: str, content: dict[str, Any]) -> Any:
    if path.endswith("/restoration"):
        await _send(api, "DELETE", path.removesuffix("/restoration"), {})
    if path.endswith("/reminder"):
        with _a_minute_later():
            return await _send(api, method, path, content)
    return await _send(api, method, path, content)


def _a_minute_later() -> Any:
    from datetime import timedelta

    import time_machine

    from portal import clock

    return time_machine.travel(clock.now() + timedelta(minutes=2), tick=True)


async def _send(api: Any, method: str, path: str, content: dict[str, Any]) -> Any:
    from uuid import uuid4

    always = {"Authorization": "Bearer root staff:admin", "Idempotency-Key": uuid4().hex, "If-Match": "*"}
    headers = always | content.get("headers", {})
    return await api.client.request(method, f"/api{path}", **content | {"headers": headers})
