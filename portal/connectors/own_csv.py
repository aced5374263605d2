"""Our own CSV: one row an item, or several rows that tell an item's history (docs/import.md). Pure."""

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from portal.backlog.models import Category
from portal.connectors.csv_reading import Row, Table
from portal.connectors.losses import Losses
from portal.connectors.mapping import Mapping as Wanted
from portal.connectors.mapping import meaning
from portal.connectors.model import (
    EMPTY,
    Field,
    SourceChange,
    SourceItem,
    SourceIteration,
    SourceMilestone,
    SourcePerson,
    SourceProject,
    SourceStatus,
    System,
    Value,
)
from portal.connectors.moments import Order, Zoned, order_of, parse
from portal.connectors.reading import clean, estimate, labels, one_line, reference, web_address
from portal.errors import Invalid

REQUIRED = ("ref", "title")
COLUMNS = frozenset(
    {"ref", "title", "at", "by", "type", "status", "points", "hours", "iteration", "milestone", "priority", "assignee",
     "labels", "description", "acceptance_criteria", "blocked", "parent", "url", "created", "done", "audience",
     "removed"}
)  # fmt: skip
CLEARED = "-"
TRUE = ("yes", "true", "1")
STEP = 1024


class _Reader:
    """The rows of one file, its words in our terms."""

    def __init__(self, text: str, wanted: Wanted, zone: ZoneInfo, losses: Losses) -> None:
        self.wanted = wanted
        self.losses = losses
        self.zoned = Zoned(zone, losses)
        table = Table(text, losses, required=REQUIRED)
        self.rows = list(table.rows())
        for name in dict.fromkeys(table.columns):
            if name.casefold() not in COLUMNS:
                losses.not_understood(
                    f"column {name[:60]!r}", "line 1", "not a column of this format: left out", count=len(self.rows)
                )
        dates = [(f"line {r.line}", r.first(n)) for r in self.rows for n in ("at", "created", "done") if r.first(n)]
        self.order: Order
        self.order, why = order_of(dates, wanted.day_first)
        self.notes = (f"dates: {self.order} ({why}), in {zone.key} where they carry no zone",)
        self.statuses: dict[str, SourceStatus] = {}
        self.names: dict[str, dict[str, str]] = {"iteration": {}, "milestone": {}, "user": {}}

    def moment(self, row: Row, name: str) -> datetime | None:
        """A date column of a row; None when it is empty. Raises Invalid naming line and column."""
        text, where = row.first(name), f"line {row.line}, {name}"
        return self.zoned.checked(parse(text, self.order, where), where) if text else None

    def status(self, name: str) -> str:
        """The reference of a status; one that is new to the file is kept with what it means here."""
        ref = f"csv-status:{reference(name.casefold())}"
        if ref not in self.statuses:
            meant = meaning(one_line(name, "status", self.losses, length=100, otherwise="?"), self.wanted)
            self.statuses[ref] = SourceStatus(ref, meant.name, meant.category, meant.why)
        return ref

    def named(self, kind: str, name: str) -> str:
        """The reference of an iteration, a milestone or a user (`kind`), kept with its name."""
        ref = f"csv-{kind}:{reference(name.casefold())}"
        self.names[kind].setdefault(ref, one_line(name, name, self.losses, length=200))
        return ref

    def state(self, row: Row, before: dict[Field, Value]) -> dict[Field, Value]:
        """How a row says that the item is: an empty cell leaves it as before, "-" empties it."""
        where, state = f"line {row.line}", dict(before)
        for name, (field, read) in self._readers(where).items():
            cell = row.first(name)
            if cell:
                state[field] = EMPTY[field] if cell == CLEARED else read(cell)
        if not state[Field.STATUS]:
            state[Field.STATUS] = self.status("To do")
        return state

    def _readers(self, where: str) -> dict[str, tuple[Field, Callable[[str], Value]]]:
        losses = self.losses
        return {
            "title": (Field.TITLE, lambda cell: one_line(cell, where, losses, otherwise=where)),
            "description": (Field.DESCRIPTION, lambda cell: clean(cell, where, losses)),
            "acceptance_criteria": (Field.CRITERIA, lambda cell: clean(cell, where, losses)),
            "type": (Field.TYPE, lambda cell: cell),
            "status": (Field.STATUS, self.status),
            "points": (Field.POINTS, lambda cell: estimate(cell, "points", where, losses)),
            "hours": (Field.HOURS, lambda cell: estimate(cell, "hours", where, losses)),
            "iteration": (Field.ITERATION, lambda cell: self.named("iteration", cell)),
            "milestone": (Field.MILESTONE, lambda cell: self.named("milestone", cell)),
            "priority": (Field.PRIORITY, lambda cell: one_line(cell, where, losses, length=60)),
            "assignee": (Field.ASSIGNEE, lambda cell: self.named("user", cell)),
            "labels": (Field.LABELS, lambda cell: labels(cell.split(";"), where, losses)),
            "blocked": (Field.BLOCKED, lambda cell: clean(cell, where, losses)[:2000]),
            "removed": (Field.DELETED, lambda cell: cell.casefold() in TRUE),
            "audience": (Field.RESTRICTED, lambda cell: self._is_internal(cell, where)),
        }

    def _is_internal(self, cell: str, where: str) -> bool:
        if cell.casefold() not in ("client", "internal"):
            self.losses.not_understood("audience", where, f"{cell[:20]!r} is neither client nor internal: internal")
        return cell.casefold() != "client"

    def item(self, rows: Sequence[Row], refs: set[str], position: int) -> SourceItem:
        """The rows of one item, in order of time, as an item. Raises Invalid naming the line."""
        first = rows[0]
        ref = first.first("ref")
        created = self.moment(first, "created") or self.moment(first, "at")
        if created is None:
            raise Invalid(f"line {first.line}: an item needs `created` or `at`.", field=f"line {first.line}, created")
        initial, changes = self._told(rows, created)
        done = self.moment(rows[-1], "done")
        if done and len(rows) > 1:
            self.losses.lost("done", f"line {rows[-1].line}", "the rows of its history say when the item was done")
        elif done:
            initial, changes = self._done(initial, done, first.line)
        where = f"line {first.line}"
        return SourceItem(
            external_ref=f"csv:{reference(ref)}", external_key=one_line(ref, where, self.losses, length=100),
            external_url=web_address(first.first("url")), created_at=created, born_at=created,
            author=self._author(first),
            position=position * STEP, initial=initial, changes=tuple(changes), parent=self._parent(rows[-1], refs),
            updated_at=changes[-1].at if changes else created,
        )  # fmt: skip

    def _told(self, rows: Sequence[Row], created: datetime) -> tuple[dict[Field, Value], list[SourceChange]]:
        initial = state = self.state(rows[0], dict(EMPTY))
        changes: list[SourceChange] = []
        for row in rows[1:]:
            after, at = self.state(row, state), self.moment(row, "at") or created
            changes += [
                SourceChange(at, self._author(row), field, state[field], after[field])
                for field in after
                if after[field] != state[field]
            ]
            state = after
        return initial, changes

    def _done(
        self, state: dict[Field, Value], done: datetime, line: int
    ) -> tuple[dict[Field, Value], list[SourceChange]]:
        """A row that says when the item was done, and no more of its history: it was to do until then."""
        status = self.statuses[str(state[Field.STATUS])]
        if status.category is not Category.DONE:
            self.losses.not_understood(
                "done", f"line {line}", f"its status {status.name!r} is not done: the date was left out"
            )
            return state, []
        begun = next((one.ref for one in self.statuses.values() if one.category is Category.TODO), None) or self.status(
            "To do"
        )
        return {**state, Field.STATUS: begun}, [SourceChange(done, None, Field.STATUS, begun, status.ref)]

    def _author(self, row: Row) -> str | None:
        return self.named("user", row.first("by")) if row.first("by") else None

    def _parent(self, row: Row, refs: set[str]) -> str | None:
        parent = row.first("parent")
        if parent and parent not in refs:
            self.losses.lost("parent", f"line {row.line}", f"{parent[:40]} is not in the file")
            return None
        return f"csv:{reference(parent)}" if parent else None


