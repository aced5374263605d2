"""A browser that signs in to the portal by a provider inside the test's process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from fastapi import FastAPI, Request

import web.auth
import web.backchannel
import web.me
import web.sign_out
from portal.db import Database
from portal.errors import PortalError
from portal.identity.providers import Providers
from portal.notify.live import Live
from portal.settings import Settings
from tests.support.hostile_provider import HostileProvider
from web.errors import page_for
from web.gate import Gate
from web.security import Edge

BASE = "https://portal.example"


def settings_for(folder: Path, database_url: str, *providers: HostileProvider, **more: Any) -> Settings:
    """Settings of a portal with these providers, the first of them named main, the others second, third."""
    listed = [
        {
            "name": name, "label": name.title(), "issuer": one.issuer, "client_id": one.client_id,
            "client_secret": one.client_secret, "staff_groups": {"devs": "member", "leads": "manager"},
            "step_up_acr": "urn:mfa",
        }
        for name, one in zip(("main", "second", "third"), providers, strict=False)
    ]  # fmt: skip
    chosen = {
        "environment": "test", "base_url": BASE, "database_url": database_url, "data_dir": folder,
        "secret_key": "0123456789abcdefghijklmnopqrstuvwxyz", "oidc_providers": listed,
        "api_issuer": providers[0].issuer if providers else None, "mail_folder": folder / "mail",
        "api_staff_groups": {"devs": "member", "leads": "manager", "admins": "admin"},
        "robots": [{"client_id": "robot-1", "name": "Robot One", "scopes": ["staff:write"]}],
    }  # fmt: skip
    return Settings.model_validate(chosen | more)


class Router(httpx2.AsyncBaseTransport):
    """Leads each request to the provider whose host it names."""

    def __init__(self, *providers: HostileProvider) -> None:
        self.by_host = {urlsplit(one.issuer).netloc: one for one in providers}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer of the provider of that host."""
        return await self.by_host[request.url.netloc.decode()].handle_async_request(request)


def portal_app(settings: Settings, database: Database, transport: httpx2.AsyncBaseTransport | None) -> FastAPI:
    """The doors of sign-in behind the portal's own edge and gate."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings, app.state.database = settings, database
    app.state.live = Live(lambda: database, asyncio.Event())
    app.state.providers = Providers(settings, transport)
    for room in (web.auth, web.sign_out, web.backchannel, web.me):
        app.include_router(room.router)
    app.add_exception_handler(PortalError, page_for)
    app.add_middleware(Gate, state=app.state)
    app.add_middleware(Edge, base_url=settings.base_url, form_targets=app.state.providers.form_targets())

    @app.get("/projects")
    async def home(request: Request) -> dict[str, str]:
        return {"viewer": request.state.arrival.viewer.actor}

    return app


class Browser:
    """One person's browser: its cookies, and the way through a provider and back."""

    def __init__(self, app: FastAPI, provider: HostileProvider, *, base: str = BASE) -> None:
        self.app, self.provider = app, provider
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=base)

    async def leave(self, address: str = "/auth/login/main", **query: str) -> str:
        """Goes to sign in; the provider's address that it is sent to."""
        answer = await self.http.get(address, params=query)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def come_back(self, answer: dict[str, str], *, provider: str = "main") -> httpx2.Response:
        """Brings a provider's answer back to the portal."""
        return await self.http.get(f"/auth/callback/{provider}", params=answer)

    async def sign_in(self, *, provider: str = "main", **lies: Any) -> httpx2.Response:
        """Signs in; `lies` change what the browser brings back."""
        address = await self.leave(f"/auth/login/{provider}")
        return await self.come_back(self.provider.authorize(address, **lies), provider=provider)

    async def me(self) -> dict[str, Any] | None:
        """Who the portal says this browser is; None when it is nobody."""
        answer = await self.http.get("/me")
        return answer.json() if answer.status_code == 200 else None

    async def post(self, address: str, **form: str) -> httpx2.Response:
        """Sends a form of one of the portal's own pages."""
        return await self.http.post(address, data=form, headers={"Sec-Fetch-Site": "same-origin"})


def query_of(address: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@asynccontextmanager
async def open_portal(settings: Settings, database: Database, *providers: HostileProvider) -> AsyncIterator[FastAPI]:
    """A portal whose providers are inside this process."""
    app = portal_app(settings, database, Router(*providers))
    yield app
    await app.state.providers.close()
