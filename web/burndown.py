"""The burndown as a page: the picture, its figures, what changed the scope, and velocity."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from portal.backlog import planlines, reports
from portal.backlog.models import SeriesKind
from portal.backlog.planlines import PlanLines
from portal.backlog.reports import Burndown, Wanted
from portal.errors import Invalid
from portal.projects.models import Unit
from web.charts import BarChart, BurnChart, bar_chart, burn_chart
from web.deps import ProjectScope, ReadSession
from web.etag import unchanged
from web.render import etag_for, respond

MOST_STEPS = 60

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Step:
    """A day on which the scope moved, and by how much of each kind."""

    day: date
    added: Decimal
    removed: Decimal
    reestimated: Decimal
    change: Decimal


@dataclass(frozen=True, slots=True)
class BurndownPage:
    """The context of projects/burndown.html."""

    burndown: Burndown
    plan: PlanLines
    chart: BurnChart | None
    bars: BarChart | None
    steps: Sequence[Step]
    chosen: str
    as_of: str
    today: date
    reopened: Decimal
    is_past: bool


def series_of(text: str) -> tuple[SeriesKind, int | None]:
    """What `?series=` names: `project`, `iteration-3` or `milestone-2`. Raises Invalid."""
    kind, _, number = text.partition("-")
    if text in ("", "project"):
        return SeriesKind.PROJECT, None
    if kind in ("iteration", "milestone") and number.isascii() and number.isdigit() and len(number) < 10:
        return SeriesKind(kind), int(number)
    raise Invalid("series must be project, iteration-3 or milestone-2.", field="series", value=text[:40])


def day_of(text: str) -> date | None:
    """What `?as_of=` names; None for nothing. Raises Invalid."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid("as_of must be a day such as 2026-05-03.", field="as_of", value=text[:40]) from None


def unit_of(text: str) -> Unit | None:
    """What `?unit=` names; None for the project's own. Raises Invalid."""
    try:
        return Unit(text) if text else None
    except ValueError:
        raise Invalid("unit must be points, hours or count.", field="unit", value=text[:40]) from None


@router.get("/projects/{key}/burndown", name="burndown")
async def burndown(
    request: Request, scope: ProjectScope, db: ReadSession, series: str = "", unit: str = "", as_of: str = ""
) -> Response:
    """The burndown of the project, an iteration or a milestone, now or as of a past day."""
    kind, number = series_of(series)
    wanted = Wanted(kind, number, unit_of(unit), day_of(as_of))
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    plan = await planlines.plan_lines(db, scope)
    found = await reports.burndown(db, scope, plan, wanted)
    page = _page(found, plan, series or "project", scope.today)
    return respond(request, "projects/burndown.html", page, scope=scope, tab="burndown", etag=etag)


def _page(found: Burndown, plan: PlanLines, chosen: str, today: date) -> BurndownPage:
    steps = [Step(day, moved.added, moved.removed, moved.reestimated, moved.scope_change) for day, moved in found.steps]
    as_of = found.wanted.as_of
    return BurndownPage(
        burndown=found,
        plan=plan,
        chart=chart_of(found, today),
        bars=bar_chart([(one.line.name, one.done) for one in found.velocity]),
        steps=steps[::-1][:MOST_STEPS],
        chosen=chosen,
        as_of=as_of.isoformat() if as_of else "",
        today=today,
        reopened=sum((point.moved.reopened for point in found.points), Decimal(0)),
        is_past=as_of is not None and as_of < today,
    )


def chart_of(found: Burndown, today: date, *, most: int = 120) -> BurnChart | None:
    """The picture of a burndown."""
    steps = [(day, moved.scope_change) for day, moved in found.steps]
    return burn_chart(found.points, ideal=found.ideal, steps=steps, today=today, most=most)
