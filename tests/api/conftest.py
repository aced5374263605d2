"""The API as its callers meet it: real routes, rooms and databases; only who a token belongs to is said by the test."""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response
from starlette.requests import Request

from api import routes
from api.deps import Caller
from portal.access import Scope
from portal.db import Database
from portal.errors import SignInNeeded
from portal.identity.bearer import INCLUDES
from portal.ledger import queries as ledger
from portal.settings import Settings
from tests.support.cast import Cast, enter

BASE = "http://localhost:8000"
ALL = "staff:read staff:write staff:admin"


def settings_for(tmp_path: Any, **more: Any) -> Settings:
    """Settings that are fit for a test."""
    fit = {"environment": "test", "base_url": BASE, "secret_key": "0123456789abcdef-test-0123456789abcdef"}
    return Settings(**(fit | {"data_dir": tmp_path} | more))


def portal_for(settings: Settings, database: Database, cast: Cast) -> FastAPI:
    """A portal that has only its API; a token is a name, and the scopes that it carries."""

    async def authenticate(request: Request) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        name, _, scopes = token.partition(" ")
        if scheme != "Bearer" or name not in cast.people:
            raise SignInNeeded("A valid access token is needed.")
        return Caller(cast.viewer(name), frozenset[str]().union(*(INCLUDES[one] for one in scopes.split())))

    portal = FastAPI(openapi_url=None)
    portal.state.settings, portal.state.database = settings, database
    routes.include(portal, authenticate=authenticate)
    return portal


class Api:
    """A caller of the API who checks each answer's form."""

    def __init__(self, client: AsyncClient, database: Database, cast: Cast) -> None:
        self.client = client
        self.database = database
        self.cast = cast

    async def call(
        self,
        method: str,
        path: str,
        *,
        by: str | None = "wei",
        scopes: str = ALL,
        expect: int = 200,
        headers: Mapping[str, str] | None = None,
        key: str | None = "",
        match: str | None = None,
        **content: Any,
    ) -> Response:
        """One request. A POST gets a fresh Idempotency-Key unless `key` is given (None: no header)."""
        sent = dict(headers or {})
        if by is not None:
            sent["Authorization"] = f"Bearer {by} {scopes}"
        if method == "POST" and key is not None:
            sent["Idempotency-Key"] = key or uuid4().hex
        if match is not None:
            sent["If-Match"] = match
        response = await self.client.request(method, f"/api{path}", headers=sent, **content)
        assert response.status_code == expect, (response.status_code, response.text)
        if expect >= 400:
            check_problem(response)
        return response

    async def get(self, path: str, **options: Any) -> Any:
        """The JSON that an address answers."""
        return (await self.call("GET", path, **options)).json()

    async def post(self, path: str, body: Any = None, **options: Any) -> Any:
        """The JSON answer to a POST; 201 unless said otherwise."""
        content = {} if body is None else {"json": body}
        return (await self.call("POST", path, **({"expect": 201} | content | options))).json()

    async def patch(self, path: str, body: Any, *, match: str = "*", **options: Any) -> Any:
        """The JSON answer to a PATCH of whatever is there."""
        return (await self.call("PATCH", path, json=body, match=match, **options)).json()

    async def scope(self, key: str = "BRIDGE", name: str = "root") -> Scope:
        """What an administrator is in a project."""
        async with self.database.read() as db:
            return await self.cast.scope(db, name, key)

    async def kinds(self, key: str = "BRIDGE") -> list[str]:
        """The kinds of all events of a project after its opening."""
        scope = await self.scope(key)
        async with self.database.read() as db:
            events = await ledger.since(db, scope.project_id, scope.audiences, 1)
        return [event.kind for event in events]


def check_problem(response: Response) -> None:
    """Every refusal has one shape, and tells nothing of how the portal is made."""
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    told = response.json()
    assert {"type", "title", "status", "detail"} <= set(told) <= {"type", "title", "status", "detail", "errors"}
    assert told["status"] == response.status_code
    assert told["type"].startswith("/api/problems/")
    for one in told.get("errors", []):
        assert {"in", "field", "message"} <= set(one) <= {"in", "field", "message", "value"}
    assert "Traceback" not in response.text
    assert "sqlalchemy" not in response.text.lower()


def at_fault(response: Response) -> list[tuple[str, str]]:
    """Where the faults are that a problem lists: (part of the request, field)."""
    return [(one["in"], one["field"]) for one in response.json()["errors"]]


@pytest.fixture
async def cast(database: Database) -> Cast:
    """Everybody, on stage."""
    return await enter(database)


@pytest.fixture
async def portal(database: Database, cast: Cast, tmp_path: Any) -> FastAPI:
    """The portal that the API belongs to."""
    return portal_for(settings_for(tmp_path, database_url=database.url), database, cast)


@pytest.fixture
async def api(portal: FastAPI, database: Database, cast: Cast) -> AsyncIterator[Api]:
    """The API, called by Wei (a manager) with all scopes unless said otherwise."""
    transport = ASGITransport(app=portal, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        yield Api(client, database, cast)
