"""A client's projects, one project at a glance, its milestones, and what its client can see."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from portal.acceptance import gates, waiting
from portal.acceptance.waiting import AllWaiting, RoundWaiting
from portal.access import Role, Scope
from portal.backlog import activity as history
from portal.backlog import detail, planlines, reports
from portal.backlog import queries as queries_of_backlog
from portal.backlog.detail import AudienceCounts
from portal.backlog.models import SeriesKind
from portal.backlog.planlines import PlanLine, PlanLines
from portal.backlog.queries import ItemLine, Overview
from portal.backlog.reports import Burndown, Wanted
from portal.billing import balance
from portal.billing.balance import Budget
from portal.decisions.models import Side
from portal.decisions.waiting import Waiting
from portal.errors import NotFound
from portal.identity import sessions
from portal.ledger import queries as ledger
from portal.people import queries as people
from portal.people.queries import Member
from portal.projects import queries
from portal.projects.models import Milestone
from portal.projects.queries import ProjectLine
from web.burndown import chart_of
from web.charts import BurnChart
from web.deps import ProjectScope, ReadSession, SignedIn, UnitOfWork
from web.etag import unchanged
from web.locale_choice import locale_of
from web.render import etag_for, respond
from web.telling import Teller, Told, tell

EACH_PAGE = 50
GLANCE_POINTS = 60
LATELY = timedelta(days=28)

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class ProjectsPage:
    """The context of projects/list.html; `open` says by project's key how much waits for whom."""

    lines: Sequence[ProjectLine]
    open: Mapping[str, Counter[str]]
    archived: bool
    next: str


@dataclass(frozen=True, slots=True)
class Glance:
    """The context of projects/overview.html: the five questions, as far as there are rooms that answer."""

    backlog: Overview
    burndown: Burndown
    chart: BurnChart | None
    iteration: PlanLine | None
    milestones: Sequence[PlanLine]
    share: int
    lately: Decimal | None
    lately_since: date | None
    today: date
    waiting: Sequence[Waiting]
    rounds: Sequence[RoundWaiting]
    budget: Budget | None


@dataclass(frozen=True, slots=True)
class MilestoneRow:
    """A milestone with how its date stands against what was agreed. `days_late` is None where a date is missing;
    `is_no_go` says that its go/no-go said no, so that what follows cannot be accepted."""

    milestone: Milestone
    state: str
    days_late: int | None
    is_no_go: bool


@dataclass(frozen=True, slots=True)
class MilestonesPage:
    """The context of projects/milestones.html."""

    rows: Sequence[MilestoneRow]


@dataclass(frozen=True, slots=True)
class MilestonePage:
    """The context of projects/milestone.html."""

    row: MilestoneRow
    history: Sequence[Told]


@dataclass(frozen=True, slots=True)
class VisibilityPage:
    """The context of projects/visibility.html."""

    members: Sequence[Member]
    counts: AudienceCounts
    internal: Sequence[ItemLine]
    roles: Sequence[Role]


@router.get("/", name="home")
async def home(_arrival: SignedIn) -> Response:
    """The front door leads to the projects."""
    return RedirectResponse("/projects", 303)


@router.get("/projects", name="projects")
async def projects(
    request: Request, arrival: SignedIn, db: ReadSession, archived: bool = False, after: str = ""
) -> Response:
    """The projects that this person may open."""
    since = after[:16].replace("\0", "")  # no database can be asked for a NUL
    lines = await queries.mine(db, arrival.viewer, archived=archived, after=since, limit=EACH_PAGE + 1)
    shown = lines[:EACH_PAGE]
    following = f"?after={shown[-1].facts.key}{'&archived=1' if archived else ''}" if len(lines) > EACH_PAGE else ""
    page = ProjectsPage(shown, await waiting.counts_everywhere(db, arrival.viewer), archived, following)
    return respond(request, "projects/list.html", page, viewer=arrival.viewer)


@router.get("/projects/{key}", name="project")
async def overview(request: Request, scope: ProjectScope, db: ReadSession) -> Response:
    """A project at a glance."""
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    plan = await planlines.plan_lines(db, scope)
    backlog = await queries_of_backlog.overview(db, scope, plan.statuses)
    found = await reports.burndown(db, scope, plan, Wanted(SeriesKind.PROJECT), causes=False)
    asked, budget = await waiting.in_project(db, scope), await balance.budget(db, scope)
    page = _glance(scope, plan, backlog, found, asked, budget)
    return respond(request, "projects/overview.html", page, scope=scope, tab="overview", etag=etag)


