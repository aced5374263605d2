"""The OpenAPI 3.1 description: what FastAPI finds by itself, and what our own doors know."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.doors import Door, body_model
from api.problems import KINDS, MEDIA_TYPE

DESCRIPTION = """
The staff API of the portal. What every operation has in common:

* **Token**: `Authorization: Bearer …`, an RFC 9068 access token with the scope that the operation names.
* **Refusals** are RFC 9457 problems (`application/problem+json`); `type` is an address that explains the kind.
* **POST** needs an `Idempotency-Key`; sent again with the same key within 24 hours it gets the first answer again.
* **PATCH and DELETE** of what has an `ETag` need it in `If-Match`.
* **Lists** come in pages: follow `next`, or `Link: <…>; rel="next"`, with the same filters.
* **Numbers** that must be exact are text (`"2.5"`), times RFC 3339, days ISO dates. Unknown fields are refused.
"""
PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["in", "field", "message"],
                "properties": {
                    "in": {"enum": ["body", "query", "path", "header"]},
                    "field": {"type": "string", "description": "A JSON pointer in the body, a name elsewhere."},
                    "message": {"type": "string"},
                    "value": {"description": "What was given."},
                },
            },
        },
    },
}
HEADER_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "pattern": r"^[\x21\x23-\x7e]{1,200}$"},
    "description": "A new random text for every new request.",
    "example": "0b6f7f0a-4f0e-4d39-8a53-5f2b8b9d1c11",
}
HEADER_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "schema": {"type": "string"},
    "description": "The ETag that was read; `*` for whatever is there.",
    "example": "*",
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of an app whose operations are doors."""
    doors = [route for route in app.routes if isinstance(route, Door)]
    described = get_openapi(
        title=app.title, version=app.version, openapi_version="3.1.0", description=DESCRIPTION, routes=app.routes
    )
    schemas = described.setdefault("components", {}).setdefault("schemas", {})
    schemas |= dict(_body_schemas(doors)) | {"Problem": PROBLEM_SCHEMA}
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    described["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "at+jwt"}
    }
    described["servers"] = [{"url": "/api"}]
    for door in doors:
        _complete(described["paths"][door.path_format], door)
    return described


def _body_schemas(doors: list[Door]) -> Iterator[tuple[str, Any]]:
    models: list[type[BaseModel]] = [model for door in doors if (model := body_model(door.endpoint))]
    _, schema = models_json_schema([(m, "validation") for m in models], ref_template="#/components/schemas/{model}")
    yield from schema.get("$defs", {}).items()


def _complete(path: dict[str, Any], door: Door) -> None:
    for method in door.methods or ():
        operation = path[method.lower()]
        operation["security"] = [{"token": [door.needs]}]
        parameters = operation.setdefault("parameters", [])
        if method == "POST":
            parameters.append(HEADER_KEY)
        if door.edits:
            parameters.append(HEADER_MATCH)
        operation["responses"].pop("422", None)
        operation["responses"] |= {str(status): _problem(status) for status in _statuses(method, door)}


def _statuses(method: str, door: Door) -> Iterator[int]:
    yield from (401, 403, 429, 503)
    if door.param_convertors:
        yield 404
    if method != "GET":
        yield from (400, 404, 408, 409, 413, 415, 422)
    elif door.takes_query:
        yield 422
    if door.edits:
        yield from (412, 428)


def _problem(status: int) -> dict[str, Any]:
    titles = [kind.title for kind in KINDS.values() if kind.status == status]
    return {
        "description": "; ".join(titles),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def answers(
    model: Any, description: str, *, status: int = 200, headers: tuple[str, ...] = (), example: Any = None
) -> dict[int | str, dict[str, Any]]:
    """How a handler that writes its JSON itself describes its answer."""
    told: dict[str, Any] = {"model": model, "description": description}
    if headers:
        told["headers"] = {name: {"schema": {"type": "string"}} for name in headers}
    if example is not None:
        told["content"] = {"application/json": {"example": example}}
    return {status: told}
