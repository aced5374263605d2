"""Links are found by their numbers: no page walks through the backlog for them."""

import pytest

from portal import traceability
from portal.requirements import queries
from portal.trace.models import TraceKind
from tests.support.cast import add_item
from tests.support.explain import steps_of
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
    async with database.read() as db:
        steps = await steps_of(db, READS[name](db, await cast.scope(db, who)))
    assert steps
    assert [step for step in steps if not _by_index(step)] == []


def _by_index(step):
    """Whether a step of a plan asks an index; of an item, the one of its number, not one of its other columns."""
    if step.startswith("SEARCH item "):
        return "number=?" in step and "deleted" not in step
    return not step.startswith("SCAN ") or step.startswith(("SCAN CONSTANT", "SCAN (", "SCAN anon"))
