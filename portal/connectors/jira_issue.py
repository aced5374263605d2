"""One Jira issue as an item with its history. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from portal.connectors import jira_sprints
from portal.connectors.inferred import sprint_changes, status_changes
from portal.connectors.jira_history import Entry, Raw, walk
from portal.connectors.jira_lost import note_lost
from portal.connectors.jira_project import Known
from portal.connectors.jira_shown import Shower, position
from portal.connectors.jira_survey import histories, named, objects
from portal.connectors.losses import Losses
from portal.connectors.model import Field, SourceChange, SourceItem, State, Value
from portal.connectors.moments import Zoned
from portal.connectors.reading import WRONG_SHAPE, one_line, web_address
from portal.errors import Invalid

Last = Mapping[str, Mapping[str, Any]]
"""By field: what its history says last."""


class IssueReader:
    """Reads the issues of one file, which it knows from the survey."""

    def __init__(self, known: Known, zoned: Zoned, losses: Losses) -> None:
        self.known = known
        self.zoned = zoned
        self.losses = losses

    def read(self, issue: Mapping[str, Any]) -> SourceItem:
        """The issue's life. Raises Invalid naming the issue, where a time or the shape of a field is wrong."""
        try:
            return self._read(issue)
        except WRONG_SHAPE as error:
            key = str(issue["key"])[:100]
            raise Invalid(f"{key} has a field of another shape than Jira writes ({error}).", field=key) from error

    def _read(self, issue: Mapping[str, Any]) -> SourceItem:
        key, fields = str(issue["key"]), issue["fields"]
        show = Shower(self.known, key, self.losses)
        created = self.zoned.iso(fields.get("created"), f"{key}, created")
        past = list(histories(issue))
        now = self._raw(fields, _last_said(past), key)
        if self.known.has_history:
            first, changes = walk(
                now, self._entries(issue, past, key), show, self.known.columns.points_names, key, self.losses
            )
            initial = dict(show(first, Field))
        else:
            initial, changes = self._inferred(now, dict(show(now, Field)), fields, created, key)
        note_lost(issue, self.known, key, self.losses)
        return self._item(issue, initial, changes, created, key)

    def _item(
        self,
        issue: Mapping[str, Any],
        initial: dict[Field, Value],
        changes: list[SourceChange],
        created: datetime,
        key: str,
    ) -> SourceItem:
        fields = issue["fields"]
        initial, changes, born = self._from_arrival(initial, changes, created, key)
        author = self.known.person(fields.get("creator")) or self.known.person(fields.get("reporter"))
        updated = fields.get("updated")
        return SourceItem(
            external_ref=f"jira:{issue['id']}",
            external_key=one_line(key, key, self.losses, length=100),
            external_url=_page(issue.get("self"), key),
            created_at=created,
            born_at=born,
            author=author,
            position=self._position(fields, key),
            initial=initial,
            changes=tuple(changes),
            parent=self._parent(fields, key),
            updated_at=self.zoned.iso(updated, f"{key}, updated") if updated else None,
        )

    def _entries(self, issue: Mapping[str, Any], past: Sequence[Mapping[str, Any]], key: str) -> list[Entry]:
        entries = []
        for place, entry in enumerate(past):
            at = self.zoned.iso(entry.get("created"), f"{key}, history entry {entry.get('id', place)}")
            entries.append(Entry(at, self.known.person(entry.get("author")), tuple(objects(entry.get("items")))))
        changelog = issue.get("changelog")
        total = changelog.get("total") if isinstance(changelog, dict) else None
        if isinstance(total, int) and total > len(entries):
            self.losses.lost(
                "history entries", key, "the file holds only a part of this history", count=total - len(entries)
            )
        return entries

    def _raw(self, fields: Mapping[str, Any], last: Last, key: str) -> Raw:
        columns = self.known.columns
        status = _object(fields.get("status"))
        points = [fields[name] for name in columns.points if fields.get(name) not in (None, "")]
        if len({str(one) for one in points}) > 1:
            self.losses.changed("points", key, "two fields of points disagree: the first was taken")
        return {
            "status": str(status.get("id") or status.get("name") or ""),
            "type": _pair(fields.get("issuetype")),
            "summary": fields.get("summary") or "",
            "description": fields.get("description") or "",
            "priority": _pair(fields.get("priority")),
            "assignee": fields.get("assignee"),
            "labels": tuple(map(str, _list(fields.get("labels")))),
            "versions": tuple(str(one["id"]) for one in named(fields.get("fixVersions"))),
            "sprints": self._sprints(fields, last, key),
            "points": points[0] if points else None,
            "seconds": fields.get("timeoriginalestimate"),
            "security": _security(fields, last),
            "flagged": self._flagged(fields, last),
            "project": self.known.key,
        }

    def _sprints(self, fields: Mapping[str, Any], last: Last, key: str) -> tuple[str, ...]:
        """The ids of an issue's sprints, the present one last: in the order that the history set them, else of time."""
        values = [*_list(fields.get(self.known.columns.sprint or "")), *_list(fields.get("closedSprints"))]
        parsed = [jira_sprints.parse(value) for value in [*values, fields.get("sprint")] if value]
        if None in parsed:
            self.losses.not_understood("sprint", key, "neither a sprint's object nor its text")
        ids = {str(sprint["id"]) for sprint in parsed if sprint}
        said = tuple(part.strip() for part in str(last.get("sprint", {}).get("to") or "").split(",") if part.strip())
        return said if set(said) == ids else self.known.sprints_in_order(ids)

    def _flagged(self, fields: Mapping[str, Any], last: Last) -> bool:
        flag = self.known.columns.flag
        if "flagged" in fields or flag in fields:
            return bool(fields.get("flagged") or fields.get(flag or ""))
        return bool(_text(last.get("flagged")))

    def _inferred(
        self, now: Raw, current: State, fields: Mapping[str, Any], created: datetime, key: str
    ) -> tuple[dict[Field, Value], list[SourceChange]]:
        dates = [
            self.zoned.iso(fields[n], f"{key}, {n}") if fields.get(n) else None for n in ("resolutiondate", "updated")
        ]
        status = self.known.statuses[now["status"]]
        initial, changes = status_changes(current, status, self.known.beginning, dates[0], dates[1], key, self.losses)
        initial = dict(initial)
        if self.known.takes_sprints and now["sprints"]:
            sprints = [self.known.iterations[ref] for ref in now["sprints"]]
            initial[Field.ITERATION], moves = sprint_changes(sprints, created, key, self.losses)
            changes += moves
        return initial, sorted(changes, key=lambda change: change.at)

    def _from_arrival(
        self, initial: dict[Field, Value], changes: list[SourceChange], created: datetime, key: str
    ) -> tuple[dict[Field, Value], list[SourceChange], datetime]:
        """What is before an issue's arrival from another project is folded into how it arrived: it may be private."""
        if not initial[Field.DELETED]:
            return initial, changes, created
        for place, change in enumerate(changes):
            if change.field is Field.DELETED and not change.new:
                told = "changes before the issue was moved here from another project are folded into how it arrived"
                self.losses.changed("history before the move", key, told)
                arrived = [one for one in changes[place + 1 :] if one.at > change.at]
                folded = [one for one in changes if one.at <= change.at]
                return {**initial, **{one.field: one.new for one in folded}}, arrived, change.at
        return initial, changes, created

    def _position(self, fields: Mapping[str, Any], key: str) -> int:
        rank = fields.get(self.known.columns.rank or "")
        return position(str(rank), key) if rank else position("", key)

    def _parent(self, fields: Mapping[str, Any], key: str) -> str | None:
        parent, epic = fields.get("parent"), fields.get("epic")
        linked = next((fields[name] for name in self.known.columns.epic if fields.get(name)), None)
        for one in (parent, epic):
            if isinstance(one, dict) and one.get("id") is not None:
                return self.known.parent(str(one["id"]), str(one.get("key") or one["id"]), key)
        if isinstance(linked, str):
            return self.known.parent(self.known.survey.key_ids.get(linked, linked), linked, key)
        return None


def _last_said(past: Sequence[Mapping[str, Any]]) -> Last:
    """The last change of each field, by its name in small letters."""
    return {str(item.get("field")).casefold(): item for entry in past for item in objects(entry.get("items"))}


def _security(fields: Mapping[str, Any], last: Last) -> Any:
    """The restriction of an issue, or None. A file without that field does not open what its history closed."""
    if "security" not in fields:
        return _text(last.get("security")) or _text(last.get("security level"))
    level = fields["security"]
    return (level.get("name") if isinstance(level, dict) else level) or (None if level is None else "?")


def _text(item: Mapping[str, Any] | None) -> Any:
    return (item.get("toString") or item.get("to")) if item else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _pair(value: Any) -> tuple[Any, Any]:
    return (value.get("id"), value.get("name")) if isinstance(value, dict) else (None, None)


def _page(own: Any, key: str) -> str | None:
    """The address where people see the issue, from the address of its data."""
    address = web_address(own)
    root = address.partition("/rest/")[0] if address and "/rest/" in address else None
    return web_address(f"{root}/browse/{key}") if root else None
