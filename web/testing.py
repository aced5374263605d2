"""Test plans and their rounds in the browser: how a plan stands, a round's cases, one case, the files of results."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from portal import traceability
from portal.acceptance import case_pages, editing, pages, queries, rounds, standing
from portal.acceptance.case_pages import CasePage
from portal.acceptance.models import Outcome, PlanState, Severity, TestPlan, TestPlanVersion, TestRound
from portal.acceptance.pages import Only, RoundHead, RoundLine
from portal.acceptance.queries import PlanLine, PlanView, TesterLine
from portal.acceptance.standing import AcceptanceLine, CaseLine, CriteriaView, DefectsOver
from portal.access import Scope
from portal.files import serving
from portal.projects.queries import MOST_NUMBER
from portal.trace.models import TraceKind
from portal.traceability import Link
from web.deps import ProjectScope, ReadSession, UnitOfWork, WritingScope, database_of
from web.etag import unchanged
from web.files import asked_of, sent
from web.paths import to
from web.render import etag_for, respond
from web.uploads import store_of

EACH_PAGE = 100
MOST_PLANS = 50
"""Of one page of the list."""
WIDTH, HEIGHT, LEFT, BOTTOM = 640, 220, 36, 190

router = APIRouter(include_in_schema=False)
After = Annotated[str, Query(max_length=24)]


@dataclass(frozen=True, slots=True)
class PlansPage:
    """The context of tests/list.html."""

    lines: Sequence[PlanLine]
    next: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One severity of one round in the chart of defects."""

    x: int
    y: int
    width: int
    height: int
    severity: Severity
    count: int
    round: int


@dataclass(frozen=True, slots=True)
class PlanPage:
    """The context of tests/plan.html. `drafted`: the first of the cases just drafted, which are listed alone; `links`:
    what it belongs together with, for who tests alone nothing."""

    plan: TestPlan
    version: TestPlanVersion
    cases: Sequence[CaseLine]
    next: str
    rounds: Sequence[TestRound]
    criteria: CriteriaView | None
    acceptances: Sequence[AcceptanceLine]
    defects: DefectsOver
    bars: Sequence[Bar]
    only: str
    drafted: int
    may_draft: bool
    links: Sequence[Link]
    address: str


@dataclass(frozen=True, slots=True)
class RoundPage:
    """The context of tests/round.html. `id` is that of the next marking: sent twice, it is one."""

    head: RoundHead
    cases: Sequence[RoundLine]
    testers: Sequence[TesterLine]
    not_run: int
    only: str
    next: str
    address: str
    undo: str
    id: UUID


@dataclass(frozen=True, slots=True)
class OneCase:
    """The context of tests/case.html. `id` is the next result's own: sent twice, it is one."""

    case: CasePage
    address: str
    round_address: str
    id: UUID
    may_raise: bool


@router.get("/projects/{key}/tests", name="tests")
async def plans(
    request: Request, scope: ProjectScope, db: ReadSession, before: Annotated[int | None, Query(ge=1, lt=2**31)] = None
) -> Response:
    """The test plans with their rounds and what came of them, the newest first."""
    found = await queries.plans(db, scope, before=before, limit=MOST_PLANS + 1)
    following = f"?before={found[MOST_PLANS - 1].plan.number}" if len(found) > MOST_PLANS else ""
    page = PlansPage(found[:MOST_PLANS], following)
    return respond(request, "tests/list.html", page, scope=scope, tab="tests")


@router.get("/projects/{key}/tests/{number}", name="test_plan")
async def plan(
    request: Request,
    scope: ProjectScope,
    db: ReadSession,
    number: int,
    only: standing.Only = standing.Only.ALL,
    after: After = "",
    drafted: Annotated[int, Query(ge=0, le=MOST_NUMBER)] = 0,
) -> Response:
    """One plan: its criteria and what is missing, its cases, its rounds, the defects over the rounds, acceptances."""
    linked = None if scope.is_tester_alone else traceability.links_column(scope, TraceKind.TEST_PLAN, number)
    view = await queries.plan_view(db, scope, number, linked)
    cases = await standing.plan_cases(
        db, scope, number, view.version.version, only=only, after=_place(after), since=drafted, limit=EACH_PAGE + 1
    )
    over = await standing.defects_over_rounds(db, scope, number)
    is_offered = view.plan.offered_version is not None
    page = PlanPage(
        plan=view.plan, version=view.version, cases=cases[:EACH_PAGE], next=_next(cases),
        rounds=over.rounds,
        criteria=await standing.criteria_view(db, scope, number) if is_offered else None,
        acceptances=await standing.acceptance_lines(db, scope, number), defects=over, bars=_bars(over), only=only.value,
        drafted=drafted, may_draft=_may_draft(scope, view), links=traceability.links_from(view.also),
        address=f"/projects/{scope.key}/tests/{number}",
    )  # fmt: skip
    return respond(request, "tests/plan.html", page, scope=scope, tab="tests")


