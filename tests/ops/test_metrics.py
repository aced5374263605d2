"""Metrics: off by default and then free; on, they count by route and never by what is in an address."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.request import urlopen

import httpx2
import pytest
from fastapi import FastAPI

from portal import metrics
from portal.db import Database
from portal.settings import Settings
from tests.support.ports import free_port

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def app_with(database: Any, port: int) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.state.database = database

    @app.get("/projects/{key}")
    async def project(key: str) -> str:
        return key

    settings = Settings(
        environment="test",
        base_url="http://127.0.0.1:8000",
        secret_key="k2J9-random-enough-7Qw5-Zx81-Lm-4t",
        metrics_port=port,
    )
    metrics.install(app, settings)
    return app


@asynccontextmanager
async def living(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """The app between start-up and shutdown, through its own middleware."""
    import asyncio

    steps: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    up, down = asyncio.Event(), asyncio.Event()

    async def send(message: Any) -> None:
        (up if message["type"].startswith("lifespan.startup") else down).set()

    task = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, steps.get, send))
    steps.put_nowait({"type": "lifespan.startup"})
    await up.wait()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        yield client
    steps.put_nowait({"type": "lifespan.shutdown"})
    await down.wait()
    await task


def scraped(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


@SQLITE
async def test_requests_are_counted_by_route_template(database: Database) -> None:
    port = free_port()
    async with living(app_with(database, port)) as client:
        await client.get("/projects/SECRET?mail=ada@example.com")
        await client.get("/nothing-here")
        async with database.write():
            pass
        text = scraped(port)
    assert 'portal_request_seconds_count{method="GET",route="/projects/{key}",status="2xx"} 1.0' in text
    assert 'portal_request_seconds_count{method="GET",route="(none)",status="4xx"} 1.0' in text
    assert "portal_write_wait_seconds_count 1.0" in text
    assert "SECRET" not in text
    assert "ada@" not in text


@SQLITE
async def test_a_second_process_takes_the_next_port(database: Database) -> None:
    port = free_port()
    async with living(app_with(database, port)), living(app_with(database, port)):
        assert "portal_request_seconds" in scraped(port)
        assert "portal_request_seconds" in scraped(port + 1)


@SQLITE
async def test_the_port_is_free_again_when_the_app_has_ended(database: Database) -> None:
    port = free_port()
    async with living(app_with(database, port)):
        scraped(port)
    with pytest.raises(OSError, match="refused"):
        scraped(port)


def test_without_a_port_nothing_is_measured_and_the_library_is_not_even_imported() -> None:
    program = """
import sys
from fastapi import FastAPI
from portal import metrics
from portal.settings import Settings
from tests.support.ports import free_port
app, secret = FastAPI(), "k2J9-random-enough-7Qw5-Zx81-Lm-4t"
metrics.install(app, Settings(environment="test", base_url="http://127.0.0.1", secret_key=secret))
print(len(app.user_middleware), "prometheus_client" in sys.modules)
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["0", "False"]
