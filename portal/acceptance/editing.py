"""Writes of the cases: added, changed, removed and drafted from acceptance criteria, in the draft of a plan.

The caller owns the transaction. Editing a plan whose newest version was offered begins the next version.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance import cases, plans, queries
from portal.acceptance.models import TestCase, TestPlan, TestPlanVersion
from portal.acceptance.telling import tell
from portal.access import Scope
from portal.backlog.models import Item
from portal.diff import plain
from portal.errors import Conflict, Invalid
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects import queries as projects
from portal.requirements.models import Requirement, RequirementVersion
from portal.trace.models import Trace, TraceKind
from portal.trace.queries import between

POSITION_STEP = 1024
MOST_SOURCES = 2_000
"""Items, and requirements, whose criteria are read by one call."""
OFFERED = "The client has this version: cases are drafted in the next one."


async def add_cases(
    db: AsyncSession, scope: Scope, number: int, given: Sequence[Mapping[str, Any]]
) -> list[int]:  # fmt: skip
    """Adds cases at the end of the draft, in their order; returns their numbers. `given` as in `cases.FIELDS`.

    Raises Invalid with a problem for each field at fault (`cases[3].title`), Conflict for an `external_ref` that is
    there already or too many cases, NotFound, NotAllowed. All of them or none.
    """
    scope.require_staff()
    checked = _checked(given)
    await ledger.lock(db, scope.project_id)
    plan = await queries.plan(db, scope, number)
    version = await plans.draft(db, scope, plan)
    numbers = await _insert(db, scope, plan, version, checked)
    if numbers:
        told = {"version": version.version, "cases": len(numbers), "first": numbers[0]}
        plan.seq = await tell(db, scope, plan, "test_plan.cases_added", told, Audience.INTERNAL)
    return numbers


def _checked(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    problems: list[tuple[str, str, Any]] = []
    for at, one in enumerate(given):
        try:
            found.append(_whole(one))
        except Invalid as fault:
            problems.append((f"cases[{at}].{fault.field or ''}".rstrip("."), fault.message, fault.value))
    if problems:
        raise Invalid(f"{len(problems)} of {len(given)} cases are wrong; nothing was added.", problems=tuple(problems))
    return found


def _whole(given: Mapping[str, Any]) -> dict[str, Any]:
    checked = cases.check_case(dict(cases.EMPTY) | dict(given))
    if "title" not in checked:
        raise Invalid("A test case needs a title.", field="title")
    return checked | {"digest": cases.digest(checked)}


async def _insert(
    db: AsyncSession, scope: Scope, plan: TestPlan, version: TestPlanVersion, checked: Sequence[Mapping[str, Any]]
) -> list[int]:
    if not checked:
        return []
    mine = queries.cases_of(scope, plan.number, version.version)
    statement = select(func.max(TestCase.position), func.count()).where(*mine)
    position, count = (await db.execute(statement)).one()
    if count + len(checked) > cases.MOST_CASES:
        raise Conflict(f"A plan has at most {cases.MOST_CASES:,} cases.")
    await _check_references(db, scope, mine, checked)
    rows = [
        {
            "project_id": scope.project_id, "plan_number": plan.number, "version": version.version,
            "number": plan.last_case + at, "position": (position or 0) + at * POSITION_STEP, **one,
        }
        for at, one in enumerate(checked, start=1)
    ]  # fmt: skip
    await db.execute(insert(TestCase), rows)
    plan.last_case += len(rows)
    return [row["number"] for row in rows]


async def _check_references(
    db: AsyncSession, scope: Scope, mine: tuple[Any, ...], checked: Sequence[Mapping[str, Any]]
) -> None:
    given = [one["external_ref"] for one in checked if one["external_ref"] is not None]
    known = set(await db.scalars(select(TestCase.external_ref).where(*mine))) if given else set()
    for at, ref in enumerate(given):
        if ref in known or ref in given[:at]:
            raise Conflict(f"There is a case {ref} already.", field="external_ref", value=ref)
    for field, column in (("item_number", Item), ("requirement_number", Requirement)):
        await _check_known(db, scope, field, column, {one[field] for one in checked if one[field] is not None})


async def _check_known(db: AsyncSession, scope: Scope, field: str, model: Any, numbers: set[int]) -> None:
    wanted = sorted(numbers)
    for start in range(0, len(wanted), 500):
        some = wanted[start : start + 500]
        found = set(
            await db.scalars(select(model.number).where(model.project_id == scope.project_id, model.number.in_(some)))
        )
        for number in some:
            if number not in found:
                raise Invalid(f"There is no {field[:-7]} {number} in this project.", field=field, value=number)


async def change_case(
    db: AsyncSession, scope: Scope, number: int, case_number: int, wanted: Mapping[str, Any]
) -> TestCase:
    """Changes a case in the draft. Raises Invalid, Conflict for a taken `external_ref`, NotFound, NotAllowed."""
    scope.require_staff()
    checked = cases.check_case(wanted)
    await ledger.lock(db, scope.project_id)
    plan = await queries.plan(db, scope, number)
    now = await queries.case(db, scope, number, plan.version, case_number)
    if all(getattr(now, field) == value for field, value in checked.items()):
        return now
    version = await plans.draft(db, scope, plan)
    case = await queries.case(db, scope, number, version.version, case_number)
    changes = {
        field: [plain_deep(getattr(case, field)), plain_deep(value)]
        for field, value in checked.items()
        if getattr(case, field) != value
    }
    mine = (*queries.cases_of(scope, number, version.version), TestCase.number != case_number)
    with db.no_autoflush:
        await _check_references(db, scope, mine, [{field: getattr(case, field) for field in cases.FIELDS} | checked])
    for field, value in checked.items():
        setattr(case, field, value)
    case.digest = cases.digest(case)
    told = {"version": version.version, "case": case_number, "changes": changes}
    plan.seq = await tell(db, scope, plan, "test_plan.case_changed", told, Audience.INTERNAL)
    await db.flush()
    return case


def plain_deep(value: Any) -> Any:
    """A case's field as an event keeps it: the steps as they are."""
    return value if isinstance(value, list) else plain(value)


