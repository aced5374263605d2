"""The portal's pages as a browser meets them: the whole application, a real database, strict HTML."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import html5lib
import httpx2
import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response

from portal.app import create_app
from portal.db import Database
from portal.notify import live, moves
from portal.settings import Settings
from tests.support.acceptance import begun
from tests.support.cast import Cast, enter
from tests.support.statements import counting

BASE = "http://portal.example"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin", "Origin": BASE}


def settings_for(folder: Path, database_url: str) -> Settings:
    """Settings that are fit for a test."""
    return Settings.model_validate(
        {
            "environment": "test",
            "base_url": BASE,
            "database_url": database_url,
            "data_dir": folder,
            "secret_key": "0123456789abcdefghijklmnopqrstuvwxyz",
            "agency_name": "Bright Harbour",
            "mail_folder": folder / "mail",
        }
    )


class Page:
    """One page as it was answered, parsed strictly."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self.text = response.text
        self.tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(response.text)

    def all(self, path: str) -> list[Any]:
        """The elements at an ElementTree path."""
        return list(self.tree.findall(f".//{path}"))

    def words(self, element: Any) -> str:
        """An element's text with single spaces."""
        return " ".join(" ".join(element.itertext()).split())

    def check(self) -> None:
        """What holds for every page: one h1, a title that starts with it, no id twice, an action on each form."""
        headings = self.all("h1")
        assert len(headings) == 1
        assert self.words(self.all("title")[0]).startswith(self.words(headings[0]))
        ids = [one.get("id") for one in self.tree.iter() if one.get("id")]
        assert len(ids) == len(set(ids))
        assert all(form.get("action") and form.get("method") in ("get", "post") for form in self.all("form"))
        assert all(image.get("alt") is not None for image in self.all("img"))
        assert not [one for one in self.tree.iter() if one.get("style") or any(name[:2] == "on" for name in one.attrib)]
        assert all(script.get("src") and not script.text for script in self.all("script"))


class Browser:
    """Somebody's browser; it checks each page that it is shown."""

    def __init__(self, client: AsyncClient, cast: Cast) -> None:
        self.client = client
        self.cast = cast

    async def open(
        self, path: str, who: str | None = "ada", *, expect: int = 200, headers: dict[str, str] | None = None
    ) -> Page:
        """Opens an address and checks its status and its form."""
        response = await self.get(path, who, headers)
        assert response.status_code == expect, f"{path}: {response.status_code} {response.text[:300]}"
        page = Page(response)
        page.check()
        return page

    async def read(self, path: str, who: str | None = "ada") -> str:
        """The words of a page's own part, without what stands on each page."""
        page = await self.open(path, who)
        return page.words(page.all("main")[0])

    async def get(self, path: str, who: str | None = "ada", headers: dict[str, str] | None = None) -> Response:
        """The bare answer."""
        return await self.client.get(path, headers=(self.cast.cookie(who) if who else {}) | (headers or {}))

    async def check_cost(self, database: Database, path: str, who: str = "ada", *, most: int = 4) -> None:
        """A page costs so many statements at most, and one where its reader has it already."""
        with counting(database) as statements:
            page = await self.open(path, who)
        assert len(statements) <= most, "\n\n".join(statements)
        with counting(database) as statements:
            again = await self.get(path, who, {"If-None-Match": page.response.headers["etag"]})
        assert (again.status_code, again.content, len(statements)) == (304, b"", 1)

    async def post(self, path: str, who: str | None = "ada", **fields: Any) -> Response:
        """Sends a form of the portal's own."""
        cookie = self.cast.cookie(who) if who else {}
        return await self.client.post(path, data=fields, headers=cookie | SAME_ORIGIN)

    async def send(self, path: str, who: str = "ada", *files: tuple[str, bytes], **fields: str) -> Response:
        """Sends a form of the portal's own that may bring files, each as its name and bytes, in the input `file`."""
        parts: list[Any] = [(name, (None, value)) for name, value in fields.items()]
        parts += [("file", (name, content, "application/octet-stream")) for name, content in files]
        return await self.client.post(path, files=parts, headers=self.cast.cookie(who) | SAME_ORIGIN)


@pytest.fixture
async def cast(database: Database) -> Cast:
    """Everybody, on the stage."""
    return await enter(database)


@pytest.fixture
async def portal(database_url: str, database: Database, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """The whole application, on the test's database."""
    app = create_app(settings_for(tmp_path, database_url))
    await app.state.database.dispose()
    app.state.database = database
    yield app
    app.state.stopping.set()


@pytest.fixture
async def browser(portal: FastAPI, cast: Cast) -> AsyncIterator[Browser]:
    """A browser in front of the application."""
    transport: httpx2.AsyncBaseTransport = ASGITransport(portal, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url=BASE) as client:
        yield Browser(client, cast)


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a page to change looks often enough for a test."""
    monkeypatch.setattr(moves, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(live, "SETTLE_SECONDS", 0.02)


@pytest.fixture
async def running(database: Database, cast: Cast) -> Cast:
    """An offered plan of three cases and its first round, in which Ada and Eve test."""
    await begun(database, cast)
    return cast
