"""What of a Jira issue has no place here: each is counted, so that nothing disappears in silence. Pure."""

from collections.abc import Mapping
from typing import Any

from portal.connectors.jira_project import Known
from portal.connectors.losses import Losses

TAKEN = frozenset(
    {"summary", "description", "issuetype", "status", "priority", "assignee", "labels", "fixVersions", "created",
     "updated", "project", "creator", "timeoriginalestimate", "closedSprints", "sprint", "epic", "parent",
     "flagged", "security"}
)  # fmt: skip
DERIVED = frozenset(
    {"progress", "aggregateprogress", "aggregatetimespent", "aggregatetimeoriginalestimate", "aggregatetimeestimate",
     "workratio", "lastViewed", "statusCategory", "statuscategorychangedate", "issuerestriction", "thumbnail",
     "resolution"}
)  # fmt: skip
"""What Jira computes from other fields, or what the status already says."""

COUNTED = {
    "comment": ("comments", "comments", "total"),
    "worklog": ("worklogs", "worklogs", "total"),
}
LISTS = {
    "attachment": ("attachments", "files are not fetched from the source"),
    "issuelinks": ("links", "links between items"),
    "components": ("components", "components"),
    "versions": ("affected versions", "the versions in which a fault was seen"),
}
SINGLE = {
    "environment": "environments",
    "duedate": "due dates",
    "timespent": "time spent",
    "timeestimate": "remaining estimates",
    "resolutiondate": "resolution dates",
    "votes": "votes",
    "watches": "watchers",
    "timetracking": "time tracking",
}
NOT_KEPT = "has no place here: see it in the source"


def note_lost(issue: Mapping[str, Any], known: Known, key: str, losses: Losses) -> None:
    """Counts what of this issue is left behind."""
    fields = issue["fields"]
    for name, (what, members, total) in COUNTED.items():
        if count := _count(fields.get(name), members, total):
            losses.lost(what, key, NOT_KEPT, count=count)
    for name, (what, detail) in LISTS.items():
        if isinstance(fields.get(name), list) and fields[name]:
            losses.lost(what, key, detail, count=len(fields[name]))
    _note_reporter(fields, known, key, losses)
    _note_single(fields, known, key, losses)
    _note_others(fields, known, key, losses)


def _count(value: Any, members: str, total: str) -> int:
    if not isinstance(value, dict):
        return 0
    listed = value.get(members)
    said = value.get(total)
    return max(len(listed) if isinstance(listed, list) else 0, said if isinstance(said, int) else 0)


def _note_reporter(fields: Mapping[str, Any], known: Known, key: str, losses: Losses) -> None:
    creator, reporter = known.person(fields.get("creator")), known.person(fields.get("reporter"))
    if creator and reporter and creator != reporter:
        losses.lost("reporters", key, "who created the item is kept; for whom is not")
    children = fields.get("subtasks")
    for child in children if isinstance(children, list) else ():
        if isinstance(child, dict) and str(child.get("id")) not in known.survey.ids:
            losses.lost("sub-tasks", key, "not in the file as issues of their own")


def _note_single(fields: Mapping[str, Any], known: Known, key: str, losses: Losses) -> None:
    for name, what in SINGLE.items():
        value = fields.get(name)
        if isinstance(value, dict):
            value = value.get("votes") or value.get("watchCount") or value.get("remainingEstimateSeconds")
        if name == "resolutiondate" and not known.has_history:
            continue
        if value:
            losses.lost(what, key, NOT_KEPT)
    if fields.get("resolution") and known.has_history:
        losses.lost("resolutions", key, "the status alone decides what is done")


def _note_others(fields: Mapping[str, Any], known: Known, key: str, losses: Losses) -> None:
    columns = known.columns
    taken = {*columns.points, columns.sprint, columns.rank, columns.flag, *columns.epic, "reporter", "subtasks"}
    for name in fields.keys() - taken - TAKEN - DERIVED - COUNTED.keys() - LISTS.keys() - SINGLE.keys():
        if fields[name] in (None, "", [], {}, "{}", False):
            continue
        if name.startswith("customfield_"):
            losses.lost(f"custom field {name}", key, NOT_KEPT)
        else:
            losses.not_understood(f"field {name[:60]}", key, "not known: left out")
