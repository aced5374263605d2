"""Keeps verdicts up: what every result changes of its case, its round and the case's standing over all rounds.

A constant number of statements, however many results, cases and testers there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance import verdicts
from portal.acceptance.models import (
    Outcome,
    RoundCase,
    TestCase,
    TestPlan,
    TestPlanVersion,
    TestResult,
    TestRound,
    TestStanding,
    TestTester,
    VerdictRule,
)
from portal.access import Scope
from portal.errors import NotFound


@dataclass(frozen=True, slots=True)
class Under:
    """Under what results are kept: whose, of which round."""

    scope: Scope
    plan: TestPlan
    row: TestRound
    tester: TestTester


@dataclass(slots=True)
class Asked:
    """A case of the round with its testers' latest results, the newest last, and its standing, if it has one."""

    case: RoundCase
    digest: bytes
    rule: VerdictRule
    standing: TestStanding | None
    latest: list[TestResult] = field(default_factory=list)

    def of_person(self, person: UUID | None) -> TestResult | None:
        """What this tester said last."""
        return next((one for one in self.latest if one.person_id == person), None)

    @property
    def verdict(self) -> Outcome | None:
        """The verdict by these results."""
        return verdicts.verdict(self.rule, [one.outcome for one in sorted(self.latest, key=lambda one: one.seq)])


async def asked(db: AsyncSession, under: Under, numbers: set[int]) -> dict[int, Asked]:
    """These cases of the round, by number, in four statements rather than one that joins: of a plan that it has no
    statistics of yet, PostgreSQL expects one row, and would walk all its cases for each. Raises NotFound for one that
    is not asked in it."""
    words = (*_of_plan(TestCase, under), TestCase.version == under.row.version, TestCase.number.in_(numbers))
    digests = dict((await db.execute(select(TestCase.number, TestCase.digest).where(*words))).all())
    stood = select(TestStanding).where(*_of_plan(TestStanding, under), TestStanding.case_number.in_(numbers))
    standings = {one.case_number: one for one in await db.scalars(stood.execution_options(populate_existing=True))}
    version = (*_of_plan(TestPlanVersion, under), TestPlanVersion.version == under.row.version)
    statement = (
        select(RoundCase, TestPlanVersion.rule)
        .join(TestPlanVersion, and_(*version))
        .where(*_of_round(RoundCase, under), RoundCase.case_number.in_(numbers))
        .execution_options(populate_existing=True)
    )
    found = {
        case.case_number: Asked(case, digests[case.case_number], rule, standings.get(case.case_number))
        for case, rule in await db.execute(statement)
    }
    for number in sorted(numbers - found.keys()):
        raise NotFound(f"There is no case {number} in this round.")
    results = (*_of_round(TestResult, under), TestResult.case_number.in_(numbers), TestResult.is_latest)
    statement_of_latest = select(TestResult).where(*results, TestResult.person_id.is_not(None))
    for one in await db.scalars(statement_of_latest.order_by(TestResult.seq)):
        found[one.case_number].latest.append(one)
    return found


