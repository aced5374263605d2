"""A first look over a Jira file: which projects, statuses, versions, sprints and fields there are. Pure."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from portal.connectors import jira_sprints
from portal.connectors.mapping import Mapping as Wanted
from portal.errors import Invalid

POINTS_NAMES = ("story points", "story point estimate", "storypoints", "points")
POINTS_TYPES = ("com.pyxis.greenhopper.jira:jsw-story-points",)
SPRINT_TYPES = ("com.pyxis.greenhopper.jira:gh-sprint",)
EPIC_TYPES = ("com.pyxis.greenhopper.jira:gh-epic-link",)
_RANK = re.compile(r"\d\|[0-9a-z]+:[0-9a-z]*")
_ID = re.compile(r"[\w.-]{1,60}", re.ASCII)
_NEVER = datetime.min.replace(tzinfo=UTC)
_SHARE_THAT_MUST_AGREE = Decimal("0.8")


@dataclass(slots=True)
class Survey:
    """What a Jira file holds, over all its issues."""

    issues: int = 0
    projects: Counter[str] = field(default_factory=Counter)
    project_names: dict[str, str] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    key_ids: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """By id: the name and category that an issue shows now."""
    old_names: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """By (field, id): the latest name in the history, and when."""
    types: dict[str, str] = field(default_factory=dict)
    priorities: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    sprints: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    history_entries: int = 0
    history_items: int = 0
    with_history: int = 0
    sprint_votes: Counter[str] = field(default_factory=Counter)
    rank_votes: Counter[str] = field(default_factory=Counter)
    points_votes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By (name in the history, custom field): issues whose value is what the history last set."""
    points_asked: Counter[str] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)

    def look(self, issue: Any, where: str) -> None:
        """Takes in one issue. Raises Invalid when it has no id, key or fields."""
        fields = issue.get("fields") if isinstance(issue, dict) else None
        if (
            not isinstance(fields, dict)
            or not _ID.fullmatch(str(issue.get("id")))
            or not isinstance(issue.get("key"), str)
        ):
            raise Invalid(f"{where} is no Jira issue: it needs id, key and fields.", field=where)
        self.issues += 1
        self.ids.add(str(issue["id"]))
        self.key_ids[issue["key"]] = str(issue["id"])
        project = fields.get("project") if isinstance(fields.get("project"), dict) else {}
        key = str((project or {}).get("key") or issue["key"].rpartition("-")[0])
        self.projects[key] += 1
        self.project_names.setdefault(key, str((project or {}).get("name") or key))
        self._look_at_fields(fields)
        self._look_at_history(issue, fields)

    def _look_at_fields(self, fields: Mapping[str, Any]) -> None:
        status = fields.get("status")
        if isinstance(status, dict) and status.get("id"):
            category = status.get("statusCategory")
            key = category.get("key") if isinstance(category, dict) else None
            self.statuses[str(status["id"])] = (str(status.get("name") or status["id"]), key)
        for name, known in (("issuetype", self.types), ("priority", self.priorities)):
            value = fields.get(name)
            if isinstance(value, dict) and value.get("id"):
                known[str(value["id"])] = str(value.get("name") or "")
        for version in named(fields.get("fixVersions")):
            self.versions[str(version["id"])] = version
        for sprint in [*named(fields.get("closedSprints")), *named([fields.get("sprint")])]:
            self.sprints[str(sprint["id"])] = sprint
        for name, value in fields.items():
            if name.startswith("customfield_") and value not in (None, "", [], {}):
                self._look_at_custom(name, value)

    def _look_at_custom(self, name: str, value: Any) -> None:
        self.filled[name] += 1
        if isinstance(value, str) and _RANK.fullmatch(value):
            self.rank_votes[name] += 1
        elif jira_sprints.looks_like_sprints(value):
            self.sprint_votes[name] += 1
            for one in value:
                if sprint := jira_sprints.parse(one):
                    self.sprints[str(sprint["id"])] = sprint

    def _look_at_history(self, issue: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
        last_points: dict[str, str] = {}
        if isinstance(issue.get("changelog"), dict):
            self.with_history += 1
        for entry in histories(issue):
            self.history_entries += 1
            for item in objects(entry.get("items")):
                self.history_items += 1
                self._look_at_names(item, str(entry.get("created") or ""))
                if str(item.get("field", "")).casefold() in POINTS_NAMES:
                    last_points[str(item["field"])] = str(item.get("toString") or "")
        for name, value in last_points.items():
            self._vote(name, value, fields)

    def _look_at_names(self, item: Mapping[str, Any], at: str) -> None:
        name = str(item.get("field") or "")
        if name in ("status", "Fix Version", "issuetype", "priority", "Sprint"):
            for ref, text in ((item.get("from"), item.get("fromString")), (item.get("to"), item.get("toString"))):
                if ref and text and self.old_names.get((name, str(ref)), ("", ""))[1] <= at:
                    self.old_names[name, str(ref)] = (str(text), at)

    def _vote(self, name: str, value: str, fields: Mapping[str, Any]) -> None:
        number = _number(value)
        if number is None:
            return
        self.points_asked[name] += 1
        for field_id, now in fields.items():
            if field_id.startswith("customfield_") and not isinstance(now, bool) and _number(now) == number:
                self.points_votes[name, field_id] += 1


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; nothing for what is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def named(value: Any) -> list[dict[str, Any]]:
    """The objects of a list that have an id."""
    return [one for one in objects(value) if one.get("id") is not None]


def histories(issue: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The entries of an issue's changelog, the oldest first: by time, then by their number."""
    changelog = issue.get("changelog")
    entries = objects(changelog.get("histories") or changelog.get("values")) if isinstance(changelog, dict) else []
    yield from sorted(entries, key=_age)


def _age(entry: Mapping[str, Any]) -> tuple[datetime, int, str]:
    """The order of history entries. A server writes its own summer time, so texts cannot be compared."""
    number = str(entry.get("id") or "")
    try:
        moment = datetime.fromisoformat(str(entry.get("created")))
    except ValueError:
        moment = _NEVER  # refused with its place when the issue itself is read
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC), len(number), number


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value)) if isinstance(value, str | int | Decimal) else None
    except InvalidOperation:
        return None


