"""Links are found by their numbers: no page walks through the backlog for them."""

import pytest
from sqlalchemy import event

from portal import traceability
from portal.requirements import queries
from portal.trace.models import TraceKind
from tests.support.cast import add_item
from tests.support.requirements import add

READS = {
    "item": lambda db, scope: traceability.links_of(db, scope, TraceKind.ITEM, 1),
    "requirement": lambda db, scope: traceability.links_of(db, scope, TraceKind.REQUIREMENT, 1),
    "design": lambda db, scope: traceability.links_of(db, scope, TraceKind.DESIGN, 1),
    "matrix": lambda db, scope: traceability.links_of_all(db, scope, TraceKind.REQUIREMENT, [*range(1, 51)]),
    "list": lambda db, scope: queries.requirements(db, scope),
    "versions": lambda db, scope: queries.versions(db, scope, 1),
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("who", ["ada", "dan"])
@pytest.mark.parametrize("name", READS)
async def test_everything_is_found_by_an_index(database, cast, name, who):
    await add(database, cast)
    await add_item(database, cast)
    seen = []
    engine = database.engine.sync_engine

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if not statement.startswith("EXPLAIN"):
            seen.append((statement, parameters))

    async with database.read() as db:
        scope = await cast.scope(db, who)
        event.listen(engine, "before_cursor_execute", note)
        await READS[name](db, scope)
        event.remove(engine, "before_cursor_execute", note)
        connection = await db.connection()
        steps = [
            row[3]
            for statement, parameters in seen
            for row in await connection.run_sync(
                lambda one, asked=(statement, parameters): one.exec_driver_sql(
                    f"EXPLAIN QUERY PLAN {asked[0]}", asked[1]
                ).all()
            )
        ]
    assert steps
    assert [step for step in steps if not _by_index(step)] == []


def _by_index(step):
    """Whether a step of a plan asks an index; of an item, the one of its number, not one of its other columns."""
    if step.startswith("SEARCH item "):
        return "number=?" in step and "deleted" not in step
    return not step.startswith("SCAN ") or step.startswith(("SCAN CONSTANT", "SCAN (", "SCAN anon"))
