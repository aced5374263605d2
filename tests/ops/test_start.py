"""What a start takes into memory: only what every portal needs, once, and then out of the collector's way."""

import gc
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from portal import serve
from portal.cli import app
from portal.db import Database
from web.locale_choice import LANGUAGES
from web.render import environment

NOT_AT_THE_START = {
    "PIL", "alembic", "http.server", "icalendar", "lxml", "obstore", "prometheus_client", "pypdfium2",
    "snowballstemmer", "typst", "xlsxwriter",
}  # fmt: skip
"""Libraries of some work only: they are imported where that work is done."""


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """Puts the garbage collector back as it was."""
    yield
    gc.unfreeze()
    gc.enable()


def told(program: str) -> str:
    """What a Python process of its own says."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_the_server_starts_without_the_libraries_that_only_some_work_needs() -> None:
    found = told("import sys, portal.cli, portal.serve; print(*sys.modules, sep=',')").split(",")
    assert {"portal.app", "api.routes"} <= set(found)
    assert NOT_AT_THE_START & set(found) == set()


def test_the_models_of_the_api_are_not_built_before_they_are_used() -> None:
    program = """
import api.routes
from api.shapes import Incoming, Outgoing
models = Incoming.__subclasses__() + Outgoing.__subclasses__()
print(len(models) > 100, sum(one.__pydantic_complete__ for one in models))
"""
    assert told(program).split() == ["True", "0"]


def test_all_languages_share_the_code_of_a_template() -> None:
    roots = [environment(locale).get_template("projects/overview.html").root_render_func for locale in LANGUAGES]
    assert len(roots) == 3
    assert len({id(root.__code__) for root in roots}) == 1


def test_the_collector_rests_while_the_server_starts_and_works_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    monkeypatch.setattr("portal.cli.running.load", lambda: None)
    monkeypatch.setattr(serve, "run", lambda *_given, **_options: found.append(gc.isenabled()))
    CliRunner().invoke(app, ["serve"])
    assert (found, gc.isenabled()) == ([False], True)


def test_what_came_since_the_start_is_collected_by_its_own_measure() -> None:
    gc.disable()
    serve.settle()
    assert gc.isenabled()
    assert len(gc.get_objects()) < gc.get_freeze_count() / 100


async def test_of_many_connections_the_warm_one_is_taken_again(database: Database) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(3):
            session = await stack.enter_async_context(database.read())
            await session.execute(text("SELECT 1"))
    taken = set()
    for _ in range(5):
        async with database.read() as session:
            taken.add(id((await (await session.connection()).get_raw_connection()).driver_connection))
    assert len(taken) == 1
