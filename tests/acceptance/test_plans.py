"""Plans: drafts are the agency's, what was offered is frozen, a change begins the next version, copied."""

import pytest
from sqlalchemy import select

from portal.acceptance import editing, plans, queries, standing
from portal.acceptance.models import PlanState, TestCase, TestPlan, VerdictRule
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.ledger import queries as ledger
from portal.ledger.models import Audience
from portal.trace.models import TraceKind
from portal.traceability import links_of
from tests.support.acceptance import CASES, add_milestone, add_plan, offer
from tests.support.cast import add_item
from tests.support.requirements import add as add_requirement
from tests.support.requirements import link


async def all_cases(database, cast, version, who="dan", plan=1):
    async with database.read() as db:
        scope = await cast.scope(db, who)
        return list(await queries.cases(db, scope, plan, version))


async def test_a_draft_is_known_to_the_agency_alone(database, cast):
    await add_plan(database, cast)
    async with database.read() as db:
        for who in ("ada", "eve"):
            scope = await cast.scope(db, who)
            assert await queries.plans(db, scope) == []
            for read in (queries.plan, queries.plan_view, standing.criteria_view):
                with pytest.raises(NotFound):
                    await read(db, scope, 1)
        events = await ledger.of_subject(db, scope.project_id, tuple(Audience), "test_plan", 1)
        assert {event.audience for event in events} == {"internal"}
        assert [event.kind for event in events] == ["test_plan.cases_added", "test_plan.added"]


async def test_what_was_offered_is_what_the_client_sees_until_the_next_offer(database, cast):
    await add_plan(database, cast)
    await offer(database, cast)
    async with database.write() as db:
        dan = await cast.scope(db, "dan")
        await editing.change_case(db, dan, 1, 1, {"title": "One signs in with a key"})
        await editing.remove_case(db, dan, 1, 3)
        await editing.add_cases(db, dan, 1, [{"title": "A fourth"}])
    assert [one.title for one in await all_cases(database, cast, 1)] == [one["title"] for one in CASES]
    newest = await all_cases(database, cast, 2)
    assert [(one.number, one.title) for one in newest] == [
        (1, "One signs in with a key"), (2, "One pays"), (4, "A fourth"),
    ]  # fmt: skip
    async with database.read() as db:
        seen, staff = [await queries.plan_view(db, await cast.scope(db, who), 1) for who in ("ada", "dan")]
        assert (seen.version.version, staff.version.version) == (1, 2)
        assert (seen.version.state, staff.version.state) == (PlanState.OFFERED, PlanState.DRAFT)
        with pytest.raises(NotFound):
            await queries.version(db, await cast.scope(db, "ada"), 1, 2)
    await offer(database, cast)
    async with database.read() as db:
        seen = await queries.plan_view(db, await cast.scope(db, "ada"), 1)
        assert seen.version.version == 2
        first = await queries.version(db, await cast.scope(db, "ada"), 1, 1)
        assert first.digest != seen.version.digest


async def test_the_same_again_begins_no_version(database, cast):
    await add_plan(database, cast)
    await offer(database, cast)
    async with database.write() as db:
        dan = await cast.scope(db, "dan")
        await editing.change_case(db, dan, 1, 1, {"title": CASES[0]["title"]})
        await plans.change_plan(db, dan, 1, {"rule": "worst_of_latest"})
        assert (await queries.plan(db, dan, 1)).version == 1
    with pytest.raises(Conflict):
        await offer(database, cast)


async def test_criteria_are_of_a_version_and_words_are_fixed_by_the_offer(database, cast):
    await add_plan(database, cast)
    await offer(database, cast)
    async with database.write() as db:
        dan = await cast.scope(db, "dan")
        await plans.change_plan(db, dan, 1, {"rule": "latest", "criteria": {"all_run": False}})
        version = await queries.version(db, dan, 1, 2)
        assert (version.rule, version.criteria) == (VerdictRule.LATEST, {"all_run": False, "most_failed": {}})
    async with database.write() as db:
        with pytest.raises(Conflict):
            await plans.change_plan(db, await cast.scope(db, "dan"), 1, {"title": "Another"})


async def test_numbers_of_cases_are_never_used_again(database, cast):
    await add_plan(database, cast)
    async with database.write() as db:
        dan = await cast.scope(db, "dan")
        await editing.remove_case(db, dan, 1, 3)
        assert await editing.add_cases(db, dan, 1, [{"title": "Another"}]) == [4]


async def test_cases_are_drafted_from_the_criteria_of_what_the_client_sees(database, cast):
    milestone = await add_milestone(database, cast)
    await add_item(database, cast, title="Pay", acceptance_criteria="- By card\n- By bill", milestone=milestone)
    await add_item(
        database, cast, title="Secret", acceptance_criteria="- Nobody knows", milestone=milestone, audience="internal"
    )
    await add_item(database, cast, title="Elsewhere", acceptance_criteria="- Not here")
    await add_requirement(database, cast)
    await link(database, cast, ("requirement", 1), ("item", 1), "BRIDGE")
    await add_plan(database, cast, (), milestone_number=milestone)
    async with database.write() as db:
        dan = await cast.scope(db, "dan")
        made = await editing.draft_cases(db, dan, 1)
        assert len(made) == 4
        assert await editing.draft_cases(db, dan, 1) == []
    drafted = await all_cases(database, cast, 1)
    assert [(one.criterion, one.item_number, one.requirement_number, one.section) for one in drafted] == [
        ("By card", 1, None, "Pay"),
        ("By bill", 1, None, "Pay"),
        ("Each recall of the product is listed.", None, 1, ""),
        ("An unknown product is answered by a sentence.", None, 1, ""),
    ]
    await offer(database, cast)


