"""Files in the real browser: what would run as a page is saved under its name, and what we drew is shown."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import Error, Page

from portal.app import create_app
from portal.db import Database
from portal.files import commands, intake
from portal.ledger.models import Audience
from tests.support.cast import Cast
from tests.support.files import chunks, picture
from tests.support.live import serving
from tests.support.ports import free_port
from tests.web.conftest import settings_for

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
RUNS = "<script>document.title = 'it ran'; fetch('/me')</script>"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """An empty database: the demo's is not needed here."""
    from tests.support import databases

    return databases.sqlite_copy(tmp_path / "portal.sqlite")


@pytest.fixture
async def portal(database_url: str, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """The portal, listening."""
    port = free_port()
    settings = settings_for(tmp_path, database_url).model_copy(update={"base_url": f"http://127.0.0.1:{port}"})
    app = create_app(settings)
    async with serving(app, port):
        yield app
        app.state.stopping.set()
    await app.state.database.dispose()


async def add(portal: FastAPI, cast: Cast, content: bytes, name: str) -> str:
    """A file for the client, taken in as every file is; its address."""
    store, database = portal.state.files, portal.state.database
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
    received = await intake.receive(store, database, scope, chunks(content), name=name)
    async with database.write() as db:
        row = await commands.add_file(db, scope, received, audience=Audience.CLIENT)
    return f"{portal.state.settings.base_url}/projects/BRIDGE/files/{row.number}"


@pytest.fixture
async def visitor(portal: FastAPI, database: Database, cast: Cast, page: Page) -> Page:
    """Ada's browser."""
    cookie: Any = {"name": "portal", "value": cast.tokens["ada"], "url": portal.state.settings.base_url}
    await page.context.add_cookies([cookie])
    return page


@pytest.mark.parametrize(
    ("content", "name", "saved_as"),
    [
        (f"<!doctype html>{RUNS}".encode(), "Смета € (v2).html", "Смета € (v2).html"),
        (f'<svg xmlns="http://www.w3.org/2000/svg">{RUNS}</svg>'.encode(), "a'b;c.svg", "a'b;c.svg"),
        (b"plain text", "notes.txt", "notes.txt"),
        (b"GIF89a/*" + RUNS.encode() + b"*/=1;", "cat.gif", "cat.gif"),
    ],
    ids=["html", "svg", "text", "polyglot"],
)
async def test_a_file_is_saved_and_never_opened(
    portal: FastAPI, cast: Cast, visitor: Page, content: bytes, name: str, saved_as: str
) -> None:
    address = await add(portal, cast, content, name)
    await visitor.goto(f"{portal.state.settings.base_url}/projects")
    title = await visitor.title()
    async with visitor.expect_download() as saving:
        with contextlib.suppress(Error):  # going to a download is no navigation
            await visitor.goto(address)
    saved = await saving.value
    assert saved.suggested_filename == saved_as
    assert (await saved.path()).read_bytes() == content
    assert await visitor.title() == title


async def test_a_preview_is_shown_where_nothing_may_run(portal: FastAPI, cast: Cast, visitor: Page) -> None:
    address = await add(portal, cast, picture(300, 200) + RUNS.encode(), "screen.png")
    await visitor.goto(f"{address}/preview")
    assert await visitor.locator("img").evaluate("one => [one.naturalWidth, one.naturalHeight]") == [300, 200]
    assert await visitor.evaluate("[document.contentType, origin]") == ["image/webp", "null"]
    assert await visitor.title() != "it ran"
