"""The application: settings in, an ASGI app out. Nothing happens on import."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from fastapi import FastAPI

import api.routes
import web.routes
from api.auth import authenticate
from portal import background, logs, metrics
from portal.db import Database
from portal.files.store import open_store
from portal.identity.providers import Providers
from portal.kept import KeptPages
from portal.ledger.keys import open_keys
from portal.notify.live import Live
from portal.settings import Settings
from web.gate import Gate
from web.security import Edge


def create_app(settings: Settings, *, with_background: bool = False) -> FastAPI:
    """The portal as an ASGI application. `with_background` also runs the jobs (mail, daily heads, clean-up)."""
    app = FastAPI(title=settings.agency_name, docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan)
    app.state.settings = settings
    app.state.database = Database(settings.database)
    app.state.providers = Providers(settings)
    app.state.keys = open_keys(settings.keys_dir, urlsplit(settings.base_url).netloc)
    app.state.kept = KeptPages()
    app.state.files = open_store(settings)
    app.state.with_background = with_background
    app.state.stopping = asyncio.Event()
    app.state.live = Live(lambda: app.state.database, app.state.stopping)
    web.routes.include(app)
    api.routes.include(app, authenticate=authenticate)
    app.add_middleware(Gate, state=app.state)
    app.add_middleware(Edge, base_url=settings.base_url, form_targets=app.state.providers.form_targets())
    metrics.install(app, settings)
    app.add_middleware(logs.RequestIdMiddleware)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    web.routes.warm()
    jobs = asyncio.create_task(background.run(app.state)) if app.state.with_background else None
    try:
        yield
    finally:
        app.state.stopping.set()
        if jobs:
            jobs.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await jobs
        await app.state.providers.close()
        await app.state.database.dispose()
