"""Importing a file into a project: all of it or nothing, and again without harm."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import ledger
from portal.access import Scope, StaffRole
from portal.backlog.models import Item
from portal.changes import held
from portal.connectors import planning, sources
from portal.connectors.apply import ITEM, ITEMS_AT_ONCE, Progress, Writer, chunks
from portal.connectors.mapping import Mapping
from portal.connectors.model import Field, SourceChange, SourceItem, SourceProject, System
from portal.connectors.models import Imported
from portal.connectors.report import Report, Tally
from portal.connectors.telling import Work, further_work, new_work
from portal.connectors.terms import LONG, Terms, news, remembered


def _silent(done: int, steps: int) -> None:
    """No progress is shown."""


async def run_import(
    db: AsyncSession,
    scope: Scope,
    system: System,
    path: Path,
    mapping: Mapping | None = None,
    progress: Progress = _silent,
    *,
    limit: int | None = None,
) -> Report:
    """Reads a file and writes what is new in it. The caller owns the transaction: when this raises, nothing is done.

    Raises NotAllowed, TooLarge, Conflict, or Invalid saying where the file breaks.
    """
    scope.require_staff(StaffRole.MANAGER)
    mapping = mapping or Mapping()
    project = sources.read_file(system, path, mapping, scope.zone, limit=limit)
    return await write(db, scope, project, mapping, progress)


async def preview(db: AsyncSession, scope: Scope, project: SourceProject, mapping: Mapping) -> Report:
    """What `write` would do, by doing it and taking it back: the transaction is left as it was."""
    savepoint = await db.begin_nested()
    try:
        return await write(db, scope, project, mapping)
    finally:
        await savepoint.rollback()
        db.expunge_all()


async def write(
    db: AsyncSession, scope: Scope, project: SourceProject, mapping: Mapping, progress: Progress = _silent
) -> Report:
    """Writes what is new of a source: what is known by its reference and unchanged costs no event.

    Raises Conflict, and then nothing is done, where it would hide or remove an item that an open offer would change:
    a row that the source restricts is never left open instead.
    """
    scope.require_staff(StaffRole.MANAGER)
    before = (await ledger.lock(db, scope.project_id)).version
    terms = Terms(mapping)
    tallies = {
        "people": await planning.write_people(db, scope, project, terms),
        "statuses": await planning.write_columns(db, scope, project, terms, mapping),
        "iterations": await planning.write_iterations(db, scope, project, terms),
        "milestones": await planning.write_milestones(db, scope, project, terms),
    }
    found = await _works(db, scope, project, terms)
    await Writer(db, scope, terms, progress).write(found.works)
    await db.flush()
    await held.check_items(db, scope, {work.number for work in found.works if not work.is_new})
    after = (await ledger.lock(db, scope.project_id)).version
    fresh = sum(work.is_new for work in found.works)
    changed = len(found.works) - fresh
    tallies = {"items": Tally(project.held, fresh, changed, len(project.items) - fresh - changed), **tallies}
    return Report(
        system=project.system.value,
        source=project.name,
        counts=project.counts,
        tallies=tallies,
        events=after - before,
        notes=(*project.notes, *_audience_note(project, mapping), *found.notes),
        guesses=sources.guesses(project, mapping),
        losses=project.losses.all(),
    )


class Seen(NamedTuple):
    """What is remembered of an item since the last import."""

    number: int
    state: dict[str, Any]
    changes: bytes


@dataclass(frozen=True, slots=True)
class _Found:
    works: list[Work]
    notes: tuple[str, ...]


async def _works(db: AsyncSession, scope: Scope, project: SourceProject, terms: Terms) -> _Found:
    """What is to be done for each item: nothing for those that are here and unchanged. New ones are numbered by age."""
    mine = (Imported.project_id == scope.project_id, Imported.kind == ITEM)
    columns = (Imported.external_ref, Imported.number, Imported.state, Imported.changes)
    known = {ref: Seen(*rest) for ref, *rest in await db.execute(select(*columns).where(*mine))}
    terms.numbers = {ref: seen.number for ref, seen in known.items()}
    first = await planning.next_number(db, scope, Item.number)
    fresh = sorted((i for i in project.items if i.external_ref not in known), key=lambda i: (i.created_at, i.position))
    terms.numbers |= {item.external_ref: number for number, item in enumerate(fresh, first)}
    works = [new_work(item, terms.numbers[item.external_ref]) for item in fresh]
    works += await _further(db, scope, [item for item in project.items if item.external_ref in known], known)
    missing = known.keys() - {item.external_ref for item in project.items}
    told = f"{len(missing)} items of earlier imports are not in this file: they stay as they are."
    return _Found(works, (told,) if missing else ())


async def _further(db: AsyncSession, scope: Scope, items: Sequence[SourceItem], known: dict[str, Seen]) -> list[Work]:
    """The items that are here and of which something is new. Of long texts only digests are remembered: what they
    replace is read from the items.
    """
    found = {
        item.external_ref: news(item, known[item.external_ref].state, known[item.external_ref].changes)
        for item in items
    }
    long = [known[ref].number for ref, one in found.items() if one.differing.keys() & {*LONG}]
    texts = await _texts(db, scope, long)
    works = []
    for item in items:
        seen, one = known[item.external_ref], found[item.external_ref]
        at = item.updated_at or item.created_at
        silent = [
            SourceChange(at, None, field, texts.get((seen.number, field), remembered(seen.state, field)), value)
            for field, value in one.differing.items()
        ]
        if changes := sorted([*one.changes, *silent], key=lambda change: change.at):
            works.append(further_work(item, seen.number, changes))
    return works


async def _texts(db: AsyncSession, scope: Scope, numbers: Sequence[int]) -> dict[tuple[int, Field], str]:
    texts: dict[tuple[int, Field], str] = {}
    for chunk in chunks(numbers, ITEMS_AT_ONCE):
        mine = (Item.project_id == scope.project_id, Item.number.in_(chunk))
        rows = await db.execute(select(Item.number, Item.description, Item.acceptance_criteria).where(*mine))
        for number, description, criteria in rows:
            texts |= {(number, Field.DESCRIPTION): description, (number, Field.CRITERIA): criteria}
    return texts


def _audience_note(project: SourceProject, mapping: Mapping) -> tuple[str, ...]:
    if mapping.audience == "internal":
        return ("audience: every item is internal, as the mapping file says.",)
    return ("audience: items that the source does not restrict are shown to the client; restricted ones are internal.",)
