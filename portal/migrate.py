"""Bringing the database to this release's tables: an explicit step (`portal migrate`), never done by a start."""

import ast
from functools import cache
from importlib.resources import files
from pathlib import Path

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import column, table

from portal.db import Database
from portal.errors import Conflict

ADVISORY_LOCK = 0x506F7274616C
"""Two migrations at once: on PostgreSQL the second waits for this lock, on SQLite for the write lock."""
GRANTS = (
    "GRANT USAGE ON SCHEMA public TO",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO",
    "GRANT EXECUTE ON FUNCTION refresh_statistics(regclass[]) TO",
    "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM",
)
"""What the service's role may do, each up to the role's name."""
VERSION = table("alembic_version", column("version_num"))


@cache
def head() -> str:
    """The revision that this release needs, read from the files' text: importing Alembic costs 0.3 s and 34 MB."""
    revisions: dict[str, object] = {}
    for entry in files("migrations").joinpath("versions").iterdir():
        if entry.name.endswith(".py"):
            names = _assigned(entry.read_text("utf-8"))
            if "revision" in names:
                revisions[str(names["revision"])] = names.get("down_revision")
    (last,) = revisions.keys() - set(revisions.values())
    return last


def _assigned(source: str) -> dict[str, object]:
    """The names that a module sets to plain values."""
    return {
        target.id: node.value.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


async def current(db: AsyncSession) -> str | None:
    """The revision of a database; None for an empty one."""
    try:
        return await db.scalar(select(VERSION.c.version_num))
    except DBAPIError as error:
        await db.rollback()
        if _is_missing_table(error):
            return None
        raise


def _is_missing_table(error: DBAPIError) -> bool:
    words = str(error.orig)
    return "no such table" in words or "UndefinedTable" in words or getattr(error.orig, "sqlstate", "") == "42P01"


async def require_head(db: AsyncSession) -> None:
    """Raises Conflict, saying what to do, unless the database is at this release's revision."""
    found = await current(db)
    if found != head():
        raise Conflict(
            f"The database's tables are at {found or 'nothing yet'}, this release needs {head()}: run `portal migrate`."
        )


async def upgrade(
    database: Database, revision: str = "head", *, service: str | None = None
) -> tuple[str | None, str | None]:
    """Runs the migrations up to `revision`, all in one transaction; returns the revision before and after. `service`
    names a role of PostgreSQL that may use the tables afterwards, and owns none.

    Raises DBAPIError when the database refuses, leaving it as it was.
    """
    make_room(database.url)
    async with database.read() as db:
        before = await current(db)
    async with database.engine.execution_options(writes=True).begin() as connection:
        await connection.run_sync(_run, revision)
        if service is not None:
            name = database.engine.dialect.identifier_preparer.quote(service)
            for statement in GRANTS:
                await connection.execute(text(f"{statement} {name}"))
    async with database.read() as db:
        return before, await current(db)


def make_room(url: str) -> None:
    """Makes the folder of a SQLite database, for its owner alone."""
    if url.startswith("sqlite"):
        Path(url.partition(":///")[2]).parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def _run(connection: Connection, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
