"""Sprints as Jira writes them: objects, or the text of a Java object. Pure."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from portal.connectors.losses import Losses
from portal.connectors.model import SourceIteration
from portal.connectors.moments import Zoned
from portal.connectors.reading import clean, one_line, reference

_JAVA = re.compile(r"^com\.atlassian\.[\w.]*Sprint@[0-9a-f]+\[(.*)\]$", re.DOTALL)
_KEYS = ("id", "rapidViewId", "state", "name", "goal", "startDate", "endDate", "completeDate", "activatedDate",
         "sequence", "autoStartStop", "synced", "incompleteIssuesDestinationId")  # fmt: skip
_KEY = re.compile(rf"(?:^|,)({'|'.join(_KEYS)})=")
_LAST = datetime.max.replace(tzinfo=UTC)


def looks_like_sprints(value: Any) -> bool:
    """Whether a custom field's value is a list of sprints."""
    first = value[0] if isinstance(value, list) and value else None
    if isinstance(first, str):
        return bool(_JAVA.match(first))
    return isinstance(first, dict) and {"id", "name", "state"} <= first.keys()


def parse(value: Any) -> dict[str, Any] | None:
    """A sprint as a mapping of its fields; None for what is none."""
    if isinstance(value, dict):
        return value if value.get("id") is not None else None
    found = _JAVA.match(value) if isinstance(value, str) else None
    if not found:
        return None
    pieces = _KEY.split(found[1])
    fields = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    return {key: None if text in ("<null>", "") else text for key, text in fields.items()}


def iteration(sprint: Mapping[str, Any], zoned: Zoned, losses: Losses) -> SourceIteration:
    """A parsed sprint. Its planned end stays its end, even when it was completed days later."""
    where = f"sprint {sprint['id']}"
    starts, ends, completed = (
        zoned.iso(sprint[name], f"{where}, {name}") if sprint.get(name) else None
        for name in ("startDate", "endDate", "completeDate")
    )
    if starts and ends and ends < starts:
        losses.changed("sprint", where, "ends before it starts: its end was left out")
        ends = None
    closed = completed if str(sprint.get("state", "")).casefold() == "closed" else None
    if str(sprint.get("state", "")).casefold() == "closed" and not completed:
        closed = ends
    return SourceIteration(
        ref=f"jira-sprint:{reference(sprint['id'])}",
        name=one_line(str(sprint.get("name") or ""), where, losses, length=200, otherwise=f"Sprint {sprint['id']}"),
        goal=clean(str(sprint.get("goal") or ""), where, losses)[:4000],
        starts_at=starts,
        ends_at=ends,
        closed_at=closed,
    )


def in_order(sprints: Iterable[SourceIteration]) -> list[SourceIteration]:
    """Sprints in order of time: the closed before the others, by their beginning, those without dates last."""
    return sorted(sprints, key=lambda one: (one.closed_at is None, one.starts_at or _LAST, one.ref))
