"""The plan of a source here: its columns, iterations, milestones and people, each made once and known again."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock, ledger
from portal.access import Scope
from portal.backlog.models import Category, Contributor, Status
from portal.connectors.mapping import Mapping
from portal.connectors.model import Field, SourceIteration, SourceMilestone, SourceProject, SourceStatus
from portal.connectors.models import Imported
from portal.connectors.report import Tally
from portal.connectors.terms import Column, Planned, Terms
from portal.diff import plain
from portal.errors import Conflict
from portal.ledger.models import Audience
from portal.projects import commands as plan
from portal.projects.models import Iteration, Milestone

POSITION = {Category.TODO: 0, Category.DOING: 1, Category.DONE: 2, Category.DROPPED: 3}
REASON = "Changed in the system that this project is imported from."


async def write_people(db: AsyncSession, scope: Scope, project: SourceProject, terms: Terms) -> Tally:
    """Makes a contributor for everybody whom the source names, once."""
    rows = await db.execute(
        select(Contributor.external_ref, Contributor.id).where(Contributor.project_id == scope.project_id)
    )
    known: dict[str | None, UUID] = dict(rows.all())
    fresh = [(one, uuid4()) for one in project.people if one.ref not in known]
    if fresh:
        rows_of = [
            {"id": row_id, "project_id": scope.project_id, "name": one.name, "external_ref": one.ref, "person_id": None}
            for one, row_id in fresh
        ]
        await db.execute(insert(Contributor), rows_of)
    terms.people = {ref: one for ref, one in known.items() if ref}
    terms.people |= {one.ref: row_id for one, row_id in fresh}
    return Tally(len(project.people), len(fresh), 0, len(project.people) - len(fresh))


async def write_columns(
    db: AsyncSession, scope: Scope, project: SourceProject, terms: Terms, mapping: Mapping
) -> Tally:
    """Finds or makes the board columns of the source's statuses.

    A status that only the past knows gets no column, unless work is in progress there: the next item will come by.
    Raises Conflict when a mapping file gives a column that is here another meaning: its items' past depends on it.
    """
    rows = (await db.scalars(select(Status).where(Status.project_id == scope.project_id))).all()
    here = {row.name.casefold(): Column(row.id, row.name, row.category) for row in rows}
    used = {item.current()[Field.STATUS] for item in project.items}
    fresh: list[Column] = []
    for status in sorted(project.statuses, key=lambda one: POSITION[one.category]):
        column = _here(here, status, mapping)
        if column is None or column.id is None:
            wanted = status.ref in used or status.category is Category.DOING
            column = Column(uuid4() if wanted else None, _name(here, status), status.category)
            fresh += [column] if wanted else []
        terms.columns[status.ref] = column
        here[column.name.casefold()] = column
    await _add_columns(db, scope, fresh, last=max((row.position for row in rows), default=0))
    return Tally(len(project.statuses), len(fresh), 0, len(project.statuses) - len(fresh))


def _here(here: dict[str, Column], status: SourceStatus, mapping: Mapping) -> Column | None:
    column = here.get(status.name.casefold())
    if column is None or column.category is status.category:
        return column
    rule = mapping.status_rule(status.name)
    if rule and rule.category != column.category.value:
        raise Conflict(
            f"The status {column.name!r} is {column.category.value} here, and cannot become {rule.category}: "
            "give it another name in the mapping file.",
            field=f"mapping.statuses.{status.name}",
            value=rule.category,
        )
    return column if column.id is not None else None


def _name(here: dict[str, Column], status: SourceStatus) -> str:
    """The status's name; with its meaning behind it where a column of that name means something else."""
    taken = here.get(status.name.casefold())
    if taken is None or taken.category is status.category:
        return status.name
    return f"{status.name} ({status.category.value})"


async def _add_columns(db: AsyncSession, scope: Scope, columns: Sequence[Column], *, last: int) -> None:
    events = []
    for position, column in enumerate(columns, last + 1):
        db.add(
            Status(
                id=column.id, project_id=scope.project_id, name=column.name, category=column.category,
                position=position, client_items=0, internal_items=0,
            )
        )  # fmt: skip
        body = {"name": column.name, "category": column.category.value, "position": position}
        events.append(
            ledger.NewEvent("status.added", "status", None, Audience.CLIENT, body, scope.viewer.actor, clock.now())
        )
    await db.flush()
    await ledger.append(db, scope.project_id, events)


