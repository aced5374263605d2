"""Writes of the defects: from a failed case to an item of the backlog in one step, linked both ways."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance import queries
from portal.acceptance.models import (
    Outcome,
    Severity,
    TestCase,
    TestDefect,
    TestPlan,
    TestResult,
    TestRound,
    TestTester,
)
from portal.acceptance.plans import end_of
from portal.acceptance.telling import tell
from portal.access import SYSTEM, Scope
from portal.backlog import commands as backlog
from portal.backlog.models import Category, Item, ItemType, Status
from portal.errors import Conflict, Invalid, NotAllowed
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects import queries as projects
from portal.projects.rules import check_name, check_text
from portal.trace import commands as trace
from portal.trace.models import Trace, TraceKind
from portal.trace.rules import MOST_LINKS, End

MOST_OF_CASE = 50
MOST_OF_SECTION = 16_000
"""Characters: six sections fit into an item's description. What they leave out stands with the case and its results."""


@dataclass(frozen=True, slots=True)
class NewDefect:
    """What is wrong, in the words of who found it. `environment` is added to the round's build and address."""

    title: str
    severity: Severity
    environment: str = ""
    remark: str = ""


async def raise_defect(
    db: AsyncSession, scope: Scope, number: int, round_number: int, case_number: int, given: NewDefect
) -> TestDefect:
    """Makes a defect of a case that failed in a round: an item of type bug that the client sees, with the steps, what
    was seen, where, and the files. Open to staff, and to the round's testers; sent twice, it is one.

    Raises Conflict when the case did not fail or has too many, Invalid, NotFound, NotAllowed.
    """
    scope.require_writable()
    title, severity = check_name(given.title, "title", length=300), _severity(given.severity)
    words = {
        field: check_text(getattr(given, field), field, length=4000).strip() for field in ("environment", "remark")
    }
    await ledger.lock(db, scope.project_id)
    plan = await queries.plan(db, scope, number)
    row = await queries.test_round(db, scope, number, round_number)
    await _require_tester(db, scope, row)
    case = await queries.case(db, scope, number, row.version, case_number)
    failed = await _failed(db, scope, row, case_number)
    if (before := await _same(db, scope, number, case_number, title)) is not None:
        return before
    system = await projects.scope_for(db, SYSTEM, scope.key)
    fields = {
        "title": title, "type": ItemType.BUG, "audience": Audience.CLIENT, "milestone": plan.milestone_number,
        "description": description(case, row, failed, words, scope.key),
    }  # fmt: skip
    item = await backlog.add_item(db, system, fields)
    told = {
        "round": round_number, "case": case_number, "case_title": case.title, "item": item.number,
        "severity": severity.value,
    }  # fmt: skip
    defect = TestDefect(
        project_id=scope.project_id, plan_number=number, case_number=case_number, item_number=item.number,
        round_number=round_number, severity=severity, seq=await tell(db, scope, plan, "test_case.defect_raised", told),
    )  # fmt: skip
    db.add(defect)
    await db.flush()
    await link_if_room(db, system, plan, End(TraceKind.ITEM, item.number))
    return defect


def _severity(value: str) -> Severity:
    try:
        return Severity(value)
    except ValueError:
        raise Invalid(f"severity must be one of {', '.join(Severity)}.", field="severity", value=value) from None


async def _require_tester(db: AsyncSession, scope: Scope, row: TestRound) -> None:
    if scope.is_staff:
        return
    mine = (
        TestTester.project_id == scope.project_id,
        TestTester.plan_number == row.plan_number,
        TestTester.round_number == row.number,
        TestTester.person_id == scope.viewer.person_id,
    )
    if await db.scalar(select(TestTester.person_id).where(*mine)) is None:
        raise NotAllowed("You are not among the testers of this round.")


