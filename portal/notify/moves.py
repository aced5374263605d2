"""Says that somebody wrote to the database, in this process or another: the one thing that differs by database.

PostgreSQL tells a connection that listens (a trigger on the ledger's row sends the project's id with the commit).
SQLite tells nobody, but knows a number that changes with each commit; asking for it costs some microseconds.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from random import uniform
from typing import Any
from uuid import UUID

from portal.db import Database

CHANNEL = "portal_ledger"
LOOK_SECONDS = 1.0
"""How often SQLite is asked for its number."""
ALIVE_SECONDS = 30.0
"""How often the listening connection is asked whether it lives: a cut cable says nothing by itself."""
ANSWER_SECONDS = 10.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before the first and the later tries to connect again."""

Heard = Callable[[UUID | None], None]
_log = logging.getLogger(__name__)


async def watch(database: Database, heard: Heard) -> None:
    """Calls `heard` with the project that was written to, or None when it may have been any; ends by cancellation.

    A connection that is lost is made again with growing pauses; afterwards any project may have moved meanwhile.
    """
    pause = SHORTEST_PAUSE
    while True:
        try:
            await (_watch_sqlite if database.is_sqlite else _watch_postgresql)(database, heard)
            pause = SHORTEST_PAUSE
        except Exception as error:
            # Until then each stream still asks for itself, only less often.
            _log.warning("live updates are not told of changes", extra={"error": type(error).__name__})
        await asyncio.sleep(pause * uniform(0.5, 1))
        pause = min(pause * 2, LONGEST_PAUSE)


async def _watch_sqlite(database: Database, heard: Heard) -> None:
    path = database.engine.url.database or ""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        number = None
        while True:
            found = connection.execute("PRAGMA data_version").fetchone()[0]
            if found != number:
                number = found
                heard(None)
            await asyncio.sleep(LOOK_SECONDS)


async def _watch_postgresql(database: Database, heard: Heard) -> None:
    """Returns when the connection is lost."""
    connection = await _connect(database)
    lost = asyncio.Event()
    try:
        connection.add_termination_listener(lambda _connection: lost.set())
        await connection.add_listener(CHANNEL, lambda *told: heard(_project(told[-1])))
        heard(None)
        while not lost.is_set():
            await _alive(connection, lost)
    finally:
        connection.terminate()  # at once: whoever cancels us does not wait


async def _alive(connection: Any, lost: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(lost.wait(), ALIVE_SECONDS)
    except TimeoutError:
        await connection.fetchval("SELECT 1", timeout=ANSWER_SECONDS)


async def _connect(database: Database) -> Any:
    """A connection outside the pool, in which it would be missing for as long as somebody listens."""
    import asyncpg  # type: ignore[import-untyped]

    _, options = database.engine.dialect.create_connect_args(database.engine.url)
    for ours in ("prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback"):
        options.pop(ours, None)  # SQLAlchemy's own, which the driver does not know
    return await asyncpg.connect(**options, timeout=ANSWER_SECONDS)


def _project(payload: str) -> UUID | None:
    try:
        return UUID(payload)
    except ValueError:
        return None