def _may_draft(scope: Scope, view: PlanView) -> bool:
    """Whether the page offers to draft cases: to staff, in a draft of what has criteria."""
    has_criteria = view.plan.milestone_number is not None or view.plan.change_number is not None
    is_ours = scope.is_staff and not scope.preview and scope.project.status != "archived"
    return is_ours and has_criteria and view.version.state is PlanState.DRAFT


@router.post("/projects/{key}/tests/{number}/drafts", name="draft_cases")
async def draft(scope: WritingScope, db: UnitOfWork, number: int) -> Response:
    """Drafts a case for each acceptance criterion that has none yet, and leads to the list of those cases."""
    drafted = await editing.draft_cases(db, scope, number, begins_version=False)
    found = f"notice=drafted&drafted={drafted[0]}" if drafted else "notice=none"
    return to(f"/projects/{scope.key}/tests/{number}?{found}#list")


def _place(after: str) -> tuple[int, int] | None:
    """After which case a page goes on: `position.number`."""
    position, _, number = after.partition(".")
    is_one = position.isascii() and position.isdigit() and number.isascii() and number.isdigit()
    found = (int(position), int(number)) if is_one else None
    return found if found and max(found) <= MOST_NUMBER else None


def _next(cases: Sequence[CaseLine] | Sequence[RoundLine]) -> str:
    last = cases[EACH_PAGE - 1] if len(cases) > EACH_PAGE else None
    return f"{last.position}.{last.number}" if last else ""


def _bars(over: DefectsOver) -> list[Bar]:
    """The defects that each round found, stacked by severity."""
    most = max((sum(one.found.values()) for one in over.defects), default=0)
    if not most:
        return []
    room = (WIDTH - LEFT) // len(over.defects)
    bars = []
    for at, one in enumerate(over.defects):
        top = BOTTOM
        for severity in Severity:
            count = one.found.get(severity, 0)
            height = count * (BOTTOM - 20) // most
            top -= height
            if count:
                wide = min(room - 12, 60)
                bars.append(Bar(LEFT + at * room + 6, top, wide, height, severity, count, one.round_number))
    return bars


@router.get("/projects/{key}/tests/{number}/rounds/{round_number}", name="test_round")
async def one_round(
    request: Request,
    scope: ProjectScope,
    db: ReadSession,
    number: int,
    round_number: int,
    only: Only = Only.ALL,
    after: After = "",
    undo: Annotated[str, Query(max_length=3200, pattern="^[0-9a-f]*$")] = "",
) -> Response:
    """A round: how far it is, and its cases with the viewer's own results."""
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    head = await pages.round_head(db, scope, number, round_number)
    cases = await pages.round_cases(db, scope, head.round, only=only, after=_place(after), limit=EACH_PAGE + 1)
    page = RoundPage(
        head=head, cases=cases[:EACH_PAGE], testers=await queries.testers(db, scope, number, round_number),
        not_run=rounds.not_run(head.round), only=only.value, next=_next(cases),
        address=f"/projects/{scope.key}/tests/{number}/rounds/{round_number}", undo=undo, id=uuid4(),
    )  # fmt: skip
    return respond(request, "tests/round.html", page, scope=scope, tab="tests", etag=etag)


@router.get("/projects/{key}/tests/{number}/rounds/{round_number}/cases/{case}", name="test_case")
async def one_case(
    request: Request, scope: ProjectScope, db: ReadSession, number: int, round_number: int, case: int
) -> Response:
    """One case: what to do, what was said, and the form for who tests it."""
    found = await case_pages.case_page(db, scope, number, round_number, case)
    address = f"/projects/{scope.key}/tests/{number}/rounds/{round_number}"
    failed = {one.result.outcome for one in found.results if one.result.is_latest} & {Outcome.FAILED, Outcome.BLOCKED}
    may_raise = bool(failed) and not scope.preview and (scope.is_staff or found.head.mine is not None)
    page = OneCase(found, f"{address}/cases/{case}", address, uuid4(), may_raise)
    return respond(request, "tests/case.html", page, scope=scope, tab="tests")


@router.get("/projects/{key}/tests/{number}/files/{tested}", name="test_file")
async def file(request: Request, scope: ProjectScope, number: int, tested: int) -> Response:
    """A file that a result of this plan names, for whoever may see the plan."""
    async with database_of(request).read(scope.project_id) as db:
        found = await pages.file_of_plan(db, scope, number, tested)
    return sent(store_of(request), scope, serving.download(found, asked_of(request)))
