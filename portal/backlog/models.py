"""Tables of the backlog: items and their spans in time, board columns, and the burndown's daily movements."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Fixed, UtcDateTime, choice
from portal.ledger.models import Audience

POINT_PLACES = 3
HOUR_PLACES = 3


class Category(StrEnum):
    """What a board column means, whatever a team calls it."""

    TODO = "todo"
    DOING = "doing"
    DONE = "done"
    DROPPED = "dropped"


class ItemType(StrEnum):
    """Kinds of work."""

    STORY = "story"
    TASK = "task"
    BUG = "bug"
    OTHER = "other"


class Waiting(StrEnum):
    """On whom a blocked item waits."""

    CLIENT = "client"
    AGENCY = "agency"
    OTHER = "other"


AUDIENCE = choice(Audience, "audience", 16)
Points = Fixed(POINT_PLACES)
Hours = Fixed(HOUR_PLACES)


class Contributor(Base):
    """Somebody whose name stands on items or history: a person of the portal, or a name from an import."""

    __tablename__ = "contributor"
    __table_args__ = (UniqueConstraint("project_id", "external_ref"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"))
    name: Mapped[str]
    external_ref: Mapped[str | None]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


class Status(Base):
    """A board column of a project, with the number of items in it as maintained counters."""

    __tablename__ = "status"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"))
    name: Mapped[str]
    category: Mapped[Category] = mapped_column(choice(Category, "category", 16))
    position: Mapped[int]
    client_items: Mapped[int] = mapped_column(default=0)
    internal_items: Mapped[int] = mapped_column(default=0)


class Item(Base):
    """A piece of work as it stands now; how it came to stand so is in its spans and in the ledger."""

    __tablename__ = "item"
    __table_args__ = (
        UniqueConstraint("project_id", "number"),
        UniqueConstraint("project_id", "external_ref"),
        CheckConstraint("(blocked_reason IS NULL) = (blocked_on IS NULL)", name="block_is_whole"),
        Index("ix_item_order", "project_id", "deleted", "position", "number"),
        Index("ix_item_board", "project_id", "status_id", "deleted", "position", "number"),
        Index("ix_item_iteration", "project_id", "iteration_id", "deleted", "position", "number"),
        Index("ix_item_milestone", "project_id", "milestone_id", "deleted", "position", "number"),
        Index("ix_item_type", "project_id", "type", "deleted", "position", "number"),
        Index("ix_item_done", "project_id", "deleted", "done_at", "number"),
        Index("ix_item_blocked", "project_id", "blocked_on", "deleted", "position", "number"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    """Row id for the search index only; never shown."""
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"))
    number: Mapped[int]
    type: Mapped[ItemType] = mapped_column(choice(ItemType, "item_type", 16), default=ItemType.STORY)
    title: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    acceptance_criteria: Mapped[str] = mapped_column(default="")
    priority: Mapped[str] = mapped_column(default="")
    position: Mapped[int] = mapped_column(BigInteger)
    """Order in the backlog, ascending; ties are broken by number."""
    points: Mapped[Decimal | None] = mapped_column(Points)
    hours: Mapped[Decimal | None] = mapped_column(Hours)
    status_id: Mapped[UUID] = mapped_column(ForeignKey("status.id"))
    iteration_id: Mapped[UUID | None] = mapped_column(ForeignKey("iteration.id"))
    milestone_id: Mapped[UUID | None] = mapped_column(ForeignKey("milestone.id"))
    parent_number: Mapped[int | None]
    assignee_id: Mapped[UUID | None] = mapped_column(ForeignKey("contributor.id"))
    labels: Mapped[list[str]] = mapped_column(JSON, default=list)
    audience: Mapped[Audience] = mapped_column(AUDIENCE, default=Audience.INTERNAL)
    external_ref: Mapped[str | None]
    """The source's own id, `jira:10234`: what a second import recognises the item by."""
    external_key: Mapped[str | None]
    """What people call it there, `DURACLOUD-126`."""
    external_url: Mapped[str | None]
    blocked_reason: Mapped[str | None]
    blocked_on: Mapped[Waiting | None] = mapped_column(choice(Waiting, "waiting", 16))
    blocked_since: Mapped[datetime | None] = mapped_column(UtcDateTime())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime())
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When it last became done; None while it is not."""
    deleted: Mapped[bool] = mapped_column(default=False)
    seq: Mapped[int]
    """The last event of this item: its ETag."""


class ItemLabel(Base):
    """An item's label, for filtering; `item.labels` is what is shown."""

    __tablename__ = "item_label"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)
    item_number: Mapped[int] = mapped_column(primary_key=True)