def _glance(
    scope: Scope,
    plan: PlanLines,
    backlog: Overview,
    found: Burndown,
    asked: AllWaiting,
    budget: Budget | None,
) -> Glance:
    today, now = scope.today, found.now
    before = [point for point in found.points if point.day <= today - LATELY]
    return Glance(
        backlog=backlog,
        burndown=found,
        chart=chart_of(found, today, most=GLANCE_POINTS),
        iteration=plan.current_iteration(today),
        milestones=_coming(plan),
        share=int(now.done * 100 / now.scope) if now and now.scope > 0 else 0,
        lately=now.done - before[-1].done if now and before else None,
        lately_since=today - LATELY if before else None,
        today=today,
        waiting=[one for one in asked.decisions if one.side is Side.CLIENT],
        rounds=asked.rounds,
        budget=budget,
    )


def _coming(plan: PlanLines, most: int = 4) -> list[PlanLine]:
    """The milestones that are still to be reached, the nearest first."""
    ahead = [line for line in plan.milestones if line.done_on is None]
    return sorted(ahead, key=lambda line: (line.due_on or date.max, line.number))[:most]


@router.get("/projects/{key}/milestones", name="milestones")
async def milestones(request: Request, scope: ProjectScope, db: ReadSession) -> Response:
    """The milestones with what was promised, agreed, is expected now, and done."""
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    no_go = await gates.no_go(db, scope)
    rows = [_milestone_row(one, scope.today, no_go) for one in await queries.milestones(db, scope)]
    return respond(request, "projects/milestones.html", MilestonesPage(rows), scope=scope, tab="milestones", etag=etag)


def _milestone_row(milestone: Milestone, today: date, no_go: Collection[int]) -> MilestoneRow:
    agreed = milestone.agreed_on or milestone.promised_on
    actual = milestone.done_on or milestone.expected_on
    late = (actual - agreed).days if agreed and actual else None
    if milestone.done_on:
        state = "done"
    elif actual and actual < today:
        state = "overdue"
    else:
        state = "late" if late and late > 0 else "open"
    return MilestoneRow(milestone, state, late, milestone.number in no_go)


@router.get("/projects/{key}/milestones/{number}", name="milestone")
async def milestone(request: Request, scope: ProjectScope, db: ReadSession, number: int) -> Response:
    """One milestone with each change of its dates and the reason given."""
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    found, is_no_go = await gates.milestone(db, scope, number)
    events = await ledger.of_subject(db, scope.project_id, scope.audiences, "milestone", number)
    teller = Teller(scope.key, scope.project.time_zone, scope.is_staff, locale_of(request, scope.viewer.locale))
    told = [one for event in await history.told(db, scope, events) if (one := tell(event, teller))]
    page = MilestonePage(_milestone_row(found, scope.today, [number] if is_no_go else []), told)
    return respond(request, "projects/milestone.html", page, scope=scope, tab="milestones", etag=etag)


@router.get("/projects/{key}/visibility", name="visibility")
async def visibility(request: Request, scope: ProjectScope, db: ReadSession) -> Response:
    """For staff: what this project's client can see, who they are, and what is internal."""
    if not scope.is_staff:
        raise NotFound("There is nothing here.")
    page = VisibilityPage(
        members=await people.members(db, scope),
        counts=await detail.audience_counts(db, scope),
        internal=await detail.internal_items(db, scope),
        roles=list(Role),
    )
    return respond(request, "projects/visibility.html", page, scope=scope, tab="visibility")


@router.post("/projects/{key}/view-as", name="view_as")
async def view_as(
    scope: ProjectScope, arrival: SignedIn, db: UnitOfWork, roles: Annotated[list[Role] | None, Form()] = None
) -> Response:
    """Staff begin to look at this project with a client's eyes."""
    wanted = frozenset(roles or ()) | {Role.VIEWER}
    await sessions.look_as_client(db, arrival.viewer, arrival.session_id, (scope.key, wanted))
    return RedirectResponse(f"/projects/{scope.key}", 303)


@router.post("/projects/{key}/view-as/end", name="view_as_end")
async def view_as_end(scope: ProjectScope, arrival: SignedIn, db: UnitOfWork) -> Response:
    """Staff stop looking as the client."""
    await sessions.look_as_client(db, arrival.viewer, arrival.session_id, None)
    return RedirectResponse(f"/projects/{scope.key}/visibility", 303)
