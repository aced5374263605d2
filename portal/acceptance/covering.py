"""Reads what a round is to ask: how each case stood, its defects, and whether what it covers was changed since."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    digest: bytes
    item: int | None
    stood_digest: bytes | None
    verdict: Outcome | None
    at: datetime | None
    seq: int | None
    item_seq: int | None
    item_done_at: datetime | None
    worded_at: datetime | None

    @property
    def was_finished_since(self) -> bool:
        """Whether the item was done, or the requirement worded anew, after the case was run."""
        return self.at is not None and any(
            moment is not None and moment > self.at for moment in (self.item_done_at, self.worded_at)
        )


async def to_ask(db: AsyncSession, scope: Scope, plan: TestPlan) -> dict[int, Why]:
    """The cases that the next round of a plan asks its testers, in no order, and why; none that machines run."""
    rows = [_Row(*row) for row in await db.execute(_standing(scope, plan))]
    defects = await defects_of_cases(db, scope, plan.number)
    changed = await _reworded(db, scope, rows)
    found = {row.number: asking.why(_stood(row, changed), defects.get(row.number, ())) for row in rows}
    return {number: reason for number, reason in found.items() if reason is not None}


def _stood(row: _Row, changed: Mapping[int, int]) -> Stood:
    was_reworded = row.item is not None and row.seq is not None and changed.get(row.item, 0) > row.seq
    return Stood(row.verdict, row.stood_digest == row.digest, row.at, row.was_finished_since or was_reworded)


def _standing(scope: Scope, plan: TestPlan) -> Any:
    of_case = and_(
        TestStanding.project_id == TestCase.project_id,
        TestStanding.plan_number == TestCase.plan_number,
        TestStanding.case_number == TestCase.number,
    )
    its_item = and_(Item.project_id == TestCase.project_id, Item.number == TestCase.item_number)
    its_need = and_(Requirement.project_id == TestCase.project_id, Requirement.number == TestCase.requirement_number)
    its_words = and_(
        RequirementVersion.project_id == Requirement.project_id,
        RequirementVersion.requirement_number == Requirement.number,
        RequirementVersion.version == Requirement.version,
    )
    return (
        select(
            TestCase.number, TestCase.digest, TestCase.item_number, TestStanding.digest, TestStanding.verdict,
            TestStanding.at, TestStanding.seq, Item.seq, Item.done_at, RequirementVersion.created_at,
        )
        .outerjoin(TestStanding, of_case)
        .outerjoin(Item, its_item)
        .outerjoin(Requirement, its_need)
        .outerjoin(RequirementVersion, its_words)
        .where(*queries.cases_of(scope, plan.number, plan.offered_version or 0), TestCase.is_automatic.is_(False))
    )  # fmt: skip


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
    numbers = sorted(moved)
    found: dict[int, int] = {}
    for start in range(0, len(numbers), AT_ONCE):
        some = numbers[start : start + AT_ONCE]
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
