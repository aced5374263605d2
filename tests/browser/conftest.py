"""The portal with the demo's two real projects on a real port, and people who walk through it in the real browser."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page

from portal.access import SYSTEM
from portal.app import create_app
from portal.backlog import commands as backlog
from portal.db import Database
from portal.demo.load import load
from portal.demo.provider import DemoProvider
from portal.demo.serving import running
from portal.notify import moves
from portal.projects import commands as plan
from portal.projects import queries as projects
from portal.settings import Settings
from tests.support import databases, run
from tests.support.house import house, open_page
from tests.support.live import serving
from tests.support.ports import free_port
from tests.support.sign_in import settings_for

__all__ = ["house", "open_page"]
"""Fixtures that stand elsewhere."""

LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
PATIENCE = 30_000
"""How long the browser waits for something to appear, in milliseconds."""
QUESTION = "Which recalls may the public see on the first day?"


def settings_of(folder: Path, database_url: str, provider: DemoProvider) -> Settings:
    """The settings of a portal that the demo's people sign in to."""
    return settings_for(
        folder, database_url, base_url=provider.portal_url, oidc_providers=[provider.settings],
        api_issuer=provider.issuer, agency_name="Bright Harbour",
    )  # fmt: skip


def demo_provider() -> DemoProvider:
    """A provider of the demo's people, at an address of its own, for a portal at another."""
    portal = f"http://127.0.0.1:{free_port()}"
    return DemoProvider(f"http://127.0.0.1:{free_port()}", portal, f"{portal}/api")


async def fill(url: str, folder: Path) -> None:
    """The demo's data, and what pages show that real exports do not have: a question, dates that moved, long words."""
    provider = demo_provider()
    database = Database(url, pool_size=1)
    await load(database, settings_of(folder, url, provider), provider.issuer)
    async with database.write() as db:
        scope = await projects.scope_for(db, SYSTEM, "RECALLS")
        await plan.add_milestone(
            db, scope, name="Public beta", agreed_on=date(2030, 5, 2), expected_on=date(2030, 5, 2)
        )
        late = {"expected_on": date(2030, 6, 1)}
        await plan.change_milestone(db, scope, 1, late, reason="The data arrives later than was promised.")
        asked = {"blocked_on": "client", "blocked_reason": QUESTION, "milestone": 1}
        await backlog.add_item(db, scope, {"title": LONG_WORD, "audience": "client", "labels": [LONG_WORD]} | asked)
        await backlog.add_item(db, scope, {"title": "Kept among us", "audience": "internal"})
    await database.dispose()


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """The demo's database, loaded once a run and copied for each test."""
    template = run.folder() / "demo.sqlite"
    with run.locked("demo"):
        if not template.exists():
            fresh = databases.sqlite_copy(Path(f"{template}.new"))
            asyncio.run(fill(fresh, run.folder() / "demo"))
            Path(f"{template}.new").rename(template)
    shutil.copyfile(template, tmp_path / "portal.sqlite")
    shutil.copytree(run.folder() / "demo" / "files", tmp_path / "files")
    return f"sqlite:///{tmp_path / 'portal.sqlite'}"


@pytest.fixture
async def portal(database_url: str, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """The whole portal and its provider, both listening."""
    provider = demo_provider()
    app = create_app(settings_of(tmp_path, database_url, provider))
    at, provider_at = (int(one.rpartition(":")[2]) for one in (provider.portal_url, provider.issuer))
    async with running(provider, "127.0.0.1", provider_at), serving(app, at):
        yield app
        app.state.stopping.set()


@dataclass
class Visitor:
    """Somebody at a browser of their own; what the browser complained about is written down."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str) -> int:
        """Opens an address of the portal; its status."""
        answer = await self.page.goto(self.base + path)
        assert answer is not None, path
        return answer.status

    async def heading(self) -> str:
        """The page's main heading."""
        return (await self.page.locator("h1").inner_text()).strip()

    def hear(self, message: ConsoleMessage) -> None:
        """Called for each line in the console. That an address answered 404 is what a page for 404 is for."""
        if "ERR_INTERNET_DISCONNECTED" in message.text:  # a test took the network away
            return
        is_answer = message.text.startswith("Failed to load resource") and message.location["url"] == self.page.url
        if message.type in ("error", "warning") and not is_answer:
            self.complaints.append(f"{self.page.url}: {message.text}")


Visit = Callable[..., Awaitable[Visitor]]


@pytest.fixture
async def visit(portal: FastAPI, browser: Browser) -> AsyncIterator[Visit]:
    """Opens a browser: `await visit("ada", locale="ru", color_scheme="dark")`; without a name nobody signs in.

    A complaint of the browser (a script's error, something that the content policy refused) fails the test.
    """
    base, opened = portal.state.settings.base_url, list[Visitor]()
    async with AsyncExitStack() as contexts:

        async def visit(who: str | None = None, *, locale: str = "en", width: int = 1280, **options: Any) -> Visitor:
            context: BrowserContext = await browser.new_context(viewport={"width": width, "height": 800}, **options)
            contexts.push_async_callback(context.close)
            context.set_default_timeout(PATIENCE)
            await context.add_cookies([{"name": "portal_locale", "value": locale, "url": base}])
            visitor = Visitor(await context.new_page(), base)
            visitor.page.on("console", visitor.hear)
            visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
            opened.append(visitor)
            if who:
                await sign_in(visitor, who)
            return visitor

        yield visit
    assert [complaint for visitor in opened for complaint in visitor.complaints] == []


async def sign_in(visitor: Visitor, who: str) -> None:
    """From the portal's first page through the provider and back."""
    await visitor.open("/sign-in")
    await visitor.page.locator("main a.primary").click()
    await visitor.page.locator(f'button[value="{who}"]').click()
    await visitor.page.wait_for_url(f"{visitor.base}/projects")


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The live stream looks for news often enough for a test."""
    monkeypatch.setattr(moves, "LOOK_SECONDS", 0.05)