async def remove_case(db: AsyncSession, scope: Scope, number: int, case_number: int) -> None:
    """Takes a case out of the draft; older versions keep it, and its results. Raises NotFound, NotAllowed."""
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    plan = await queries.plan(db, scope, number)
    await queries.case(db, scope, number, plan.version, case_number)
    version = await plans.draft(db, scope, plan)
    mine = queries.cases_of(scope, number, version.version)
    await db.execute(delete(TestCase).where(*mine, TestCase.number == case_number))
    told = {"version": version.version, "case": case_number}
    plan.seq = await tell(db, scope, plan, "test_plan.case_removed", told, Audience.INTERNAL)


async def draft_cases(db: AsyncSession, scope: Scope, number: int, *, begins_version: bool = True) -> list[int]:
    """Drafts a case for each acceptance criterion of what the plan is for that has none yet; returns their numbers.

    Of a milestone: its items that the client sees, and the requirements linked with them; of a change request: what is
    linked with it. In a plan that was offered this begins the next version, or, without `begins_version`, raises
    Conflict. Raises Invalid for a plan of neither, NotFound, NotAllowed.
    """
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    plan = await queries.plan(db, scope, number)
    if not begins_version and plan.version == plan.offered_version:
        raise Conflict(OFFERED)
    items = await _items(db, scope, plan)
    found: list[tuple[int | None, int | None, str]] = [
        (one.number, None, text) for one in items for text in cases.criteria_in(one.acceptance_criteria)
    ]
    for requirement, criteria in await _requirements(db, scope, plan, [one.number for one in items]):
        found += [(None, requirement, text) for text in criteria]
    there = {
        (item, requirement, text)
        for item, requirement, text in await db.execute(
            select(TestCase.item_number, TestCase.requirement_number, TestCase.criterion).where(
                *queries.cases_of(scope, number, plan.version)
            )
        )
    }
    titles = {one.number: one.title for one in items}
    new = [
        cases.from_criterion(
            text, item_number=item, requirement_number=requirement, section=titles.get(item or 0, "")[:200]
        )
        for item, requirement, text in dict.fromkeys(found)
        if (item, requirement, cases.kept_criterion(text)) not in there
    ]
    return await add_cases(db, scope, number, new) if new else []


async def _items(db: AsyncSession, scope: Scope, plan: TestPlan) -> Sequence[Item]:
    statement = select(Item).where(
        Item.project_id == scope.project_id, Item.deleted.is_(False), Item.audience == Audience.CLIENT
    )
    if plan.milestone_number is not None:
        milestone = await projects.milestone(db, scope, plan.milestone_number)
        statement = statement.where(Item.milestone_id == milestone.id)
    elif plan.change_number is not None:
        statement = statement.join(Trace, Item.number == Trace.from_number).where(
            *between(scope, TraceKind.ITEM, TraceKind.CHANGE_REQUEST), Trace.to_number == plan.change_number
        )
    else:
        raise Invalid("Criteria are those of a milestone or a change request.", field="milestone_number", value=None)
    return (await db.scalars(statement.order_by(Item.position, Item.number).limit(MOST_SOURCES))).all()


async def _requirements(
    db: AsyncSession, scope: Scope, plan: TestPlan, items: Sequence[int]
) -> list[tuple[int, list[str]]]:
    """The requirements that these items implement, as they stand now, with their criteria; the client's alone."""
    linked = select(Trace.from_number).where(*between(scope, TraceKind.REQUIREMENT, TraceKind.ITEM))
    wanted = linked.where(Trace.to_number.in_(items))
    if plan.change_number is not None:
        direct = select(Trace.from_number).where(*between(scope, TraceKind.REQUIREMENT, TraceKind.CHANGE_REQUEST))
        wanted = direct.where(Trace.to_number == plan.change_number)
    statement = (
        select(Requirement.number, RequirementVersion.criteria)
        .join(
            RequirementVersion,
            (RequirementVersion.project_id == Requirement.project_id)
            & (RequirementVersion.requirement_number == Requirement.number)
            & (RequirementVersion.version == Requirement.version),
        )
        .where(
            Requirement.project_id == scope.project_id,
            Requirement.audience == Audience.CLIENT,
            Requirement.number.in_(wanted),
        )
        .order_by(Requirement.number)
        .limit(MOST_SOURCES)
    )
    return [(number, list(criteria)) for number, criteria in await db.execute(statement)]
