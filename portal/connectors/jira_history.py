"""An issue's past, walked backwards: today's value, undone entry by entry, by ids and never by names. Pure."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from portal.connectors.losses import Losses
from portal.connectors.model import Field, SourceChange, State

Raw = dict[str, Any]
"""An issue in Jira's own terms: `status` (id), `versions` and `sprints` (ids), `points`, `project` (key), …"""

FIELDS_OF: Mapping[str, tuple[Field, ...]] = {
    "status": (Field.STATUS,),
    "type": (Field.TYPE,),
    "summary": (Field.TITLE,),
    "description": (Field.DESCRIPTION,),
    "priority": (Field.PRIORITY,),
    "assignee": (Field.ASSIGNEE,),
    "labels": (Field.LABELS,),
    "versions": (Field.MILESTONE, Field.ITERATION),
    "sprints": (Field.ITERATION,),
    "points": (Field.POINTS,),
    "seconds": (Field.HOURS,),
    "security": (Field.RESTRICTED,),
    "flagged": (Field.BLOCKED,),
    "project": (Field.DELETED,),
}
"""What each of Jira's terms shows as."""

HISTORY_THAT_IS_NOISE = {
    "workflow": "which workflow an issue follows",
    "rank": "older orders of the backlog",
    "link": "links between issues",
    "remoteissuelink": "links to other sites",
    "resolution": "resolutions: the status alone decides what is done",
    "key": "older keys",
    "comment": "edited and removed comments",
    "attachment": "attachments",
}


class Entry(NamedTuple):
    """One entry of an issue's history: all that somebody changed at once."""

    at: datetime
    author: str | None
    items: tuple[Mapping[str, Any], ...]


def walk(
    now: Raw, entries: Iterable[Entry], show: Callable[[Raw, Iterable[Field]], State], points_names: frozenset[str],
    where: str, losses: Losses,
) -> tuple[Raw, list[SourceChange]]:  # fmt: skip
    """How the issue was at first, and its changes in order of time. `show` turns Jira's terms into ours.

    All items of one entry are undone together, so an issue that changes its version is never without one in between.
    """
    changes: list[SourceChange] = []
    raw = dict(now)
    for entry in reversed(list(entries)):
        before = dict(raw)
        touched = [term for item in reversed(entry.items) if (term := _undo(before, item, points_names, where, losses))]
        fields = {field: None for term in touched for field in FIELDS_OF[term]}
        old, new = show(before, fields), show(raw, fields)
        changes += [
            SourceChange(entry.at, entry.author, field, old[field], new[field])
            for field in fields
            if old[field] != new[field]
        ]
        raw = before
    changes.reverse()
    return raw, changes


def _undo(raw: Raw, item: Mapping[str, Any], points_names: frozenset[str], where: str, losses: Losses) -> str | None:
    """Takes one change back and returns which term it touched; None for what is not kept, which is counted."""
    name = str(item.get("field") or "").casefold()
    old_id, old_text = item.get("from"), item.get("fromString")
    if name in points_names:
        raw["points"] = old_text
        return "points"
    if name in ("fix version", "fixversions", "fix versions"):
        raw["versions"] = _undone_set(raw["versions"], old_id, item.get("to"))
        return "versions"
    if name == "key":
        losses.lost(f"history of {name}", where, HISTORY_THAT_IS_NOISE[name])
        raw["project"] = str(old_text or "").rpartition("-")[0]
        return "project"
    if simple := _SIMPLE.get(name):
        term, value = simple
        raw[term] = value(old_id, old_text)
        return term
    if name != "project":
        losses.lost(f"history of {name}"[:80], where, HISTORY_THAT_IS_NOISE.get(name, "only its present value counts"))
    return None


def _undone_set(ids: tuple[str, ...], removed: Any, added: Any) -> tuple[str, ...]:
    kept = tuple(one for one in ids if not added or one != str(added))
    return (*kept, str(removed)) if removed and str(removed) not in kept else kept


def _ids(text: Any) -> tuple[str, ...]:
    return tuple(part.strip() for part in str(text or "").split(",") if part.strip())


_SIMPLE: Mapping[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "status": ("status", lambda ref, text: str(ref or text)),
    "summary": ("summary", lambda ref, text: text or ""),
    "description": ("description", lambda ref, text: text or ""),
    "issuetype": ("type", lambda ref, text: (ref, text)),
    "priority": ("priority", lambda ref, text: (ref, text)),
    "assignee": ("assignee", lambda ref, text: (ref, text) if ref else None),
    "labels": ("labels", lambda ref, text: tuple(str(text or "").split())),
    "sprint": ("sprints", lambda ref, text: _ids(ref)),
    "timeoriginalestimate": ("seconds", lambda ref, text: ref),
    "security": ("security", lambda ref, text: text or ref),
    "security level": ("security", lambda ref, text: text or ref),
    "flagged": ("flagged", lambda ref, text: bool(text)),
}
"""History fields that simply had another value before: the term, and that value from the old id and text."""
