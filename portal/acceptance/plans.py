"""Writes of the plans: a plan, its criteria, offering it to the client. The caller owns the transaction.

What was offered never changes: the first change after that begins the next version, which is copied from it.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.acceptance import accepting, queries, verdicts
from portal.acceptance.models import PlanState, TestCase, TestPlan, TestPlanVersion, VerdictRule
from portal.acceptance.telling import tell
from portal.access import Scope
from portal.backlog.models import Item
from portal.backlog.queries import visible as visible_items
from portal.changes.models import ChangeRequest
from portal.diff import apply_changes
from portal.errors import Conflict, Invalid
from portal.ledger import canonical
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects import queries as projects
from portal.projects.rules import check_name, check_text
from portal.requirements.models import Requirement
from portal.trace import commands as trace
from portal.trace.models import TraceKind
from portal.trace.rules import End

MOST_PLANS = 1_000
NEWER = "There is a newer version of the test plan."
LONGEST_DESCRIPTION = 20_000
WORDS = ("title", "description", "milestone_number", "change_number", "is_gate")
"""What is said of the plan itself: fixed by its first offer."""
OF_VERSION = ("rule", "criteria")
COPIED = tuple(column.name for column in TestCase.__table__.columns if column.name != "version")


async def add_plan(db: AsyncSession, scope: Scope, given: Mapping[str, Any]) -> TestPlan:
    """Adds a plan with an empty first version, a draft that the client does not see. `given`: `title` is required;
    `description`, `milestone_number` or `change_number`, `is_gate`, `rule`, `criteria`. Raises Invalid, NotAllowed."""
    scope.require_staff()
    whole = {"description": "", "milestone_number": None, "change_number": None, "is_gate": False} | dict(given)
    values = _checked({"rule": VerdictRule.WORST_OF_LATEST, "criteria": dict(verdicts.DEFAULT_CRITERIA)} | whole)
    await ledger.lock(db, scope.project_id)
    await _check_subject(db, scope, values)
    last = await db.scalar(select(func.max(TestPlan.number)).where(TestPlan.project_id == scope.project_id)) or 0
    if last >= MOST_PLANS:
        raise Conflict(f"A project has at most {MOST_PLANS} test plans.")
    plan = TestPlan(
        project_id=scope.project_id, number=last + 1, version=1, offered_version=None, created_at=clock.now(), seq=0,
        **{field: values[field] for field in WORDS},
    )  # fmt: skip
    told = {field: values[field] for field in (*WORDS, "criteria")} | {"rule": values["rule"].value}
    plan.seq = await tell(db, scope, plan, "test_plan.added", told, Audience.INTERNAL)
    db.add(plan)
    await db.flush()
    db.add(_new_version(plan, values["rule"], values["criteria"]))
    await db.flush()
    if plan.change_number is not None:
        await trace.link(db, scope, end_of(plan), End(TraceKind.CHANGE_REQUEST, plan.change_number), Audience.INTERNAL)
    return plan


def end_of(plan: TestPlan) -> End:
    """The plan as one end of a link."""
    return End(TraceKind.TEST_PLAN, plan.number)


def _new_version(plan: TestPlan, rule: VerdictRule, criteria: Mapping[str, Any]) -> TestPlanVersion:
    return TestPlanVersion(
        project_id=plan.project_id, plan_number=plan.number, version=plan.version, state=PlanState.DRAFT, rule=rule,
        criteria=dict(criteria), digest=None, offered_at=None,
    )  # fmt: skip


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    if "title" not in given:
        raise Invalid("A test plan needs a title.", field="title")
    return {field: _check_field(field, value) for field, value in given.items()}


def _check_field(field: str, value: Any) -> Any:
    match field:
        case "title":
            return check_name(value, field)
        case "description":
            return check_text(value, field, length=LONGEST_DESCRIPTION).strip()
        case "rule":
            return _rule(value)
        case "criteria":
            return verdicts.check_criteria(value)
        case "milestone_number" | "change_number" | "is_gate":
            return value
    raise Invalid(f"A test plan has no field {field}.", field=field, value=value)


def _rule(value: Any) -> VerdictRule:
    try:
        return VerdictRule(value)
    except ValueError:
        raise Invalid(f"rule must be one of {', '.join(VerdictRule)}.", field="rule", value=value) from None


async def _check_subject(db: AsyncSession, scope: Scope, values: Mapping[str, Any]) -> None:
    """A plan is for one milestone, one change request, or neither (a release); a gate needs its milestone."""
    milestone, change = values["milestone_number"], values["change_number"]
    if milestone is not None and change is not None:
        raise Invalid("A plan is for a milestone or for a change request.", field="change_number", value=change)
    if values["is_gate"] and milestone is None:
        raise Invalid("A go/no-go is that of a milestone.", field="is_gate", value=True)
    if milestone is not None:
        await projects.milestone(db, scope, milestone)
    if change is not None:
        mine = (ChangeRequest.project_id == scope.project_id, ChangeRequest.number == change)
        if await db.scalar(select(ChangeRequest.number).where(*mine)) is None:
            raise Invalid("There is no such change request in this project.", field="change_number", value=change)


async def change_plan(db: AsyncSession, scope: Scope, number: int, wanted: Mapping[str, Any]) -> TestPlan:
    """Changes a plan. Criteria and rule are of a version: changing them after an offer begins the next one.

    Raises Conflict for other fields once it was offered, Invalid, NotFound, NotAllowed.
    """
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    plan = await queries.plan(db, scope, number)
    values = _checked({"title": plan.title} | dict(wanted))
    words = {field: value for field, value in values.items() if field in WORDS and value != getattr(plan, field)}
    if words and plan.offered_version is not None:
        raise Conflict("The client has this plan: what it is for and how it is called stay.")
    changes = apply_changes(plan, words)
    await _check_subject(db, scope, {field: getattr(plan, field) for field in WORDS})
    terms = {field: values[field] for field in OF_VERSION if field in values}
    version = await queries.version(db, scope, number, plan.version)
    if any(getattr(version, field) != value for field, value in terms.items()):
        version = await draft(db, scope, plan)
        before = version.criteria
        changes |= apply_changes(version, terms)
        if "criteria" in changes:
            changes["criteria"] = [before, version.criteria]
    if changes:
        plan.seq = await tell(db, scope, plan, "test_plan.changed", {"changes": changes}, Audience.INTERNAL)
    await db.flush()
    return plan


async def draft(db: AsyncSession, scope: Scope, plan: TestPlan) -> TestPlanVersion:
    """The version that may be edited: the newest, or the next one, copied from it, when that was offered. The caller
    holds the project's lock."""
    newest = await queries.version(db, scope, plan.number, plan.version)
    if newest.state is PlanState.DRAFT:
        return newest
    plan.version += 1
    version = _new_version(plan, newest.rule, newest.criteria)
    db.add(version)
    await db.flush()
    source = TestCase.__table__.c
    await db.execute(
        insert(TestCase).from_select(
            [*COPIED, "version"],
            select(*(source[name] for name in COPIED), literal(plan.version)).where(
                source.project_id == scope.project_id,
                source.plan_number == plan.number,
                source.version == newest.version,
            ),
        )
    )
    told = {"version": plan.version}
    plan.seq = await tell(db, scope, plan, "test_plan.version_begun", told, Audience.INTERNAL)
    return version