@dataclass(frozen=True, slots=True)
class Columns:
    """Which fields of the file hold what, and why."""

    points: tuple[str, ...]
    points_names: frozenset[str]
    """The points' names in the history, folded."""
    sprint: str | None
    rank: str | None
    epic: tuple[str, ...]
    flag: str | None
    notes: tuple[str, ...]


def columns(survey: Survey, names: Mapping[str, str], schema: Mapping[str, Any], wanted: Wanted) -> Columns:
    """Finds the fields for points, sprint and rank: by the mapping file, by type or name, or by value."""
    by_name = {str(name).casefold(): field_id for field_id, name in names.items()}
    custom = {field_id: one.get("custom") for field_id, one in schema.items() if isinstance(one, dict)}
    points, why = _points(survey, by_name, custom, wanted.fields.points)
    sprint = _by_file(wanted.fields.sprint, ("sprint",), SPRINT_TYPES, by_name, custom) or _winner(survey.sprint_votes)
    rank = _by_file(wanted.fields.rank, ("rank",), (), by_name, custom) or _winner(survey.rank_votes)
    epic = tuple(i for i, kind in custom.items() if kind in EPIC_TYPES) or tuple(
        filter(None, [by_name.get("epic link")])
    )
    said = [str(names.get(one, "")).casefold() for one in points] + [(wanted.fields.points or "").casefold()]
    notes = (f"points: {', '.join(points) or 'no field'} ({why})", f"sprint: {sprint or 'no custom field'}")
    return Columns(points, frozenset({*POINTS_NAMES, *said} - {""}), sprint, rank, epic, by_name.get("flagged"), notes)


def _points(
    survey: Survey, by_name: Mapping[str, str], custom: Mapping[str, Any], wanted: str | None
) -> tuple[tuple[str, ...], str]:
    if wanted:
        return (by_name.get(wanted.casefold(), wanted),), "the mapping file says so"
    named = [by_name[name] for name in POINTS_NAMES if name in by_name]
    typed = [field_id for field_id, kind in custom.items() if kind in POINTS_TYPES]
    if found := sorted({*named, *typed}, key=lambda one: (-survey.filled[one], one)):
        return tuple(found), "by its name in the file"
    for (name, field_id), votes in survey.points_votes.most_common():
        if votes >= survey.points_asked[name] * _SHARE_THAT_MUST_AGREE:
            return (field_id,), f"its values are what the history of {name!r} last set, in {votes} issues"
    return (), "neither name, type nor history tells one; say fields.points in a mapping file"


def _by_file(
    wanted: str | None,
    usual: tuple[str, ...],
    types: tuple[str, ...],
    by_name: Mapping[str, str],
    custom: Mapping[str, Any],
) -> str | None:
    if wanted:
        return by_name.get(wanted.casefold(), wanted)
    typed = next((field_id for field_id, kind in custom.items() if kind in types), None)
    return typed or next((by_name[name] for name in usual if name in by_name), None)


def _winner(votes: Counter[str]) -> str | None:
    return min(votes, key=lambda one: (-votes[one], one)) if votes else None
