"""The neutral history that every source is read into. Pure: no database, nothing of a single source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from portal.backlog.models import Category
from portal.connectors.losses import Losses


class System(StrEnum):
    """Where a file comes from."""

    JIRA = "jira"
    TRELLO = "trello"
    CSV = "csv"


class Field(StrEnum):
    """What of an item can change over time."""

    TITLE = "title"
    DESCRIPTION = "description"
    CRITERIA = "acceptance_criteria"
    TYPE = "type"
    STATUS = "status"
    POINTS = "points"
    HOURS = "hours"
    ITERATION = "iteration"
    MILESTONE = "milestone"
    PRIORITY = "priority"
    ASSIGNEE = "assignee"
    LABELS = "labels"
    BLOCKED = "blocked"
    DELETED = "deleted"
    RESTRICTED = "restricted"


Value = str | Decimal | bool | tuple[str, ...] | None
"""Text, an estimate, a yes or no, labels, or nothing.

`status`, `iteration`, `milestone` and `assignee` are references to the source's own things; `type` and `priority` are
the source's words; `blocked` is the reason; `deleted` also means "not in this project's work".
"""

State = Mapping[Field, Value]

EMPTY: State = {
    Field.TITLE: "",
    Field.DESCRIPTION: "",
    Field.CRITERIA: "",
    Field.TYPE: "",
    Field.STATUS: None,
    Field.POINTS: None,
    Field.HOURS: None,
    Field.ITERATION: None,
    Field.MILESTONE: None,
    Field.PRIORITY: "",
    Field.ASSIGNEE: None,
    Field.LABELS: (),
    Field.BLOCKED: None,
    Field.DELETED: False,
    Field.RESTRICTED: False,
}


@dataclass(frozen=True, slots=True)
class SourceChange:
    """One field of an item became `new`, at the source's time."""

    at: datetime
    author: str | None
    field: Field
    old: Value
    new: Value


@dataclass(frozen=True, slots=True)
class SourceItem:
    """An item with its whole history: how it was born, and each change since, in order of time."""

    external_ref: str
    """The source's own id, `jira:10234`."""
    external_key: str
    external_url: str | None
    created_at: datetime
    born_at: datetime
    """When it came into this project: later than its creation for what was moved in."""
    author: str | None
    position: int
    """Its order in the source, as a number that depends on nothing but the source."""
    initial: State
    changes: tuple[SourceChange, ...]
    parent: str | None = None
    """The external_ref of the item it is part of."""
    updated_at: datetime | None = None

    def current(self) -> dict[Field, Value]:
        """The item as the source shows it now."""
        return {**self.initial, **{change.field: change.new for change in self.changes}}


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A column of the source, and what it means where the source or our guess says so."""

    ref: str
    name: str
    category: Category
    why: str


@dataclass(frozen=True, slots=True)
class SourceIteration:
    """A sprint of the source. Its days are cut in the project's zone when it is written."""

    ref: str
    name: str
    goal: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SourceMilestone:
    """A version or release of the source."""

    ref: str
    name: str
    description: str = ""
    expected_on: date | None = None
    done_on: date | None = None


@dataclass(frozen=True, slots=True)
class SourcePerson:
    """Somebody who is named by the source. E-mail addresses are never read."""

    ref: str
    name: str


@dataclass(frozen=True, slots=True)
class SourceProject:
    """All that was read from one file, and what was not."""

    system: System
    key: str
    name: str
    iterations: tuple[SourceIteration, ...]
    milestones: tuple[SourceMilestone, ...]
    statuses: tuple[SourceStatus, ...]
    people: tuple[SourcePerson, ...]
    held: int
    """How many issues, cards or items the file holds, whatever became of them."""
    items: tuple[SourceItem, ...]
    losses: Losses
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many of each kind the file holds: `issues`, `cards`, `actions`, `history entries`, …"""
    notes: tuple[str, ...] = ()
    """What was decided while reading, in sentences: which field holds the points, in which zone the times are."""