async def _failed(db: AsyncSession, scope: Scope, row: TestRound, case_number: int) -> Sequence[TestResult]:
    """The results by which the case failed. Raises Conflict without any."""
    mine = (
        TestResult.project_id == scope.project_id,
        TestResult.plan_number == row.plan_number,
        TestResult.round_number == row.number,
        TestResult.case_number == case_number,
    )
    bad = (TestResult.is_latest, TestResult.outcome.in_((Outcome.FAILED, Outcome.BLOCKED)))
    found = (await db.scalars(select(TestResult).where(*mine, *bad).order_by(TestResult.seq).limit(50))).all()
    if not found:
        raise Conflict("Nobody says that this case failed or was blocked: there is nothing to mend.")
    return found


async def _same(db: AsyncSession, scope: Scope, number: int, case_number: int, title: str) -> TestDefect | None:
    """An open defect of this case with the same title: the form was sent twice."""
    its_item = and_(Item.project_id == TestDefect.project_id, Item.number == TestDefect.item_number)
    status = and_(Status.project_id == Item.project_id, Status.id == Item.status_id)
    of_case = (
        TestDefect.project_id == scope.project_id,
        TestDefect.plan_number == number,
        TestDefect.case_number == case_number,
    )
    statement = (
        select(TestDefect, Item.title, Item.deleted, Status.category)
        .join(Item, its_item)
        .join(Status, status)
        .where(*of_case)
    )
    rows = (await db.execute(statement)).all()
    if len(rows) >= MOST_OF_CASE:
        raise Conflict(f"A case has at most {MOST_OF_CASE} defects.")
    for defect, its_title, deleted, category in rows:
        if its_title == title and not deleted and category in (Category.TODO, Category.DOING):
            return defect
    return None


async def link_if_room(db: AsyncSession, system: Scope, plan: TestPlan, other: End) -> bool:
    """Links the plan in the trace as well, while it has room there; `test_defect` holds every defect in any case."""
    mine = End(TraceKind.TEST_PLAN, plan.number)
    touches = or_(
        and_(Trace.from_kind == mine.kind, Trace.from_number == mine.number),
        and_(Trace.to_kind == mine.kind, Trace.to_number == mine.number),
    )
    count = await db.scalar(select(func.count()).select_from(Trace).where(Trace.project_id == plan.project_id, touches))
    if (count or 0) >= MOST_LINKS:
        return False
    return await trace.link(db, system, end_of(plan), other, Audience.CLIENT)


def description(
    case: TestCase, row: TestRound, failed: Sequence[TestResult], words: Mapping[str, str], key: str
) -> str:
    """The item's description, Markdown: what was done, what was expected, what was seen, where, and the files."""
    head = f"Test plan {case.plan_number}, case {case.number}: {case.title}; round {row.number}."
    seen = [one for one in (words["remark"], *(one.remark for one in failed)) if one]
    devices = [one.device for one in failed if one.device]
    where = [one for one in (row.build, row.address, row.build_hash, words["environment"], *devices) if one]
    files = {one["number"]: one["name"] for result in failed for one in result.files}
    sections = {
        "Before": case.precondition,
        "Steps": "\n".join(_step(at, step) for at, step in enumerate(case.steps, start=1)),
        "Expected": case.expected,
        "Seen": "\n\n".join(dict.fromkeys(seen)),
        "Where": "\n".join(f"- {one}" for one in dict.fromkeys(where)),
        "Files": "\n".join(f"- [{_label(name)}](/projects/{key}/files/{number})" for number, name in files.items()),
    }
    return "\n\n".join([head, *(f"**{name}**\n\n{_cut(text)}" for name, text in sections.items() if text)])


def _cut(text: str) -> str:
    return text if len(text) <= MOST_OF_SECTION else text[: MOST_OF_SECTION - 2].rstrip() + " …"


def _step(at: int, step: Mapping[str, str]) -> str:
    words = " → ".join(" ".join(step[part].split()) for part in ("action", "expected") if step[part])
    return f"{at}. {words}"


def _label(name: str) -> str:
    """A file's name as a link's text: without what Markdown would read."""
    return "".join(sign for sign in name if sign not in "[]()<>`\\*_!") or "file"
