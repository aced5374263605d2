"""The filled stage is made once a run and for each kind of database, and copied for each test: filling it takes longer
than everything that is asked of it."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

from portal.db import Database
from tests.support import databases, run
from tests.support.cast import Cast, enter

Fill = Callable[[Database, Cast, Path], Awaitable[dict[str, str]]]
"""Fills the stage in a database and a data folder; returns what tests must know of it (numbers of things)."""
SCENE = "scene.json"


def sqlite(fill: Fill, folder: Path) -> str:
    """A filled SQLite database in a test's folder, its files and keys beside it."""
    kept = run.folder() / "stage-sqlite"
    with run.locked("stage-sqlite"):
        if not kept.exists():
            made = kept.with_suffix(".new")
            made.mkdir()
            asyncio.run(_fill(fill, databases.sqlite_copy(made / "portal.sqlite"), made))
            made.rename(kept)
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    return f"sqlite:///{folder / 'portal.sqlite'}"


def postgresql(fill: Fill, folder: Path, server: databases.PostgresServer) -> str:
    """A filled PostgreSQL database; files and keys in a test's folder."""
    kept = run.folder() / "stage-postgresql"
    with run.locked("stage-postgresql"):
        if not kept.exists():
            made = kept.with_suffix(".new")
            made.mkdir()
            url = server.create()
            asyncio.run(_fill(fill, url, made))
            server.keep(url, "stage")
            made.rename(kept)
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    return server.create("stage")


async def _fill(fill: Fill, url: str, folder: Path) -> None:
    database = Database(url, pool_size=2)
    cast = await enter(database)
    examples = await fill(database, cast, folder)
    await database.dispose()
    if url.startswith("sqlite"):
        await asyncio.to_thread(databases.into_one_file, folder / "portal.sqlite")
    (folder / SCENE).write_text(json.dumps({"cast": asdict(cast), "examples": examples}, default=str))


def scene(folder: Path) -> tuple[Cast, dict[str, str]]:
    """Everybody on the stage of a test's folder, and what is to be known of it."""
    told: dict[str, Any] = json.loads((folder / SCENE).read_text())
    cast = told["cast"]
    people, companies = ({name: UUID(one) for name, one in cast[of].items()} for of in ("people", "companies"))
    return Cast(people, cast["tokens"], companies), told["examples"]
