"""No page walks through a project: SQLite reads what it shows by an index in the order it shows it."""

import pytest

from portal.backlog import activity, queries
from portal.backlog.planlines import plan_lines
from tests.support.cast import add_item
from tests.support.explain import steps_of

ONLY_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


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
async def test_items_are_read_in_the_order_of_an_index(database, cast, who, name):
    await add_item(database, cast)
    async with database.read() as db:
        scope = await cast.scope(db, who)
        plan = await plan_lines(db, scope)
        steps = await steps_of(db, READS[name](db, scope, plan))
    assert steps
    assert [step for step in steps if "TEMP B-TREE" in step or step.startswith("SCAN item ")] == []
