"""Burndown and burnup figures: of a project, an iteration or a milestone, as of any day."""

from datetime import date
from typing import Annotated, Any

import orjson
from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from api.deps import ReadScope, ReadSession
from api.doors import router as door
from api.openapi import answers
from api.shapes import Day, DecimalOut, Outgoing, plain_decimal
from portal.backlog.chart import BurnPoint, Row
from portal.backlog.models import SeriesKind
from portal.backlog.planlines import plan_lines
from portal.backlog.reports import Burndown, NamedCause, Wanted, burndown
from portal.errors import Invalid
from portal.projects.models import Unit

router = door("burndown", "/projects/{key}/burndown")


class PointOut(Outgoing):
    """How it stood at the end of a day in the project's time zone."""

    day: Day
    scope: DecimalOut
    done: DecimalOut
    remaining: DecimalOut
    unestimated: int


class IdealOut(Outgoing):
    """Where the ideal line stands at the end of a day."""

    day: Day
    remaining: DecimalOut


class StepOut(Outgoing):
    """A day on which the scope was added to, cut or re-estimated."""

    day: Day
    added: DecimalOut
    removed: DecimalOut
    reestimated: DecimalOut


class CauseOut(Outgoing):
    """What moved the scope, or took done work back: one item, what happened to it, by how much."""

    day: Day
    number: int | None
    title: str | None
    change_request: int | None
    kind: Annotated[str, Field(examples=["added"])]
    why: Annotated[str, Field(examples=["created"])]
    amount: DecimalOut


class VelocityOut(Outgoing):
    """What an iteration had finished by its last day."""

    iteration: int
    name: str
    done: DecimalOut


class FinishOut(Outgoing):
    """Between which days the rest may be finished; `reason` says why there is no such day."""

    earliest: Day | None
    likely: Day | None
    latest: Day | None
    reason: str | None


class BurndownOut(Outgoing):
    """A burndown. `points` is empty while nothing has moved yet."""

    series: SeriesKind
    number: int | None
    unit: Unit
    first: Day | None
    last: Day | None
    points: list[PointOut]
    ideal: list[IdealOut]
    steps: list[StepOut]
    causes: list[CauseOut]
    has_more_causes: bool
    velocity: list[VelocityOut]
    finish: FinishOut | None


@router.get("", responses=answers(BurndownOut, "The burndown."))
async def read_burndown(
    scope: ReadScope,
    db: ReadSession,
    series: Annotated[SeriesKind, Query()] = SeriesKind.PROJECT,
    number: Annotated[int | None, Query(ge=1, lt=2**31, description="Which iteration or milestone.")] = None,
    unit: Annotated[Unit | None, Query(description="The project's own unit unless given.")] = None,
    as_of: Annotated[date | None, Query(description="What was true at the end of that day.")] = None,
) -> Response:
    """The burndown as it stands, or as it stood on a past day: no later change reaches it."""
    if (number is None) != (series is SeriesKind.PROJECT):
        raise Invalid("An iteration or milestone needs its number; the project has none.", field="number", value=number)
    wanted = Wanted(series, number, unit, as_of)
    found = await burndown(db, scope, await plan_lines(db, scope), wanted)
    return Response(orjson.dumps(shape(found)), media_type="application/json", headers={"Cache-Control": "no-store"})


def shape(found: Burndown) -> dict[str, Any]:
    """A burndown as values that orjson writes."""
    return {
        "series": found.wanted.kind,
        "number": found.wanted.number,
        "unit": found.unit,
        "first": found.first,
        "last": found.last,
        "points": [_point(point) for point in found.points],
        "ideal": [{"day": day, "remaining": plain_decimal(left)} for day, left in found.ideal],
        "steps": [_step(row) for row in found.steps],
        "causes": [_cause(named) for named in found.causes],
        "has_more_causes": found.has_more_causes,
        "velocity": [
            {"iteration": one.line.number, "name": one.line.name, "done": plain_decimal(one.done)}
            for one in found.velocity
        ],
        "finish": found.finish._asdict() if found.finish else None,
    }


def _point(point: BurnPoint) -> dict[str, Any]:
    return {
        "day": point.day,
        "scope": plain_decimal(point.scope),
        "done": plain_decimal(point.done),
        "remaining": plain_decimal(point.remaining),
        "unestimated": point.unestimated,
    }


def _step(row: Row) -> dict[str, Any]:
    day, moved = row
    return {"day": day} | {name: plain_decimal(getattr(moved, name)) for name in ("added", "removed", "reestimated")}


def _cause(named: NamedCause) -> dict[str, Any]:
    cause = named.cause
    told = {"day": cause.day, "number": named.number, "title": named.title}
    told |= {"change_request": named.change_request, "kind": cause.kind, "why": cause.why}
    return told | {"amount": plain_decimal(cause.amount)}
