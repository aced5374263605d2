"""Writes tests/data/duracloud/facts.json: the bare facts of one release and one sprint, from the public data set.

    python scripts/duracloud_facts.py EXPORT.json tests/data/duracloud/facts.json

EXPORT.json holds the answers of Jira's `GET /rest/api/2/issue/KEY?expand=changelog` as a list under "issues". Taken are
keys, times, points, status names, and the ids of fix versions and sprints; no prose and no person. An issue's state at
its creation is today's, walked backwards through its history by id: versions were renamed, and the history keeps the
old names.
"""

import json
import sys
from typing import Any

RELEASE, SPRINT = "10411", "3"
POINTS, SPRINTS = "customfield_10023", "customfield_10290"
FIELDS = {"status": "status", "Story Points": "points", "Fix Version": "versions", "Sprint": "sprints"}

Json = dict[str, Any]


def main(source: str, target: str) -> None:
    """Reads the export and writes the facts, one issue a line."""
    with open(source, encoding="utf-8") as file:
        issues = [facts_of(issue) for issue in json.load(file)["issues"]]
    lines = [json.dumps(issue, separators=(",", ":")) for issue in issues if concerns(issue)]
    with open(target, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


def facts_of(issue: Json) -> Json:
    """An issue's key, creation, first state, and what each change made of a field."""
    state = present_state(issue["fields"])
    changes: list[list[Any]] = []
    for history in sorted(issue["changelog"]["histories"], key=lambda one: one["created"], reverse=True):
        for item in reversed(history["items"]):
            if field := FIELDS.get(item["field"]):
                changes.append([history["created"], field, state[field]])
                state[field] = before(field, state[field], item)
    created = issue["fields"]["created"]
    return {"key": issue["key"], "created": created, "initial": state, "changes": changes[::-1]}


def present_state(fields: Json) -> Json:
    """What the issue says now."""
    sprints = fields[SPRINTS] or []
    return {
        "status": fields["status"]["name"],
        "points": None if fields[POINTS] is None else str(fields[POINTS]),
        "versions": sorted(version["id"] for version in fields["fixVersions"]),
        "sprints": sorted(text.rsplit("id=", 1)[1].rstrip("]") for text in sprints),
    }


def before(field: str, now: Any, item: Json) -> Any:
    """What a field held before a change; a version's change adds one, takes one away, or is half of both."""
    match field:
        case "versions":
            return sorted({*now, item["from"]} - {item["to"], None})
        case "sprints":
            return [one.strip() for one in (item["from"] or "").split(",") if one.strip()]
        case _:
            return item["fromString"] or None


def concerns(issue: Json) -> bool:
    """Whether the issue was ever in the release or in the sprint."""
    states = [*issue["initial"].values(), *(value for _, _, value in issue["changes"])]
    versions = any(isinstance(one, list) and RELEASE in one for one in states)
    return (
        versions
        or SPRINT in issue["initial"]["sprints"]
        or any(field == "sprints" and SPRINT in value for _, field, value in issue["changes"])
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
