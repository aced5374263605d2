"""Jira's CSV export: repeated columns, dates without a zone, no history. Pure."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from portal.backlog.models import Category
from portal.connectors import wiki
from portal.connectors.csv_reading import Row, Table
from portal.connectors.inferred import BEGINNING, beginning, status_changes
from portal.connectors.jira_shown import FLAGGED, position
from portal.connectors.losses import Losses
from portal.connectors.mapping import Mapping as Wanted
from portal.connectors.mapping import meaning
from portal.connectors.model import (
    EMPTY,
    Field,
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
from portal.connectors.reading import clean, estimate, labels, one_line, reference
from portal.errors import Invalid

REQUIRED = ("Summary", "Issue key", "Status")
DATES = ("created", "updated", "resolved")
POINTS = ("custom field (story points)", "custom field (story point estimate)", "story points", "story point estimate")
TAKEN = frozenset(
    {"summary", "issue key", "issue id", "issue type", "status", "project key", "project name", "priority", "assignee",
     "assignee id", "creator", "creator id", "created", "updated", "resolved", "fix versions", "fix version/s",
     "labels", "description", "sprint", "parent", "parent id", "status category", "original estimate", "security level",
     "custom field (rank)", "custom field (flagged)", *POINTS}
)  # fmt: skip
SILENT = frozenset(
    {"project type", "project lead", "project lead id", "project description", "last viewed", "work ratio", "votes",
     "watchers id", "reporter id", "parent summary", "parent key", "resolution", "status category changed"}
)  # fmt: skip
"""Derived from other columns, or about the project or its readers."""


class Csv:
    """The rows of one file, its words in our terms."""

    def __init__(self, text: str, wanted: Wanted, zone: ZoneInfo, losses: Losses) -> None:
        """Raises Invalid for a broken file, a missing column, contradicting dates, or several projects."""
        self.wanted = wanted
        self.losses = losses
        self.zoned = Zoned(zone, losses)
        table = Table(text, losses, required=REQUIRED)
        rows = list(table.rows())
        self.held = len(rows)
        self.rows = _one_project(rows, wanted, losses)
        self.order: Order
        self.order, why = order_of(
            ((f"line {row.line}", row.first(name)) for row in self.rows for name in DATES if row.first(name)),
            wanted.day_first,
        )
        self.statuses = _statuses(self.rows, wanted)
        self.beginning = beginning(list(self.statuses.values()))
        self.ids = {row.first("issue id"): row.first("issue key") for row in self.rows if row.first("issue id")}
        self.people: dict[str, SourcePerson] = {}
        self.notes = (
            f"dates: {self.order} ({why}), in {zone.key}",
            "history: none in a CSV; inferred from Created and Resolved",
            f"columns: {len(table.columns)}, of which {len(table.columns) - len(set(table.columns))} repeat a name",
        )

    def moment(self, row: Row, name: str) -> datetime | None:
        """A date column of a row; None when it is empty. Raises Invalid naming line and column."""
        text, where = row.first(name), f"line {row.line}, {name.capitalize()}"
        return self.zoned.checked(parse(text, self.order, where), where) if text else None

    def person(self, row: Row, role: str) -> str | None:
        """The reference of the person in a role; by name where the file has no ids."""
        name = row.first(role)
        ref = row.first(f"{role} id") or name
        if not ref or name.casefold() in ("unassigned", ""):
            return None
        full = f"jira-user:{reference(ref)}"
        self.people.setdefault(full, SourcePerson(full, one_line(name, full, self.losses, length=200, otherwise="?")))
        return full

    def item(self, row: Row) -> SourceItem:
        """One row as an item. Raises Invalid naming the line."""
        key = one_line(row.first("issue key"), f"line {row.line}", self.losses, length=100)
        where = f"{key} (line {row.line})"
        created, updated, resolved = (
            self.moment(row, "created"),
            self.moment(row, "updated"),
            self.moment(row, "resolved"),
        )
        if not key or created is None:
            raise Invalid(f"line {row.line}: an issue needs its key and when it was Created.", field=f"line {row.line}")
        current = self._current(row, key, where)
        status = self.statuses[row.first("status")]
        initial, changes = status_changes(current, status, self.beginning, resolved, updated, where, self.losses)
        self._note_lost(row, where)
        return SourceItem(
            external_ref=f"jira:{reference(row.first('issue id') or key)}", external_key=key, external_url=None,
            created_at=created, born_at=created, author=self.person(row, "creator") or self.person(row, "reporter"),
            position=position(row.first("custom field (rank)"), key), initial=initial, changes=tuple(changes),
            parent=self._parent(row, where), updated_at=updated,
        )  # fmt: skip

    def _current(self, row: Row, key: str, where: str) -> dict[Field, Value]:
        level = row.first("security level")
        if level:
            told = f"security level {level[:60]!r} is not understood: the item is internal"
            self.losses.changed("restriction", where, told)
        return {
            **EMPTY,
            Field.TITLE: one_line(row.first("summary"), where, self.losses, otherwise=key),
            Field.DESCRIPTION: wiki.to_markdown(clean(row.first("description"), where, self.losses)),
            Field.TYPE: row.first("issue type"),
            Field.STATUS: self.statuses[row.first("status")].ref,
            Field.POINTS: estimate(row.first(*POINTS), "points", where, self.losses),
            Field.HOURS: self._hours(row, where),
            Field.ITERATION: self._sprint(row, where)
            if self.wanted.sprints == "iterations"
            else self._version(row, "iterations", where),
            Field.MILESTONE: self._version(row, "milestones", where),
            Field.PRIORITY: one_line(row.first("priority"), where, self.losses, length=60),
            Field.ASSIGNEE: self.person(row, "assignee"),
            Field.LABELS: labels(row.all("labels"), where, self.losses),
            Field.RESTRICTED: bool(level),
            Field.BLOCKED: FLAGGED if row.first("custom field (flagged)") else None,
        }

    def _hours(self, row: Row, where: str) -> Value:
        seconds = row.first("original estimate")
        if not (seconds.isascii() and seconds.isdecimal()):
            return None
        return estimate(str(int(seconds[:12]) / 3600), "hours", where, self.losses)

    def _sprint(self, row: Row, where: str) -> str | None:
        """The last of the Sprint columns is where the issue is; the others are where it was; no date says when."""
        names = row.all("sprint")
        if len(set(names)) > 1:
            self.losses.lost("earlier sprints", where, "a CSV does not say when", count=len(set(names)) - 1)
        return _ref("sprint", names[-1]) if names else None

    def _version(self, row: Row, wanted: str, where: str) -> str | None:
        names = [*row.all("fix versions"), *row.all("fix version/s")]
        if self.wanted.versions != wanted or not names:
            return None
        if len(names) > 1:
            self.losses.changed("fix versions", where, "an item is in one: the first was taken")
        return _ref("version", names[0])

    def _parent(self, row: Row, where: str) -> str | None:
        parent = row.first("parent", "parent id")
        if not parent:
            return None
        if parent in self.ids:
            return f"jira:{reference(parent)}"
        by_key = {key: ref for ref, key in self.ids.items()}
        if parent in by_key:
            return f"jira:{reference(by_key[parent])}"
        self.losses.lost("parent", where, f"{parent[:40]} is not in the file")
        return None

    def _note_lost(self, row: Row, where: str) -> None:
        for name in row.cells.keys() - TAKEN - SILENT:
            cells = [cell for cell in row.all(name) if cell not in ("0", "{}")]
            if name == "reporter" and cells == row.all("creator"):
                continue
            if cells:
                self.losses.lost(
                    f"column {name[:60]!r}", where, "has no place here: see it in the source", count=len(cells)
                )


def read(text: str, wanted: Wanted, zone: ZoneInfo, losses: Losses) -> SourceProject:
    """Reads a Jira CSV file. Raises Invalid with the line where it breaks."""
    source = Csv(text, wanted, zone, losses)
    items = _once([source.item(row) for row in source.rows], losses)
    first = source.rows[0]
    extra = (BEGINNING,) if source.beginning is BEGINNING else ()
    sprints = _names(source.rows, "sprint") if wanted.sprints == "iterations" else []
    versions = _names(source.rows, "fix versions", "fix version/s")
    iterations = [("sprint", name) for name in sprints]
    iterations += [("version", name) for name in versions if wanted.versions == "iterations"]
    key = first.first("project key") or first.first("issue key").rpartition("-")[0]
    return SourceProject(
        system=System.JIRA,
        key=key,
        name=one_line(first.first("project name"), key, losses, length=200, otherwise=key),
        iterations=tuple(
            SourceIteration(_ref(kind, name), one_line(name, name, losses, length=200)) for kind, name in iterations
        ),
        milestones=tuple(
            SourceMilestone(_ref("version", name), one_line(name, name, losses, length=200))
            for name in versions if wanted.versions == "milestones"
        ),
        statuses=(*source.statuses.values(), *extra),
        people=tuple(source.people.values()),
        held=source.held,
        items=tuple(items),
        losses=losses,
        counts={"rows": len(source.rows), "sprints": len(sprints), "versions": len(versions)},
        notes=source.notes,
    )  # fmt: skip


def _ref(kind: str, name: str) -> str:
    return f"jira-{kind}-name:{reference(' '.join(name.split()))}"


def _names(rows: Sequence[Row], *columns: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for row in rows for column in columns for name in row.all(column)))


def _one_project(rows: list[Row], wanted: Wanted, losses: Losses) -> list[Row]:
    keys = Counter(_project_of(row) for row in rows)
    if not rows:
        raise Invalid("The file has a header and no rows.", field="file")
    if wanted.source_project is None and len(keys) > 1:
        told = ", ".join(f"{key} ({count})" for key, count in keys.most_common(20))
        raise Invalid(
            f"The file holds issues of {len(keys)} projects: {told}. Say which one to take (source_project).",
            field="source_project",
        )
    key = wanted.source_project or next(iter(keys))
    if key not in keys:
        raise Invalid(
            f"The file holds no project {key}; it holds: {', '.join(sorted(keys)[:20])}.",
            field="source_project",
            value=key,
        )
    for row in rows:
        if _project_of(row) != key:
            losses.lost("issues", f"line {row.line}", "of another project than the one that was asked for")
    return [row for row in rows if _project_of(row) == key]


def _project_of(row: Row) -> str:
    return row.first("project key") or row.first("issue key").rpartition("-")[0]


def _statuses(rows: Sequence[Row], wanted: Wanted) -> dict[str, SourceStatus]:
    found: dict[str, SourceStatus] = {}
    for row in rows:
        name = row.first("status")
        if name not in found:
            shown = one_line(name, f"line {row.line}", Losses(), length=100, otherwise="No status")
            meant = meaning(shown, wanted, row.first("status category") or None)
            found[name] = SourceStatus(f"jira-status-name:{reference(name)}", meant.name, meant.category, meant.why)
    order = {Category.TODO: 0, Category.DOING: 1, Category.DONE: 2, Category.DROPPED: 3}
    return dict(sorted(found.items(), key=lambda pair: order[pair[1].category]))


def _once(items: list[SourceItem], losses: Losses) -> list[SourceItem]:
    found: dict[str, SourceItem] = {}
    for item in items:
        if item.external_ref in found:
            losses.changed(
                "issues", item.external_key, "the same issue several times in the file: the last row was taken"
            )
        found[item.external_ref] = item
    return list(found.values())