async def test_a_release_has_no_criteria_to_draft_from(database, cast):
    await add_plan(database, cast)
    async with database.write() as db:
        with pytest.raises(Invalid):
            await editing.draft_cases(db, await cast.scope(db, "dan"), 1)


async def test_a_case_of_something_internal_is_not_offered(database, cast):
    await add_item(database, cast, audience="internal")
    await add_plan(database, cast, [{"title": "It works", "item_number": 1}])
    with pytest.raises(Invalid) as refusal:
        await offer(database, cast)
    assert refusal.value.field == "item_number"
    async with database.read() as db:
        assert (await db.scalar(select(TestPlan).where(TestPlan.project_id == (await cast.scope(db, "dan")).project_id))
                ).offered_version is None  # fmt: skip


async def test_a_plan_without_cases_is_not_offered(database, cast):
    await add_plan(database, cast, ())
    with pytest.raises(Invalid):
        await offer(database, cast)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "title"),
        ({"title": "x", "milestone_number": 1, "change_number": 1}, "change_number"),
        ({"title": "x", "change_number": 7}, "change_number"),
        ({"title": "x", "is_gate": True}, "is_gate"),
        ({"title": "x", "rule": "best"}, "rule"),
        ({"title": "x", "nonsense": 1}, "nonsense"),
    ],
)
async def test_a_wrong_plan_is_refused_by_its_field(database, cast, given, field):
    async with database.write() as db:
        with pytest.raises(Invalid) as refusal:
            await plans.add_plan(db, await cast.scope(db, "dan"), given)
    assert refusal.value.field == field


async def test_wrong_cases_are_refused_all_at_once(database, cast):
    await add_plan(database, cast)
    async with database.write() as db:
        dan = await cast.scope(db, "dan")
        with pytest.raises(Invalid) as refusal:
            await editing.add_cases(db, dan, 1, [{"title": "Good"}, {}, {"title": "x", "priority": 9}])
        assert [one[0] for one in refusal.value.problems] == ["cases[1].title", "cases[2].priority"]
        with pytest.raises(Invalid):
            await editing.add_cases(db, dan, 1, [{"title": "x", "item_number": 77}])
        with pytest.raises(Conflict):
            await editing.add_cases(db, dan, 1, [{"title": "x", "external_ref": "A"}] * 2)
    assert len(await all_cases(database, cast, 1)) == 3


@pytest.mark.parametrize("who", ["ada", "eve"])
async def test_the_client_writes_no_plan(database, cast, who):
    await add_plan(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, who)
        for work in (
            plans.add_plan(db, scope, {"title": "x"}),
            plans.offer(db, scope, 1),
            editing.add_cases(db, scope, 1, CASES),
            editing.draft_cases(db, scope, 1),
        ):
            with pytest.raises(NotAllowed):
                await work


async def test_another_project_has_plans_of_its_own(database, cast):
    await add_plan(database, cast)
    await offer(database, cast)
    async with database.read() as db:
        mallory = await cast.scope(db, "mallory", "HARBOUR")
        assert await queries.plans(db, mallory) == []
        with pytest.raises(NotFound):
            await queries.plan(db, mallory, 1)


async def test_a_plan_that_was_offered_is_linked_for_the_client(database, cast):
    await add_item(database, cast)
    await add_plan(database, cast)
    await link(database, cast, ("item", 1), ("test_plan", 1), "BRIDGE")
    async with database.read() as db:
        assert await links_of(db, await cast.scope(db, "ada"), TraceKind.ITEM, 1) == []
        (seen,) = await links_of(db, await cast.scope(db, "dan"), TraceKind.ITEM, 1)
        assert (seen.kind, seen.number, seen.state) == (TraceKind.TEST_PLAN, 1, "draft")
    await offer(database, cast)
    async with database.read() as db:
        (seen,) = await links_of(db, await cast.scope(db, "ada"), TraceKind.ITEM, 1)
        assert seen.state == "offered"


async def test_a_copied_version_is_the_same_case_by_case(database, cast):
    await add_plan(database, cast, [*CASES, {"title": "By machine", "is_automatic": True, "external_ref": "m1"}])
    await offer(database, cast)
    async with database.write() as db:
        await editing.add_cases(db, await cast.scope(db, "dan"), 1, [{"title": "More"}])
    columns = [column.name for column in TestCase.__table__.columns if column.name != "version"]
    first, second = [
        [tuple(str(getattr(one, name)) for name in columns) for one in await all_cases(database, cast, version)]
        for version in (1, 2)
    ]
    assert second[:4] == first
