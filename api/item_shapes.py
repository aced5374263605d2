"""What is told of backlog items and what callers may say of them: the models, and how rows become them."""

from dataclasses import fields
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from api.shapes import (
    DecimalIn,
    DecimalOut,
    Incoming,
    LongText,
    Moment,
    Number,
    Outgoing,
    Reference,
    absent,
    plain_decimal,
)
from portal.backlog import plan
from portal.backlog.models import Category, Item, ItemType, Waiting
from portal.backlog.queries import ItemLine
from portal.ledger.models import Audience

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
