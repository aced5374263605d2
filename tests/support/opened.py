"""Lets a test look at its database with its own eyes: PostgreSQL's wall stands for the product, not for the test.

Transactions that a test's own code opens see all projects, as a statement with `cross_project` does. Whatever the
product opens by itself, for a page, a call, a job or a command, goes through the wall like in production.
"""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from portal.db import Database

Opening = Callable[..., AbstractAsyncContextManager[AsyncSession]]
TESTS = str(Path(__file__).parents[1])


def install() -> None:
    """For every database of this process."""
    Database.read = _seeing(Database.read)  # type: ignore[method-assign, assignment]
    Database.write = _seeing(Database.write)  # type: ignore[method-assign, assignment]


def _seeing(opening: Opening) -> Opening:
    @wraps(opening)
    def open_one(database: Database, *inside: UUID | None) -> AbstractAsyncContextManager[AsyncSession]:
        by_test = sys._getframe(1).f_code.co_filename.startswith(TESTS)
        opened = opening(database, *inside)
        return _open(opened) if by_test and not inside and not database.is_sqlite else opened

    return open_one


@asynccontextmanager
async def _open(opened: AbstractAsyncContextManager[AsyncSession]) -> AsyncIterator[AsyncSession]:
    async with opened as db:
        event.listen(db.sync_session, "after_begin", _see_all)
        yield db


def _see_all(_session: Any, _transaction: Any, connection: Any) -> None:
    cursor = connection.connection.cursor()
    cursor.execute("SET LOCAL portal.across = 'on'")
    cursor.close()
