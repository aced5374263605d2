"""What test cases test is one click from their plan without anybody linking it."""

import pytest

from portal import traceability
from portal.acceptance import editing
from portal.trace.models import TraceKind
from portal.trace.rules import End
from tests.support.acceptance import add_plan, offer
from tests.support.cast import add_item
from tests.support.requirements import add

PLAN = ("test_plan", 1, "Acceptance of the first release")
CASES = [
    {"title": "Found", "requirement_number": 1}, {"title": "Not found", "requirement_number": 1},
    {"title": "Built", "item_number": 1}, {"title": "Anything"},
]  # fmt: skip
NEAR = pytest.mark.parametrize("kind", [TraceKind.REQUIREMENT, TraceKind.ITEM])


@pytest.fixture
async def plan(database, cast):
    """A draft whose cases test a requirement and an item."""
    await add(database, cast)
    await add_item(database, cast)
    return await add_plan(database, cast, CASES)


async def links(database, cast, kind, who="ada", number=1):
    async with database.read() as db:
        found = await traceability.links_of(db, await cast.scope(db, who), kind, number)
    return [(one.kind.value, one.number, one.title) for one in found]


@NEAR
async def test_a_plan_is_named_once_however_many_of_its_cases_test_something(database, cast, plan, kind):
    await offer(database, cast)
    assert await links(database, cast, kind) == [PLAN]


@NEAR
async def test_a_link_by_hand_beside_it_is_the_same_link(database, cast, plan, kind):
    await offer(database, cast)
    async with database.write() as db:
        await traceability.link(db, await cast.scope(db, "dan"), End(kind, 1), End(TraceKind.TEST_PLAN, 1))
    assert await links(database, cast, kind) == [PLAN]


@NEAR
async def test_a_draft_is_known_to_staff_alone(database, cast, plan, kind):
    assert (await links(database, cast, kind), await links(database, cast, kind, "dan")) == ([], [PLAN])


async def test_a_version_that_does_not_test_it_any_more_counts_for_those_who_see_that_version(database, cast, plan):
    await offer(database, cast)
    async with database.write() as db:  # begins the next version
        await editing.change_case(db, await cast.scope(db, "dan"), 1, 3, {"item_number": None})
    found = [await links(database, cast, TraceKind.ITEM, who) for who in ("ada", "dan")]
    assert found == [[PLAN], []]


async def test_cases_of_other_projects_are_not_counted(database, cast, plan):
    await add(database, cast, "HARBOUR", title="Theirs")
    await offer(database, cast)
    assert await links(database, cast, TraceKind.REQUIREMENT, number=2) == []
    async with database.read() as db:
        scope = await cast.scope(db, "dan", "HARBOUR")
        assert await traceability.links_of(db, scope, TraceKind.REQUIREMENT, 1) == []
