"""No page walks through a project: SQLite reads what it shows by an index in the order it shows it."""

import pytest
from sqlalchemy import event

from portal.backlog import activity, queries
from portal.backlog.planlines import plan_lines
from tests.support.cast import add_item

ONLY_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def explained(database):
    """The statements that ran, with their parameters."""
    seen = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if not statement.startswith("EXPLAIN"):
            seen.append((statement, parameters))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)


READS = {
    "overview": lambda db, scope, plan: queries.overview(db, scope, plan.statuses),
    "backlog": lambda db, scope, plan: queries.items(db, scope, queries.Filter()),
    "board": lambda db, scope, plan: queries.board(db, scope, plan.statuses),
    "activity": lambda db, scope, plan: activity.activity(db, scope),
    "history": lambda db, scope, plan: activity.item_history(db, scope, 1),
}


@ONLY_SQLITE
@pytest.mark.parametrize("who", ["ada", "wei"])
@pytest.mark.parametrize("name", READS)
async def test_items_are_read_in_the_order_of_an_index(database, cast, explained, who, name):
    await add_item(database, cast)
    async with database.read() as db:
        scope = await cast.scope(db, who)
        plan = await plan_lines(db, scope)
        explained.clear()
        await READS[name](db, scope, plan)
        steps = [step for statement in list(explained) for step in await explain(db, *statement)]
    assert steps
    assert [step for step in steps if "TEMP B-TREE" in step or step.startswith("SCAN item ")] == []


async def explain(db, statement, parameters):
    connection = await db.connection()
    rows = await connection.run_sync(
        lambda one: one.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    )
    return [row[3] for row in rows]
