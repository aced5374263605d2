"""Jira's REST JSON: one or several pages of `search`, v2, v3 or Agile, with the changelog if there is one. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from portal.connectors.jira_issue import IssueReader
from portal.connectors.jira_project import Known, milestones_as_iterations
from portal.connectors.jira_survey import Columns, Survey, columns
from portal.connectors.json_reading import JsonText
from portal.connectors.losses import Losses
from portal.connectors.mapping import Mapping as Wanted
from portal.connectors.model import SourceItem, SourceProject, System
from portal.connectors.moments import Zoned
from portal.connectors.reading import one_line
from portal.errors import Invalid


def read(text: str, wanted: Wanted, zone: ZoneInfo, losses: Losses) -> SourceProject:
    """Reads a Jira JSON file. Raises Invalid saying where it breaks, or which projects it holds when there are several.

    The file is gone through twice, so that no issue needs to stay in memory as it was.
    """
    survey, found = _survey(text, wanted, losses)
    key = _project_key(survey, wanted)
    zoned = Zoned(zone, losses)
    known = Known(survey, found, key, wanted, zoned, losses)
    items = _items(text, known, IssueReader(known, zoned, losses), losses)
    versions_are_iterations = wanted.versions == "iterations"
    iterations = milestones_as_iterations(known) if versions_are_iterations else known.iterations
    return SourceProject(
        system=System.JIRA,
        key=key,
        name=one_line(survey.project_names[key], key, losses, length=200, otherwise=key),
        iterations=tuple(iterations.values()) if versions_are_iterations or known.takes_sprints else (),
        milestones=tuple(known.milestones.values()) if wanted.versions == "milestones" else (),
        statuses=known.all_statuses(),
        people=tuple(known.people.values()),
        held=survey.issues,
        items=tuple(items),
        losses=losses,
        counts={
            "issues": survey.issues,
            "history entries": survey.history_entries,
            "history items": survey.history_items,
            "sprints": len(survey.sprints),
            "versions": len(known.milestones),
        },
        notes=(*found.notes, *_history_note(survey)),
    )


def _survey(text: str, wanted: Wanted, losses: Losses) -> tuple[Survey, Columns]:
    survey, head = Survey(), dict[str, Any]()
    for place, (name, value) in enumerate(_issues_and_head(text, losses)):
        if name == "issues":
            survey.look(value, f"issue {place + 1} of the file")
        elif name in ("names", "schema") and isinstance(value, dict):
            head[name] = {**head.get(name, {}), **value}
    if not survey.issues:
        raise Invalid(
            'The file holds no Jira issues: it should be the answer of a search, {"issues": [...]}.', field="file"
        )
    return survey, columns(survey, head.get("names", {}), head.get("schema", {}), wanted)


def _issues_and_head(text: str, losses: Losses, *, again: bool = False) -> Iterator[tuple[str, Any]]:
    """The issues of a page, a list of pages or a plain list, as ("issues", issue); then the pages' other members."""
    for name, value in JsonText(text, losses, again=again).members("issues"):
        if name:
            yield name, value
        elif isinstance(value, dict) and isinstance(value.get("issues"), list):
            yield from (("issues", issue) for issue in value["issues"] if isinstance(issue, dict))
            yield from ((key, part) for key, part in value.items() if key != "issues")
        else:
            yield "issues", value


def _project_key(survey: Survey, wanted: Wanted) -> str:
    if wanted.source_project:
        if wanted.source_project not in survey.projects:
            raise Invalid(
                f"The file holds no project {wanted.source_project}; it holds: {_some(survey.projects)}.",
                field="source_project", value=wanted.source_project,
            )  # fmt: skip
        return wanted.source_project
    if len(survey.projects) > 1:
        told = ", ".join(f"{key} ({count})" for key, count in survey.projects.most_common(20))
        raise Invalid(
            f"The file holds issues of {len(survey.projects)} projects: {told}. Name one as source_project.",
            field="source_project",
        )
    return next(iter(survey.projects))


def _some(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)[:20])


def _items(text: str, known: Known, reader: IssueReader, losses: Losses) -> list[SourceItem]:
    items: dict[str, SourceItem] = {}
    total = taken = 0
    for name, value in _issues_and_head(text, losses, again=True):
        if name == "total" and isinstance(value, int):
            total = max(total, value)
        if name == "isLast" and value is False:
            losses.lost("issues", "isLast", "the file is one page of several: further issues are not in it")
        if name != "issues":
            continue
        taken += 1
        if _project_of(value) != known.key:
            losses.lost("issues", str(value["key"]), "of another project than the one that was asked for")
            continue
        item = reader.read(value)
        if item.external_ref in items:
            losses.changed(
                "issues", item.external_key, "the same issue several times in the file: the latest was taken"
            )
        items[item.external_ref] = _later(items.get(item.external_ref), item)
    if total > taken:
        losses.lost("issues", "total", f"the search found {total:,}, the file holds {taken:,}", count=total - taken)
    return list(items.values())


def _later(one: SourceItem | None, other: SourceItem) -> SourceItem:
    if one is None or one.updated_at is None or other.updated_at is None:
        return other
    return other if other.updated_at >= one.updated_at else one


def _project_of(issue: Mapping[str, Any]) -> str:
    project = issue["fields"].get("project")
    return str((project.get("key") if isinstance(project, dict) else None) or issue["key"].rpartition("-")[0])


def _history_note(survey: Survey) -> tuple[str, ...]:
    if not survey.with_history:
        return ("history: none in the file (export with expand=changelog to have it); inferred from dates",)
    missing = survey.issues - survey.with_history
    return (f"history: {survey.history_entries:,} entries",) + (
        (f"{missing} issues without changelog",) if missing else ()
    )
