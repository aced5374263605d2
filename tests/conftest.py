"""What every test has: databases of its own, walls around projects and around this machine, asyncio."""

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from portal.db import Database
from tests.support import browser as browsers
from tests.support import cast as stage
from tests.support import certified, chance, databases, loops, mail, network, opened, run, staged, statements

BOTH = ("sqlite", "postgresql")


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is collected."""
    run.begin()
    network.guard()
    chance.install()
    statements.install()
    opened.install()
    loops.install()


def pytest_unconfigure(config: pytest.Config) -> None:
    """After the last test."""
    run.end()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what needs a database, PostgreSQL or the browser, so that the fast run can leave it out."""
    for item in items:
        if isinstance(item, pytest.Function):
            if getattr(item, "callspec", None) and item.callspec.params.get("database_url") == "postgresql":
                item.add_marker("postgres")
            if "database_url" in item.fixturenames:
                item.add_marker("database")
            if "browser" in item.fixturenames:
                item.add_marker("browser")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Hostile text that a test logged must not break the pipe between the processes of the run."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio."""
    return "asyncio"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """The ids and tokens of a test are the same in each run."""
    with chance.drawn_from(item.nodeid):
        return (yield)


@pytest.fixture(autouse=True)
def wall() -> Iterator[statements.Wall]:
    """Fails a test in which a statement read across projects, even if the code under test swallowed the refusal."""
    statements.WALL.take_refused()
    yield statements.WALL
    refused = statements.WALL.take_refused()
    assert not refused, "\n".join(refused)


@pytest.fixture(scope="session")
def postgres() -> Iterator[databases.PostgresServer]:
    """The run's PostgreSQL server."""
    with databases.PostgresServer() as server:
        yield server


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database of the test's own, on SQLite and on PostgreSQL: empty, or with the cast if it is asked for.

    A test of one of them says `@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)`.
    """
    has_cast = "cast" in request.fixturenames
    if request.param == "sqlite":
        path = tmp_path / "portal.sqlite"
        yield staged.sqlite(path) if has_cast else databases.sqlite_copy(path)
        return
    server: databases.PostgresServer = request.getfixturevalue("postgres")
    url = staged.postgresql(server) if has_cast else server.create()
    yield url
    server.drop(url)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The same database, open."""
    opened = Database(database_url, pool_size=4)
    yield opened
    await opened.dispose()


@pytest.fixture
def smtp() -> Iterator[mail.MailServer]:
    """A real SMTP server and what it was sent."""
    with mail.smtp_server() as server:
        yield server


@pytest.fixture
def certified_provider() -> Iterator[Callable[..., certified.Certified]]:
    """Starts the certified OpenID provider: `certified_provider(portal_url, name="main", SHORT_TTL="2")`."""
    with ExitStack() as running:
        yield lambda portal_url, **options: running.enter_context(certified.provider(portal_url, **options))


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """The real browser, the test's own."""
    async with browsers.launched() as opened:
        yield opened


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """An empty page of the browser, desktop size; a script error on it fails the test."""
    opened = await browser.new_page(viewport={"width": 1280, "height": 900})
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    await opened.close()
    assert errors == []


@pytest.fixture
async def cast(database: Database) -> stage.Cast:
    """Everybody of `tests/support/cast.py`, in the test's own database."""
    return await stage.enter(database)