async def write_iterations(db: AsyncSession, scope: Scope, project: SourceProject, terms: Terms) -> Tally:
    """Makes or changes the iterations of the source, in order of their beginning."""
    first_use = _first_use(project, Field.ITERATION)
    late = clock.now()
    made = _Made(db, scope, Iteration)
    terms.iterations = await made.load()
    for one in sorted(project.iterations, key=lambda one: (one.starts_at or first_use.get(one.ref, late), one.ref)):
        at = min([m for m in (one.starts_at, first_use.get(one.ref), late) if m])
        fields = {
            "name": one.name,
            "goal": one.goal,
            "starts_on": clock.day_of(one.starts_at, scope.zone) if one.starts_at else None,
            "ends_on": clock.day_of(one.ends_at, scope.zone) if one.ends_at else None,
            "closed_at": one.closed_at,
        }
        terms.iterations[one.ref] = await made.one(one, fields, at)
    return made.tally(len(project.iterations))


async def write_milestones(db: AsyncSession, scope: Scope, project: SourceProject, terms: Terms) -> Tally:
    """Makes or changes the milestones of the source, in order of their dates."""
    first_use = _first_use(project, Field.MILESTONE)
    late = clock.now()
    made = _Made(db, scope, Milestone)
    terms.milestones = await made.load()
    for one in sorted(
        project.milestones, key=lambda one: (str(one.expected_on or "9999"), first_use.get(one.ref, late))
    ):
        fields = {
            "name": one.name,
            "description": one.description,
            "expected_on": one.expected_on,
            "done_on": one.done_on,
        }
        terms.milestones[one.ref] = await made.one(one, fields, min(first_use.get(one.ref, late), late))
    return made.tally(len(project.milestones))


def _first_use(project: SourceProject, field: Field) -> dict[str, datetime]:
    """When an item first referred to each iteration or milestone."""
    first: dict[str, datetime] = {}
    for item in project.items:
        uses = [(item.initial[field], item.born_at), *((c.new, c.at) for c in item.changes if c.field is field)]
        for ref, at in uses:
            if isinstance(ref, str):
                first[ref] = min(first.get(ref, at), at)
    return first


class _Made:
    """The iterations or milestones of a project, by the source's references."""

    def __init__(self, db: AsyncSession, scope: Scope, model: type[Iteration] | type[Milestone]) -> None:
        self.db = db
        self.scope = scope
        self.model = model
        self.kind = model.__tablename__
        self.created = self.changed = 0

    async def load(self) -> dict[str, Planned]:
        """Reads what is here and what the last import saw of it; returns what is known by its reference."""
        mine = self.model.project_id == self.scope.project_id
        rows: Iterable[Any] = (await self.db.scalars(select(self.model).where(mine))).all()
        self.by_ref = {row.external_ref: row for row in rows if row.external_ref}
        self.by_name = {row.name.casefold(): row for row in rows}
        seen = select(Imported).where(Imported.project_id == self.scope.project_id, Imported.kind == self.kind)
        self.seen = {row.external_ref: row for row in await self.db.scalars(seen)}
        return {ref: Planned(row.id, row.number) for ref, row in self.by_ref.items()}

    async def one(self, source: SourceIteration | SourceMilestone, fields: dict[str, Any], at: datetime) -> Planned:
        """The row of one of the source's; made, changed or left as it is."""
        state = {name: plain(value) for name, value in fields.items()}
        seen = self.seen.get(source.ref)
        row = self.by_ref.get(source.ref) or (None if seen else self.by_name.get(source.name.casefold()))
        if row is None:
            row = await self._add(source.ref, fields, at)
            self.created += 1
        elif seen and seen.state != state:
            wanted = {name: value for name, value in fields.items() if state[name] != seen.state.get(name)}
            await self._change(row.number, wanted)
            self.changed += 1
            seen.state = state
        if seen is None:
            self.db.add(
                Imported(
                    project_id=self.scope.project_id, kind=self.kind, external_ref=source.ref, number=row.number,
                    state=state, changes=b"",
                )
            )  # fmt: skip
        return Planned(row.id, row.number)

    async def _add(self, ref: str, fields: dict[str, Any], at: datetime) -> Any:
        if self.model is Iteration:
            return await plan.add_iteration(self.db, self.scope, **fields, external_ref=ref, at=at)
        return await plan.add_milestone(self.db, self.scope, **fields, external_ref=ref, at=at)

    async def _change(self, number: int, wanted: dict[str, Any]) -> None:
        if self.model is Iteration:
            await plan.change_iteration(self.db, self.scope, number, wanted)
        else:
            await plan.change_milestone(self.db, self.scope, number, wanted, reason=REASON)

    def tally(self, source: int) -> Tally:
        """What became of the source's."""
        return Tally(source, self.created, self.changed, source - self.created - self.changed)


async def next_number(db: AsyncSession, scope: Scope, column: Any) -> int:
    """One more than the greatest in a column of the project's."""
    highest = await db.scalar(select(func.max(column)).where(column.class_.project_id == scope.project_id))
    return (highest or 0) + 1
