"""Databases in which the cast stands already: it enters once a run for each kind of database, and is copied."""

import asyncio
import shutil
from pathlib import Path

from portal.db import Database
from tests.support import cast, databases, run

STAGE = "stage_with_cast"


def sqlite(path: Path) -> str:
    """The URL of a new SQLite database at this path, with the cast."""
    template = run.folder() / "cast.sqlite"
    with run.locked("cast-sqlite"):
        if not template.exists():
            asyncio.run(_enter(databases.sqlite_copy(Path(f"{template}.new"))))
            databases.into_one_file(Path(f"{template}.new"))
            Path(f"{template}.new").rename(template)
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"


def postgresql(server: databases.PostgresServer) -> str:
    """The URL of a new PostgreSQL database, with the cast."""
    with run.locked("cast-postgresql"):
        if not (run.folder() / "cast-postgresql.done").exists():
            url = server.create()
            asyncio.run(_enter(url))
            server.keep(url, STAGE)
            (run.folder() / "cast-postgresql.done").touch()
    return server.create(STAGE)


async def _enter(url: str) -> None:
    database = Database(url, pool_size=1)
    everybody = await cast.enter(database)
    await database.dispose()
    cast.kept_scene(url).write_text(cast.to_json(everybody))
