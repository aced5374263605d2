"""A portal with one honest provider, and people who were invited: Ada approves on BRIDGE."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from portal.db import Database
from portal.people import invitations
from portal.settings import Settings
from tests.support import databases
from tests.support.cast import Cast, enter
from tests.support.hostile_provider import HostileProvider
from tests.support.sign_in import Browser, open_portal, settings_for


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """SQLite alone, for what providers say does not depend on the database; test_sign_*.py ask for both."""
    if request.param == "sqlite":
        yield databases.sqlite_copy(tmp_path / "portal.sqlite")
        return
    server: databases.PostgresServer = request.getfixturevalue("postgres")
    url = server.create()
    yield url
    server.drop(url)


@pytest.fixture
def provider() -> HostileProvider:
    """A provider; a test makes it lie."""
    return HostileProvider()


@pytest.fixture
def settings(tmp_path: Path, database_url: str, provider: HostileProvider) -> Settings:
    """The portal's settings."""
    return settings_for(tmp_path, database_url, provider)


@pytest.fixture
async def cast(database: Database) -> Cast:
    """Everybody."""
    return await enter(database)


@pytest.fixture
async def invited(database: Database, cast: Cast, settings: Settings) -> Cast:
    """The cast, with ada@client.example invited to BRIDGE as an approver."""
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await invitations.invite(db, scope, settings, email="ada@client.example", roles=["approver"])
    return cast


@pytest.fixture
async def app(settings: Settings, database: Database, provider: HostileProvider) -> AsyncIterator[FastAPI]:
    """The portal."""
    async with open_portal(settings, database, provider) as opened:
        yield opened


@pytest.fixture
def tab(app: FastAPI, provider: HostileProvider) -> Browser:
    """A browser."""
    return Browser(app, provider)
