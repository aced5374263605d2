"""SQLite for SQLAlchemy's asyncio without a thread: `sqlite+inline:///path`.

SQLite answers our statements in microseconds, so the hop to a driver thread that aiosqlite makes costs more than the
statement itself. This dialect calls the standard library's sqlite3 in the event loop's own thread. What may take long
(imports, rebuilds) therefore runs in a process of its own, and nobody waits for the write lock inside SQLite: the
busy time-out is zero, and `portal.db` waits between its tries without holding up the loop.
"""

import sqlite3
from typing import Any

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import AsyncAdaptedQueuePool, Pool
from sqlalchemy.util import await_only


async def _nothing() -> None:
    """What is awaited where there is nothing to wait for."""


class InlineCursor(sqlite3.Cursor):
    """A cursor that answers the one question SQLAlchemy asks of asynchronous drivers."""

    async def _async_soft_close(self) -> None:
        """Nothing to wait for: the rows are read from memory as they are asked for."""


class InlineConnection(sqlite3.Connection):
    """A sqlite3 connection whose cursors SQLAlchemy's asyncio layer accepts."""

    def cursor(self, factory: Any = InlineCursor) -> Any:
        """A new cursor of our kind."""
        return super().cursor(factory)


class InlineSqliteDialect(SQLiteDialect_pysqlite):
    """The pysqlite dialect, declared asynchronous though it never yields."""

    driver = "inline"
    is_async = True
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, url: Any) -> type[Pool]:
        """The asyncio pool: it waits for a free connection without blocking the loop."""
        return AsyncAdaptedQueuePool

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Runs a statement. SQLAlchemy insists that an asynchronous driver is awaited at least once; it costs 1 µs."""
        await_only(_nothing())
        super().do_execute(cursor, statement, parameters, context)  # type: ignore[no-untyped-call]

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Runs a statement for many rows."""
        await_only(_nothing())
        super().do_executemany(cursor, statement, parameters, context)  # type: ignore[no-untyped-call]

    def get_driver_connection(self, connection: Any) -> Any:
        """The sqlite3 connection itself: there is no adapter in between."""
        return connection
