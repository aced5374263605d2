"""Backlog items: the list of them, one, and many at once by their references elsewhere."""

from dataclasses import fields
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import IfMatch, editable
from api.deps import EditScope, ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.openapi import answers
from api.paging import Paged
from api.shapes import (
    DecimalIn,
    DecimalOut,
    Incoming,
    LongText,
    Moment,
    Number,
    Outgoing,
    PathNumber,
    Reference,
    absent,
    plain_decimal,
)
from portal.access import Scope
from portal.backlog import commands, plan, queries
from portal.backlog.models import Category, Item, ItemType, Waiting
from portal.backlog.queries import Filter, ItemLine
from portal.ledger.models import Audience

router = door("items", "/projects/{key}/items")

MOST_ROWS = 2000
Title = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\r\n]*\S[^\r\n]*$")]
Label = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\r\n]*\S[^\r\n]*$")]
Said = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\r\n]*\S[^\r\n]*$")]
Visibility = Annotated[Literal["internal", "client"], Field(description="Internal unless said otherwise.")]


class ItemFields(Incoming):
    """What can be said of an item. Status by the column's name, iteration and milestone by their numbers."""

    type: ItemType = absent()
    description: LongText = absent()
    acceptance_criteria: LongText = absent()
    priority: Annotated[str, Field(max_length=60, pattern=r"^[^\r\n]*$")] = absent()
    position: Annotated[int, Field(ge=0, le=2**53 - 1)] = absent()
    points: DecimalIn | None = absent()
    hours: DecimalIn | None = absent()
    status: Annotated[str, Field(max_length=100)] = absent()
    iteration: Number | None = absent()
    milestone: Number | None = absent()
    assignee: UUID | None = absent()
    labels: Annotated[list[Label], Field(max_length=50)] = absent()
    audience: Visibility = absent()
    parent_number: Number | None = absent()
    external_ref: Reference | None = absent()
    external_key: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S+$")] | None = absent()
    external_url: Annotated[str, Field(max_length=2000, pattern=r"^https?://\S+$")] | None = absent()
    blocked_reason: Said | None = absent()
    blocked_on: Waiting | None = absent()


NEW: JsonDict = {
    "title": "Show opening hours",
    "type": "story",
    "points": "3",
    "audience": "client",
    "labels": ["site"],
}


class ItemNew(ItemFields):
    """An item to be added."""

    model_config = ConfigDict(json_schema_extra={"examples": [NEW]})

    title: Title


class ItemPatch(ItemFields):
    """Changes of an item; what is left out stays. `reason` is told in its history."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"points": "5", "reason": "Two more pages than we thought."}]}
    )

    title: Title = absent()
    reason: Annotated[str, Field(max_length=2000)] = absent()


class ItemRow(ItemFields):
    """An item of a bulk upsert: added when no item has its `external_ref`, changed otherwise."""

    title: Title = absent()
    external_ref: Reference


class ItemRows(Incoming):
    """Items to be added or changed together: all of them or none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {"external_ref": "tracker:1", "title": "Import the catalogue", "points": "8"},
                        {"external_ref": "tracker:2", "title": "Clean up the catalogue", "type": "task"},
                    ]
                }
            ]
        }
    )

    items: Annotated[list[ItemRow], Field(min_length=1, max_length=MOST_ROWS)]


class ItemShort(Outgoing):
    """An item in a list."""

    number: int
    type: ItemType
    title: str
    priority: str
    position: int
    points: DecimalOut | None
    hours: DecimalOut | None
    status: str
    category: Category
    iteration_name: str | None
    milestone_name: str | None
    assignee_name: str | None
    labels: list[str]
    audience: Audience
    external_key: str | None
    external_url: str | None
    blocked_reason: str | None
    blocked_on: Waiting | None
    done_at: Moment | None
    updated_at: Moment


class ItemPage(Outgoing):
    """A page of the backlog, in its order."""

    items: list[ItemShort]
    next: str | None


class ItemFull(Outgoing):
    """An item."""

    number: int
    type: ItemType
    title: str
    description: str
    acceptance_criteria: str
    priority: str
    position: int
    points: DecimalOut | None
    hours: DecimalOut | None
    status: str
    category: Category
    iteration: int | None
    milestone: int | None
    assignee: UUID | None
    labels: list[str]
    audience: Audience
    parent_number: int | None
    external_ref: str | None
    external_key: str | None
    external_url: str | None
    blocked_reason: str | None
    blocked_on: Waiting | None
    blocked_since: Moment | None
    created_at: Moment
    updated_at: Moment
    done_at: Moment | None


class ItemOutcome(Outgoing):
    """What an upsert did with one row."""

    external_ref: str
    number: int
    did: Literal["created", "changed", "unchanged"]


class ItemOutcomes(Outgoing):
    """What an upsert did, row by row in the order sent."""

    items: list[ItemOutcome]


RENAMED = {"iteration": "iteration_name", "milestone": "milestone_name", "assignee": "assignee_name"}
LINE = tuple((field.name, RENAMED.get(field.name, field.name)) for field in fields(ItemLine) if field.name != "seq")


