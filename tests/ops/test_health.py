"""`/healthz` says that the process is alive; `/readyz` that requests should be sent here."""

from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from portal import migrate
from portal.db import Database
from portal.errors import Conflict
from tests.support.databases import as_owner
from web import health


def client_of(database: Database) -> httpx2.AsyncClient:
    app = FastAPI(openapi_url=None)
    app.state.database = database
    app.include_router(health.router)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test")


async def test_ready_when_the_database_is_at_this_releases_tables(database: Database) -> None:
    async with client_of(database) as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"database": "ok", "migrations": "ok"})
    assert answer.headers["cache-control"] == "no-store"


async def test_not_ready_when_migrations_are_behind(database: Database) -> None:
    async with as_owner(database) as owned, owned.write() as db:
        await db.execute(text("UPDATE alembic_version SET version_num = '2000_01_01_long_ago'"))
    async with client_of(database) as client:
        ready, alive = await client.get("/readyz"), await client.get("/healthz")
    assert ready.status_code == 503
    assert ready.json()["migrations"] == "behind: run portal migrate"
    assert alive.status_code == 200


async def test_not_ready_on_an_empty_database(tmp_path: Path) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    async with client_of(empty) as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "ok")
    async with empty.read() as db:
        with pytest.raises(Conflict, match="run `portal migrate`"):
            await migrate.require_head(db)
    await empty.dispose()


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.sqlite", "postgresql://127.0.0.1:1/nothing"])
async def test_alive_and_not_ready_without_a_database(url: str) -> None:
    gone = Database(url)
    async with client_of(gone) as client:
        ready, alive = await client.get("/readyz"), await client.get("/healthz")
    assert (ready.status_code, ready.json()["database"]) == (503, "does not answer")
    assert alive.status_code == 200
    await gone.dispose()


async def test_migrating_again_changes_nothing(database: Database) -> None:
    assert await migrate.upgrade(database) == (migrate.head(), migrate.head())
