"""Reads what a round is to ask: how each case stood, its defects, and whether what it covers was changed since."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance import asking, queries
from portal.acceptance.asking import Mended, Stood
from portal.acceptance.models import Outcome, TestCase, TestDefect, TestPlan, TestStanding, Why
from portal.access import Scope
from portal.backlog.models import Category, Item, Status
from portal.ledger.models import Event
from portal.requirements.models import Requirement, RequirementVersion

AT_ONCE = 500
WORDS = frozenset({"title", "description", "acceptance_criteria"})
"""What of an item a case covers: not its column, its estimate or its place."""


class _Standing(NamedTuple):
    case_number: int
    digest: bytes
    verdict: Outcome | None
    at: datetime
    seq: int


@dataclass(frozen=True, slots=True)
class _Row:
    """A case, how it stands, and when what it covers was last changed, finished or worded anew."""

    number: int
    digest: bytes
    item: int | None
    standing: _Standing | None
    item_seq: int | None
    item_done_at: datetime | None
    worded_at: datetime | None

    @property
    def seq(self) -> int | None:
        """The event by which it stands so."""
        return self.standing.seq if self.standing else None

    @property
    def stood(self) -> Stood:
        """The same for the rule, as long as no word of the item was changed."""
        if (standing := self.standing) is None:
            return Stood(None, False, None, False)
        moments = (self.item_done_at, self.worded_at)
        changed = any(moment is not None and moment > standing.at for moment in moments)
        return Stood(standing.verdict, standing.digest == self.digest, standing.at, changed)


async def to_ask(db: AsyncSession, scope: Scope, plan: TestPlan) -> dict[int, Why]:
    """The cases that the next round of a plan asks its testers, in no order, and why; none that machines run."""
    rows = await _rows(db, scope, plan)
    defects = await defects_of_cases(db, scope, plan.number)
    changed = await _reworded(db, scope, rows)
    found = {row.number: asking.why(_stood(row, changed), defects.get(row.number, ())) for row in rows}
    return {number: reason for number, reason in found.items() if reason is not None}


def _stood(row: _Row, changed: Mapping[int, int]) -> Stood:
    was_reworded = row.item is not None and row.seq is not None and changed.get(row.item, 0) > row.seq
    return replace(row.stood, covers_changed=row.stood.covers_changed or was_reworded)


async def _rows(db: AsyncSession, scope: Scope, plan: TestPlan) -> list[_Row]:
    """The cases that people test, put together here rather than joined: of a plan that it has no statistics of yet,
    PostgreSQL expects one row, and would walk all standings for each case."""
    of_plan = (TestStanding.project_id == scope.project_id, TestStanding.plan_number == plan.number)
    stood = [getattr(TestStanding, field) for field in _Standing._fields]
    standings = {row[0]: _Standing(*row) for row in await db.execute(select(*stood).where(*of_plan))}
    of_version = queries.cases_of(scope, plan.number, plan.offered_version or 0)
    columns = (TestCase.number, TestCase.digest, TestCase.item_number, TestCase.requirement_number)
    cases = (await db.execute(select(*columns).where(*of_version, TestCase.is_automatic.is_(False)))).all()
    items = await _items(db, scope, {item for _, _, item, _ in cases if item is not None})
    worded = await _worded(db, scope, {need for _, _, _, need in cases if need is not None})
    return [
        _Row(number, digest, item, standings.get(number), *items.get(item or 0, (None, None)), worded.get(need or 0))
        for number, digest, item, need in cases
    ]


def _some(numbers: Collection[int]) -> Iterator[Sequence[int]]:
    ordered = sorted(numbers)
    return (ordered[start : start + AT_ONCE] for start in range(0, len(ordered), AT_ONCE))


async def _items(
    db: AsyncSession, scope: Scope, numbers: Collection[int]
) -> dict[int, tuple[int | None, datetime | None]]:
    """Of each item its last event, and when it was done."""
    found: dict[int, tuple[int | None, datetime | None]] = {}
    for some in _some(numbers):
        mine = (Item.project_id == scope.project_id, Item.number.in_(some))
        for number, seq, done_at in await db.execute(select(Item.number, Item.seq, Item.done_at).where(*mine)):
            found[number] = seq, done_at
    return found


async def _worded(db: AsyncSession, scope: Scope, numbers: Collection[int]) -> dict[int, datetime]:
    """When each requirement got the words that it has."""
    newest = and_(
        RequirementVersion.requirement_number == Requirement.number, RequirementVersion.version == Requirement.version
    )
    found: dict[int, datetime] = {}
    for some in _some(numbers):
        statement = (
            select(Requirement.number, RequirementVersion.created_at)
            .join(RequirementVersion, newest)
            .where(
                Requirement.project_id == scope.project_id,
                Requirement.number.in_(some),
                RequirementVersion.project_id == scope.project_id,
                RequirementVersion.requirement_number.in_(some),
            )
        )
        found |= dict((await db.execute(statement)).all())
    return found


async def defects_of_cases(db: AsyncSession, scope: Scope, number: int) -> Mapping[int, Sequence[Mended]]:
    """The defects of each case of a plan. One that was dropped or removed is not open, and was not done either."""
    its_item = and_(Item.project_id == TestDefect.project_id, Item.number == TestDefect.item_number)
    status = and_(Status.project_id == Item.project_id, Status.id == Item.status_id)
    statement = (
        select(TestDefect.case_number, Item.done_at, Item.deleted, Status.category)
        .join(Item, its_item)
        .join(Status, status)
        .where(TestDefect.project_id == scope.project_id, TestDefect.plan_number == number)
    )
    found: dict[int, list[Mended]] = defaultdict(list)
    for case_number, done_at, deleted, category in await db.execute(statement):
        is_open = not deleted and category in (Category.TODO, Category.DOING)
        found[case_number].append(Mended(is_open, None if deleted else done_at))
    return found


async def _reworded(db: AsyncSession, scope: Scope, rows: Sequence[_Row]) -> dict[int, int]:
    """When the words of items last changed, as seq: of those where something happened since their case was run."""
    moved: dict[int, int] = {}
    for row in rows:
        if row.item and row.seq and row.item_seq and row.item_seq > row.seq:
            moved[row.item] = min(row.seq, moved.get(row.item, row.seq))
    found: dict[int, int] = {}
    for some in _some(moved):
        statement = select(Event.subject_number, Event.seq, Event.body).where(
            Event.project_id == scope.project_id,
            Event.subject_kind == "item",
            Event.subject_number.in_(some),
            Event.kind == "item.changed",
            Event.seq > min(moved[one] for one in some),
        )
        for item, seq, body in await db.execute(statement):
            if item is not None and WORDS & _changes(body).keys():
                found[item] = max(found.get(item, 0), seq)
    return found


def _changes(body: str) -> dict[str, Any]:
    changes = json.loads(body).get("changes")
    return changes if isinstance(changes, dict) else {}