def line(row: ItemLine) -> dict[str, Any]:
    """An item's line as values that orjson writes: the list is read most of all, so no model stands in between."""
    shown = {told: getattr(row, name) for name, told in LINE}
    for estimate in ("points", "hours"):
        if shown[estimate] is not None:
            shown[estimate] = plain_decimal(shown[estimate])
    return shown


def full(item: Item, named: plan.Plan) -> dict[str, Any]:
    """An item as JSON values, with the names and numbers of what it refers to."""
    status = named.statuses[item.status_id]
    iteration = named.iterations.get(item.iteration_id) if item.iteration_id else None
    milestone = named.milestones.get(item.milestone_id) if item.milestone_id else None
    told = {name: getattr(item, name) for name in ItemFull.model_fields if hasattr(item, name)} | {
        "status": status.name,
        "category": status.category,
        "iteration": iteration.number if iteration else None,
        "milestone": milestone.number if milestone else None,
        "assignee": item.assignee_id,
    }
    return ItemFull.model_validate(told).shown()


async def _shown(db: AsyncSession, scope: Scope, item: Item) -> dict[str, Any]:
    return full(item, await plan.load(db, scope))


@router.get("", responses=answers(ItemPage, "A page of the backlog, in its order.", headers=("Link",)))
async def list_items(
    scope: ReadScope,
    db: ReadSession,
    paged: Paged,
    status: Annotated[str | None, Query(max_length=100, description="A column's name.")] = None,
    type: Annotated[ItemType | None, Query()] = None,
    iteration: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    milestone: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    label: Annotated[str | None, Query(max_length=100)] = None,
    text: Annotated[str | None, Query(max_length=200, description="Words that it must all have.")] = None,
    waiting_on: Annotated[Waiting | None, Query(description="Blocked, and on whom it waits.")] = None,
) -> Response:
    """The items of the backlog that match every filter, in the backlog's order."""
    wanted = Filter(status, type, iteration, milestone, label, text, waiting_on)
    after = paged.after()
    rows = await queries.items(db, scope, wanted, after=(after[0], after[1]) if after else None, limit=paged.limit + 1)
    return paged.page(rows, _place, line)


def _place(row: ItemLine) -> tuple[int, int]:
    return row.position, row.number


@router.post("", status_code=201, responses=answers(ItemFull, "The item.", status=201, headers=("ETag", "Location")))
async def add_item(scope: WriteScope, db: UnitOfWork, wanted: Annotated[ItemNew, json_body(ItemNew)]) -> Response:
    """Adds an item at the end of the backlog, or at `position`."""
    item = await commands.add_item(db, scope, wanted.given())
    address = f"/api/v1/projects/{scope.key}/items/{item.number}"
    return editable(await _shown(db, scope, item), status_code=201, location=address)


@router.post("/upsert", responses=answers(ItemOutcomes, "What was done with each row, in their order."))
async def upsert_items(scope: WriteScope, db: UnitOfWork, wanted: Annotated[ItemRows, json_body(ItemRows)]) -> Response:
    """Adds or changes up to 2,000 items, each recognised by its `external_ref`; all of them or none."""
    rows = [row.given() for row in wanted.items]
    done = await commands.upsert_items(db, scope, rows)
    told = [
        {"external_ref": row["external_ref"], "number": outcome.number, "did": outcome.did}
        for row, outcome in zip(rows, done, strict=True)
    ]
    return Response(orjson.dumps({"items": told}), media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get("/{number}", responses=answers(ItemFull, "The item.", headers=("ETag",)))
async def read_item(scope: ReadScope, db: ReadSession, number: PathNumber) -> Response:
    """One item."""
    return editable(await _shown(db, scope, await queries.item(db, scope, number)))


@router.patch("/{number}", responses=answers(ItemFull, "The item as it is now.", headers=("ETag",)))
async def change_item(
    scope: EditScope,
    db: UnitOfWork,
    match: IfMatch,
    number: PathNumber,
    wanted: Annotated[ItemPatch, json_body(ItemPatch)],
) -> Response:
    """Changes an item."""
    match.require(await _shown(db, scope, await queries.item(db, scope, number)))
    fields = wanted.given()
    reason = fields.pop("reason", "")
    return editable(await _shown(db, scope, await commands.change_item(db, scope, number, fields, reason=reason)))


@router.delete("/{number}", status_code=204)
async def remove_item(
    scope: EditScope,
    db: UnitOfWork,
    match: IfMatch,
    number: PathNumber,
    reason: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """Takes an item out of the backlog. Its history stays; its number is never used again."""
    match.require(await _shown(db, scope, await queries.item(db, scope, number)))
    await commands.remove_item(db, scope, number, reason=reason)
    return Response(status_code=204)


@router.post("/{number}/restoration", responses=answers(ItemFull, "The item, back in the backlog.", headers=("ETag",)))
async def restore_item(scope: WriteScope, db: UnitOfWork, number: PathNumber) -> Response:
    """Brings a removed item back as it was."""
    return editable(await _shown(db, scope, await commands.restore_item(db, scope, number)))