def read(text: str, wanted: Wanted, zone: ZoneInfo, losses: Losses) -> SourceProject:
    """Reads a file of our own format. Raises Invalid with the line where it breaks."""
    reader = _Reader(text, wanted, zone, losses)
    groups = _groups(reader)
    if not groups:
        raise Invalid("The file has a header and no rows.", field="file")
    items = tuple(reader.item(rows, set(groups), place) for place, rows in enumerate(groups.values(), 1))
    return SourceProject(
        system=System.CSV, key="", name="",
        iterations=tuple(SourceIteration(ref, name) for ref, name in reader.names["iteration"].items()),
        milestones=tuple(SourceMilestone(ref, name) for ref, name in reader.names["milestone"].items()),
        statuses=tuple(reader.statuses.values()),
        people=tuple(SourcePerson(ref, name) for ref, name in reader.names["user"].items()),
        held=len(groups), items=items, losses=losses, counts={"rows": len(reader.rows), "items": len(groups)},
        notes=reader.notes,
    )  # fmt: skip


def _groups(reader: _Reader) -> dict[str, list[Row]]:
    """The rows of each item in order of time; of two rows for one moment the later in the file counts."""
    groups: dict[str, dict[datetime | None, Row]] = {}
    for row in reader.rows:
        ref, at = row.first("ref"), reader.moment(row, "at")
        if at in groups.setdefault(ref, {}):
            reader.losses.changed("rows", f"line {row.line}", "the same item and moment twice: the later row was taken")
        groups[ref][at] = row
    ordered = {ref: [rows[at] for at in sorted(rows, key=_when)] for ref, rows in groups.items()}
    for ref, (first, *_) in ordered.items():
        if not ref or not first.first("title"):
            where = f"line {first.line}"
            raise Invalid(f"{where}: a row needs ref, and the earliest of an item its title.", field=where)
    return ordered


def _when(at: datetime | None) -> float:
    """A row without a moment of its own tells how the item began."""
    return at.timestamp() if at else -math.inf