async def offer(db: AsyncSession, scope: Scope, number: int) -> TestPlanVersion:
    """Shows the newest version to the client, and freezes it. Rounds that run go on with theirs.

    Raises Conflict when there is nothing new, Invalid for a version without cases and for one that names what the
    client does not see, NotFound, NotAllowed.
    """
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    plan = await queries.plan(db, scope, number)
    version = await queries.version(db, scope, number, plan.version)
    if version.state is PlanState.OFFERED:
        raise Conflict("This version was offered already; a change begins the next one.")
    await _check_covered(db, scope, plan)
    rows = (await db.execute(_DIGESTED, _of(scope, plan))).all()
    if not rows:
        raise Invalid("A plan without cases cannot be offered.", field="cases", value=0)
    version.digest = _digest(plan, version, rows)
    version.state, version.offered_at = PlanState.OFFERED, clock.now()
    plan.offered_version = plan.version
    await accepting.withdraw_open(db, scope, plan, NEWER)
    told = {"version": plan.version, "digest": version.digest.hex(), "cases": len(rows)}
    plan.seq = await tell(db, scope, plan, "test_plan.offered", told)
    await db.flush()
    return version


_CASE = TestCase.__table__.c
_THIS = (
    _CASE.project_id == bindparam("project"), _CASE.plan_number == bindparam("plan"),
    _CASE.version == bindparam("version"),
)  # fmt: skip
_DIGESTED = select(_CASE.number, _CASE.digest, _CASE.priority, _CASE.is_automatic).where(*_THIS).order_by(_CASE.number)


def _of(scope: Scope, plan: TestPlan) -> dict[str, Any]:
    return {"project": scope.project_id, "plan": plan.number, "version": plan.version}


def _digest(plan: TestPlan, version: TestPlanVersion, rows: Any) -> bytes:
    """SHA-256 of the whole version: its words, its criteria, and each case by its own digest."""
    content = {
        "title": plan.title,
        "description": plan.description,
        "version": version.version,
        "rule": version.rule.value,
        "criteria": version.criteria,
        "cases": [[number, digest.hex(), priority, automatic] for number, digest, priority, automatic in rows],
    }
    return canonical.digest_of(canonical.document_text(content))


async def _check_covered(db: AsyncSession, scope: Scope, plan: TestPlan) -> None:
    """Raises Invalid for a case of an item or requirement that the client may not see: its number would tell of it."""
    open_items = select(Item.number).where(*visible_items(scope), Item.audience == Audience.CLIENT)
    open_needs = select(Requirement.number).where(
        Requirement.project_id == scope.project_id, Requirement.audience == Audience.CLIENT
    )
    for column, known, words in (
        (_CASE.item_number, open_items, "item"), (_CASE.requirement_number, open_needs, "requirement"),
    ):  # fmt: skip
        hidden = select(_CASE.number, column).where(*_THIS, column.is_not(None), column.not_in(known)).limit(1)
        row = (await db.execute(hidden, _of(scope, plan))).first()
        if row is not None:
            raise Invalid(
                f"Case {row[0]} names {words} {row[1]}, which the client does not see.",
                field=f"{words}_number", value=row[1],
            )  # fmt: skip
