"""The backlog as pages: the list with its filters, the same as CSV, the board, and one item with its history."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from portal import traceability
from portal.access import Scope
from portal.backlog import activity as history
from portal.backlog import detail as details
from portal.backlog import planlines, queries
from portal.backlog.detail import ItemDetail
from portal.backlog.models import Category
from portal.backlog.planlines import PlanLine, PlanLines
from portal.backlog.queries import Filter, ItemLine
from portal.spreadsheet import BOM, Cell, rows_as_csv
from portal.trace.models import TraceKind
from portal.traceability import Link
from web.catalogues import catalogue
from web.deps import ProjectScope, ReadSession
from web.etag import unchanged
from web.filters import asked_of, cursor_of, filter_of, number_of
from web.locale_choice import locale_of
from web.render import etag_for, respond
from web.telling import Teller, Told, actor_text, tell

EACH_PAGE = 50
EACH_COLUMN = 30
EACH_CSV_READ = 500

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class BacklogPage:
    """The context of backlog/list.html."""

    rows: Sequence[ItemLine]
    plan: PlanLines
    wanted: Filter
    asked: dict[str, str]
    total: int | None
    hours: bool
    first: str
    next: str
    csv: str
    without: dict[str, str]


@dataclass(frozen=True, slots=True)
class Column:
    """A board column with the first of its items."""

    line: PlanLine
    rows: Sequence[ItemLine]
    more: str


@dataclass(frozen=True, slots=True)
class BoardPage:
    """The context of backlog/board.html."""

    columns: Sequence[Column]
    iterations: Sequence[PlanLine]
    chosen: PlanLine | None
    hours: bool


@dataclass(frozen=True, slots=True)
class ItemPage:
    """The context of backlog/item.html."""

    item: ItemDetail
    source: str
    assignee: str
    links: Sequence[Link]
    history: Sequence[Told]
    earlier: str


def address(scope: Scope, path: str, asked: dict[str, str]) -> str:
    """A page of the project with its query."""
    return f"/projects/{scope.key}{path}" + (f"?{urlencode(asked)}" if asked else "")


@router.get("/projects/{key}/backlog", name="backlog")
async def backlog(request: Request, scope: ProjectScope, db: ReadSession) -> Response:
    """The backlog in its order, narrowed and paged."""
    wanted, after = filter_of(request), cursor_of(request)
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    plan = await planlines.plan_lines(db, scope)
    rows = await queries.items(db, scope, wanted, after=after, limit=EACH_PAGE + 1)
    page = _backlog_page(scope, plan, wanted, rows, after)
    return respond(request, "backlog/list.html", page, scope=scope, tab="backlog", etag=etag)


def _backlog_page(
    scope: Scope, plan: PlanLines, wanted: Filter, rows: list[ItemLine], after: tuple[int, int] | None
) -> BacklogPage:
    asked = asked_of(wanted)
    shown = rows[:EACH_PAGE]
    further = f"{shown[-1].position}.{shown[-1].number}" if len(rows) > EACH_PAGE else ""
    return BacklogPage(
        rows=shown,
        plan=plan,
        wanted=wanted,
        asked=asked,
        total=_total(plan, wanted),
        hours=scope.project.unit == "hours",
        first=address(scope, "/backlog", asked) if after else "",
        next=address(scope, "/backlog", {**asked, "after": further}) if further else "",
        csv=address(scope, "/backlog.csv", asked),
        without={
            name: address(scope, "/backlog", {other: text for other, text in asked.items() if other != name})
            for name in asked
        },
    )


def _total(plan: PlanLines, wanted: Filter) -> int | None:
    """How many items there are, where the maintained counters know it; nothing is counted for it."""
    if wanted.is_empty:
        return sum(line.items for line in plan.statuses)
    if wanted == Filter(status=wanted.status):
        return sum(line.items for line in plan.statuses if line.name == wanted.status)
    return None


@router.get("/projects/{key}/backlog.csv", name="backlog_csv")
async def backlog_csv(request: Request, scope: ProjectScope, db: ReadSession) -> Response:
    """The same list whole, as CSV: exactly the items and fields that the page shows."""
    wanted = filter_of(request)
    headers = {"Content-Disposition": f'attachment; filename="{scope.key}-backlog.csv"', "Cache-Control": "no-store"}
    # Whole: sent as it is read, somebody who takes it slowly would keep a session of the few that there are.
    content = "".join([part async for part in _csv(db, scope, wanted, locale_of(request, scope.viewer.locale))])
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


async def _csv(db: AsyncSession, scope: Scope, wanted: Filter, locale: str) -> AsyncIterator[str]:
    gettext = catalogue(locale).gettext
    yield BOM + rows_as_csv([_csv_head(scope)])
    after: tuple[int, int] | None = None
    while rows := await queries.items(db, scope, wanted, after=after, limit=EACH_CSV_READ):
        yield rows_as_csv(_csv_row(scope, line, actor_text(line.assignee, gettext)) for line in rows)
        after = rows[-1].position, rows[-1].number
        if len(rows) < EACH_CSV_READ:
            return


def _csv_head(scope: Scope) -> list[Cell]:
    head: list[Cell] = [
        "number", "type", "title", "status", "category", "iteration", "milestone", "points", "hours", "priority",
        "assignee", "labels", "blocked_on", "blocked_reason", "done_at", "external_key",
    ]  # fmt: skip
    return [*head, "audience"] if scope.is_staff else head


def _csv_row(scope: Scope, line: ItemLine, assignee: str) -> list[Cell]:
    row: list[Cell] = [
        line.number, line.type.value, line.title, line.status, line.category.value, line.iteration, line.milestone,
        line.points, line.hours, line.priority, assignee, ", ".join(line.labels), line.blocked_on,
        line.blocked_reason, line.done_at.astimezone(scope.zone) if line.done_at else None, line.external_key,
    ]  # fmt: skip
    return [*row, line.audience.value] if scope.is_staff else row


@router.get("/projects/{key}/board", name="board")
async def board(request: Request, scope: ProjectScope, db: ReadSession) -> Response:
    """The columns with their first items; of one iteration, when it is asked for."""
    number = number_of(dict(request.query_params), "iteration")
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    plan = await planlines.plan_lines(db, scope)
    chosen = next((line for line in plan.iterations if line.number == number), None)
    shown = [line for line in plan.statuses if line.category != Category.DROPPED or line.items]
    found = await queries.board(db, scope, shown, iteration=chosen.id if chosen else None, each=EACH_COLUMN + 1)
    columns = [_column(scope, line, found[line.id], number) for line in shown]
    page = BoardPage(columns, plan.iterations, chosen, scope.project.unit == "hours")
    return respond(request, "backlog/board.html", page, scope=scope, tab="board", etag=etag)


def _column(scope: Scope, line: PlanLine, rows: list[ItemLine], iteration: int | None) -> Column:
    asked = {"status": line.name} | ({"iteration": str(iteration)} if iteration else {})
    more = address(scope, "/backlog", asked) if len(rows) > EACH_COLUMN else ""
    return Column(line, rows[:EACH_COLUMN], more)


def web_address(text: str | None) -> str:
    """The address if it leads to the web, else nothing: what an import brought along is never trusted to be a link."""
    try:
        parts = urlsplit(text or "")
    except ValueError:
        return ""
    return text or "" if parts.scheme in ("http", "https") and parts.netloc else ""


@router.get("/projects/{key}/items/{number}", name="item")
async def item(request: Request, scope: ProjectScope, db: ReadSession, number: int) -> Response:
    """One item whole, with the part of its history that this viewer may see."""
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    found = await details.detail(db, scope, number)
    before = number_of(dict(request.query_params), "before")
    linked = traceability.links_statement(scope, TraceKind.ITEM, [number])
    events, rows = await history.item_history(db, scope, number, before=before, limit=EACH_PAGE, also=linked)
    locale = locale_of(request, scope.viewer.locale)
    teller = Teller(scope.key, scope.project.time_zone, scope.is_staff, locale)
    page = ItemPage(
        item=found,
        source=web_address(found.line.external_url),
        assignee=actor_text(found.line.assignee, catalogue(locale).gettext),
        links=traceability.in_order(traceability.link_of(*row) for row in rows),
        history=[told for happening in events if (told := tell(happening, teller))],
        earlier=f"?before={events[-1].event.seq}" if len(events) == EACH_PAGE else "",
    )
    return respond(request, "backlog/item.html", page, scope=scope, tab="backlog", etag=etag)
