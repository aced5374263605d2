"""How the database answers what is read: the steps of its plans."""

from collections.abc import Awaitable
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncSession


async def steps_of(db: AsyncSession, work: Awaitable[Any]) -> list[str]:
    """Does some reading; returns the steps of the plans of all its statements, in the database's own words."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        seen.append((statement, parameters))

    engine = db.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        await work
    finally:
        event.remove(engine, "before_cursor_execute", note)
    connection = await db.connection()
    return [step for asked in seen for step in await connection.run_sync(_explained, *asked)]


def _explained(connection: Connection, statement: str, parameters: Any) -> list[str]:
    if connection.dialect.name == "sqlite":
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    return [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]