def _of_plan(
    model: type[TestCase | TestPlanVersion | TestStanding | TestResult | RoundCase], under: Under
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return model.project_id == under.scope.project_id, model.plan_number == under.row.plan_number


def _of_round(model: type[RoundCase | TestResult], under: Under) -> tuple[ColumnElement[bool], ...]:
    return (
        model.project_id == under.scope.project_id,
        model.plan_number == under.row.plan_number,
        model.round_number == under.row.number,
    )


async def results_of(db: AsyncSession, under: Under, person: UUID, ids: Sequence[UUID]) -> Sequence[TestResult]:
    """These results of one tester in the round."""
    mine = (*_of_round(TestResult, under), TestResult.person_id == person, TestResult.id.in_(ids))
    return (await db.scalars(select(TestResult).where(*mine))).all()


async def bring_back(db: AsyncSession, under: Under, person: UUID, cases: Mapping[int, Asked]) -> None:
    """After some of a tester's results were taken back: the newest that is left of each case counts again."""
    left = (*_of_round(TestResult, under), TestResult.person_id == person, TestResult.undone_at.is_(None))
    statement = select(TestResult).where(*left, TestResult.case_number.in_(cases))
    newest = {one.case_number: one for one in await db.scalars(statement.order_by(TestResult.seq))}
    for number, case in cases.items():
        if case.of_person(person) is not None:
            continue
        if (one := newest.get(number)) is not None:
            one.is_latest = True
            case.latest.append(one)
        else:
            under.tester.done -= 1


async def settle(db: AsyncSession, under: Under, cases: Iterable[Asked], now: datetime) -> None:
    """Writes the verdicts of these cases, the round's counters, and how the cases stand."""
    emptied = []
    for asked_case in cases:
        before, after = asked_case.case.verdict, asked_case.verdict
        if before is not after:
            _count(under.row, before, -1)
            _count(under.row, after, 1)
            asked_case.case.verdict = after
        if after is None:
            emptied.append(asked_case)
        else:
            _stand(db, under, asked_case, after)
    if emptied:
        await _stand_as_before(db, under, emptied, now)
    await db.flush()


def _count(row: TestRound, verdict: Outcome | None, by: int) -> None:
    if verdict is not None:
        setattr(row, verdict.value, getattr(row, verdict.value) + by)


def _stand(db: AsyncSession, under: Under, case: Asked, verdict: Outcome) -> None:
    if case.standing is None:
        case.standing = TestStanding(
            project_id=under.scope.project_id,
            plan_number=under.row.plan_number,
            case_number=case.case.case_number,
        )
        db.add(case.standing)
    standing = case.standing
    standing.round_number, standing.digest, standing.verdict = under.row.number, case.digest, verdict
    standing.at, standing.seq = max(one.at for one in case.latest), max(one.seq for one in case.latest)


async def _stand_as_before(db: AsyncSession, under: Under, cases: Sequence[Asked], now: datetime) -> None:
    """Cases of which nothing is left in this round stand as the round before it left them."""
    numbers = [one.case.case_number for one in cases]
    earlier = (TestRound.project_id == under.scope.project_id, TestRound.plan_number == under.row.plan_number)
    rounds = (await db.scalars(select(TestRound).where(*earlier, TestRound.number < under.row.number))).all()
    versions = {one.version for one in rounds}
    words = (*_of_plan(TestCase, under), TestCase.version.in_(versions), TestCase.number.in_(numbers))
    columns = select(TestCase.version, TestCase.number, TestCase.digest).where(*words)
    digests = {(version, number): digest for version, number, digest in await db.execute(columns)}
    of_earlier = (*_of_plan(TestResult, under), TestResult.round_number < under.row.number)
    by_people = (TestResult.case_number.in_(numbers), TestResult.person_id.is_not(None), TestResult.is_latest)
    which = (TestResult.round_number, TestResult.case_number)
    newest = select(*which, func.max(TestResult.at), func.max(TestResult.seq)).where(*of_earlier, *by_people)
    said = {(number, case): (at, seq) for number, case, at, seq in await db.execute(newest.group_by(*which))}
    asked_before = (*_of_plan(RoundCase, under), RoundCase.round_number < under.row.number)
    statement = (
        select(RoundCase.case_number, RoundCase.round_number, RoundCase.verdict)
        .where(*asked_before, RoundCase.case_number.in_(numbers), RoundCase.verdict.is_not(None))
        .order_by(RoundCase.round_number)
    )
    before = {row[0]: row for row in await db.execute(statement)}
    by_number = {one.number: one for one in rounds}
    for standing in (one.standing for one in cases if one.standing is not None):
        if standing.case_number in before:
            number, round_number, verdict = before[standing.case_number]
            row = by_number[round_number]
            standing.round_number, standing.digest, standing.verdict = row.number, digests[row.version, number], verdict
            standing.at, standing.seq = said[round_number, number]
        else:
            standing.verdict, standing.at = None, now
