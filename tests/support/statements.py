"""Watches every statement of every database: counts them, and refuses those that read across projects.

The wall stands in all tests by itself. A statement that must look across projects says why, where it is written:
`.execution_options(cross_project="the daily job signs every project's head")`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, event

from portal.db import Database
from tests.support.sql import Reading

NOT_COUNTED = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA", "SET ")
NOT_GUARDED = (*NOT_COUNTED, "CREATE", "DROP", "ALTER")
OPTION = "cross_project"
COPIED = "_alembic_tmp_"
"""Part of the name of the new table into which a migration copies an old one whole, on SQLite."""


class AcrossProjects(AssertionError):
    """A statement reads a project's table without saying which project."""


class Wall:
    """What the hook has refused since it was last asked."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    def take_refused(self) -> list[str]:
        """The refusals so far, then forgotten."""
        taken, self.refused = self.refused, []
        return taken


WALL = Wall()
_counters: list[tuple[Engine | None, list[str]]] = []


def install() -> None:
    """Puts the hook on every engine of this process, once."""
    if not event.contains(Engine, "before_cursor_execute", _watch):
        event.listen(Engine, "before_cursor_execute", _watch)


@contextmanager
def counting(database: Database | None = None) -> Iterator[list[str]]:
    """The statements that ran inside the block, on one database or on all; without those of transactions."""
    counter = (database.engine.sync_engine if database else None, list[str]())
    _counters.append(counter)
    try:
        yield counter[1]
    finally:
        _counters.remove(counter)


def _watch(connection: Connection, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
    if not statement.lstrip().upper().startswith(NOT_COUNTED):
        for engine, seen in _counters:
            if engine is None or engine is connection.engine or engine.pool is connection.engine.pool:
                seen.append(statement)
    options = context.execution_options if context else {}
    if OPTION in options or _writes_loaded_rows(context, options) or COPIED in statement:
        return
    tables = across_projects(statement)
    if tables:
        said = f"reads {', '.join(tables)} without naming its project: {statement}"
        WALL.refused.append(said)
        raise AcrossProjects(said)


def _writes_loaded_rows(context: Any, options: Mapping[str, Any]) -> bool:
    """Whether this is the session's own flush, which writes back rows that a guarded statement had read."""
    return bool(context and (context.isupdate or context.isdelete) and "compiled_cache" in options)


@lru_cache(maxsize=10_000)
def across_projects(statement: str) -> tuple[str, ...]:
    """The project tables that a statement reads without being bound to one project."""
    if statement.lstrip().upper().startswith(NOT_GUARDED):
        return ()
    return tuple(Reading(statement, keys()).unbound())


@cache
def keys() -> dict[str, frozenset[str]]:
    """The tables whose rows belong to a project, each with the columns that say to which."""
    from migrations import tables
    from portal.db import Base

    assert tables.ROOMS
    found = {
        table.name: frozenset({"project_id"})
        for table in Base.metadata.tables.values()
        if "project_id" in table.columns
    }
    return found | {"project_ledger": frozenset({"id", "key"}), "project": frozenset({"id"})}