class ItemSpan(Base):
    """What was true of an item for the burndown from one moment until the next; half-open, contiguous."""

    __tablename__ = "item_span"
    __table_args__ = (
        CheckConstraint("valid_to IS NULL OR valid_from < valid_to", name="is_not_empty"),
        Index("ix_item_span_from", "project_id", "valid_from"),
        Index("ix_item_span_iteration", "project_id", "iteration_id", "item_number"),
        Index("ix_item_span_milestone", "project_id", "milestone_id", "item_number"),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    item_number: Mapped[int] = mapped_column(primary_key=True)
    valid_from: Mapped[datetime] = mapped_column(UtcDateTime(), primary_key=True)
    valid_to: Mapped[datetime | None] = mapped_column(UtcDateTime())
    points: Mapped[Decimal | None] = mapped_column(Points)
    hours: Mapped[Decimal | None] = mapped_column(Hours)
    category: Mapped[Category] = mapped_column(choice(Category, "category", 16))
    iteration_id: Mapped[UUID | None]
    milestone_id: Mapped[UUID | None]
    audience: Mapped[Audience] = mapped_column(AUDIENCE)
    present: Mapped[bool]


class ItemCause(Base):
    """That an item was added, changed or removed at a moment because a change request was accepted.

    The moment is that from which the item's new span holds, so that a step of a burndown can name its cause.
    """

    __tablename__ = "item_cause"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    item_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime(), primary_key=True)
    change_number: Mapped[int]


class SeriesKind(StrEnum):
    """What a burndown is drawn for."""

    PROJECT = "project"
    ITERATION = "iteration"
    MILESTONE = "milestone"


class BurnDay(Base):
    """How one series moved on one day: the sum over items of the difference between two ends of day.

    Movements add up, so a change costs a few increments on the days that it touches and no other day can move.
    `series_id` is the iteration's or milestone's id, and the project's own id for the whole project.
    """

    __tablename__ = "burn_day"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    series_kind: Mapped[SeriesKind] = mapped_column(choice(SeriesKind, "series_kind", 16), primary_key=True)
    series_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    audience: Mapped[Audience] = mapped_column(AUDIENCE, primary_key=True)
    items_added: Mapped[int] = mapped_column(default=0)
    items_removed: Mapped[int] = mapped_column(default=0)
    items_done: Mapped[int] = mapped_column(default=0)
    items_reopened: Mapped[int] = mapped_column(default=0)
    points_added: Mapped[Decimal] = mapped_column(Points, default=Decimal(0))
    points_removed: Mapped[Decimal] = mapped_column(Points, default=Decimal(0))
    points_reestimated: Mapped[Decimal] = mapped_column(Points, default=Decimal(0))
    points_done: Mapped[Decimal] = mapped_column(Points, default=Decimal(0))
    points_reopened: Mapped[Decimal] = mapped_column(Points, default=Decimal(0))
    points_unestimated: Mapped[int] = mapped_column(default=0)
    hours_added: Mapped[Decimal] = mapped_column(Hours, default=Decimal(0))
    hours_removed: Mapped[Decimal] = mapped_column(Hours, default=Decimal(0))
    hours_reestimated: Mapped[Decimal] = mapped_column(Hours, default=Decimal(0))
    hours_done: Mapped[Decimal] = mapped_column(Hours, default=Decimal(0))
    hours_reopened: Mapped[Decimal] = mapped_column(Hours, default=Decimal(0))
    hours_unestimated: Mapped[int] = mapped_column(default=0)
