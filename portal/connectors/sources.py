"""From a file to a neutral history: which reader it takes, and what holds for all. Pure but for reading the file."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from portal.connectors import jira_csv, jira_json, own_csv, trello
from portal.connectors.losses import Losses
from portal.connectors.mapping import Guess, Mapping, item_type, unused
from portal.connectors.model import Field, SourceItem, SourceProject, System
from portal.connectors.reading import WRONG_SHAPE, decode, read_bytes
from portal.errors import Invalid

Reader = Callable[[str, Mapping, ZoneInfo, Losses], SourceProject]


def read_file(
    system: System, path: Path, mapping: Mapping, zone: ZoneInfo, *, limit: int | None = None
) -> SourceProject:
    """Reads a file. `zone` is the project's, for times that carry none where the mapping file names no other.

    Raises TooLarge, or Invalid saying where the file breaks.
    """
    return read_data(system, read_bytes(path) if limit is None else read_bytes(path, limit=limit), mapping, zone)


def read_data(system: System, data: bytes, mapping: Mapping, zone: ZoneInfo) -> SourceProject:
    """Reads a file's content: JSON or CSV is told from its first sign. Raises as `read_file`."""
    losses = Losses()
    text = decode(data, losses)
    del data
    zone = ZoneInfo(mapping.time_zone) if mapping.time_zone else zone
    try:
        project = _reader(system, text)(text, mapping, zone, losses)
    except WRONG_SHAPE as error:
        told = f"The file has a part of another shape than {system.value} writes ({type(error).__name__}: {error})."
        raise Invalid(told[:300], field="file") from error
    _note_unused(project, mapping)
    return replace(project, items=without_cycles(project.items, losses))


def _reader(system: System, text: str) -> Reader:
    is_json = text.lstrip()[:1] in ("{", "[")
    match system:
        case System.JIRA:
            return jira_json.read if is_json else jira_csv.read
        case System.TRELLO:
            return trello.read
        case System.CSV:
            if is_json:
                raise Invalid("This is JSON; our own format is CSV. For Jira's or Trello's JSON say so.", field="file")
            return own_csv.read


def _note_unused(project: SourceProject, mapping: Mapping) -> None:
    types = {str(value) for item in project.items for value in (item.initial[Field.TYPE], *_types_of(item))}
    statuses = [name for one in project.statuses for name in (one.name, one.ref.partition(":")[2])]
    lists: list[str] = [*mapping.lists] if project.system is System.TRELLO else []
    for word in unused(mapping, statuses, types, lists):
        renamed = mapping.status_rule(word)
        if not (renamed and renamed.name in statuses):
            project.losses.not_understood("mapping", word, "the mapping file names what the source does not have")


def _types_of(item: SourceItem) -> list[object]:
    return [change.new for change in item.changes if change.field is Field.TYPE]


def without_cycles(items: tuple[SourceItem, ...], losses: Losses) -> tuple[SourceItem, ...]:
    """The items, with the parent left out of one of each circle of parents."""
    parents = {item.external_ref: item.parent for item in items}
    cut: set[str] = set()
    settled: set[str] = set()
    for start in parents:
        path: dict[str, None] = {}
        at: str | None = start
        while at is not None and at not in settled and at in parents:
            if at in path:
                cut.add(at)
                parents[at] = None
                break
            path[at] = None
            at = parents[at]
        settled |= path.keys()
    for item in items:
        if item.external_ref in cut:
            losses.changed("parent", item.external_key, "the parents go round in a circle: this one was left out")
    return tuple(replace(item, parent=None) if item.external_ref in cut else item for item in items)


def guesses(project: SourceProject, mapping: Mapping) -> list[Guess]:
    """How each status and type of the source was understood, and why: what a dry run prints first."""
    found = [Guess("status", one.name, one.category.value, one.why) for one in project.statuses]
    types = dict.fromkeys(
        str(value) for item in project.items for value in (item.initial[Field.TYPE], *_types_of(item)) if value
    )
    for name in types:
        kind, why = item_type(name, mapping)
        found.append(Guess("type", name, kind.value, why))
    return found
