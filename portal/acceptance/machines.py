"""Results of machines, beside those of people: shown with their source, and never counting as the client's."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.acceptance import queries
from portal.acceptance.models import Outcome, TestCase, TestResult, TestRound
from portal.acceptance.telling import tell
from portal.acceptance.verdicts import WORST
from portal.access import Scope
from portal.errors import Conflict, Invalid
from portal.ledger import commands as ledger
from portal.projects.rules import check_name, check_text

MOST_AT_ONCE = 5_000
LONGEST_REMARK = 4_000
AT_ONCE = 500
NAMESPACE = UUID("6f0c1c5e-6f0e-5b0c-9a55-0f3f6a1b6d11")


@dataclass(frozen=True, slots=True)
class Reported:
    """What a machine says of a test. `ref` is the case's `external_ref`, or else its title."""

    ref: str
    outcome: Outcome
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """How many results were kept, and which names fit no case of the round's version."""

    kept: int
    unknown: Sequence[str]


async def record_machine(
    db: AsyncSession, scope: Scope, number: int, round_number: int, source: str, run: str, reported: Sequence[Reported]
) -> Imported:
    """Keeps what a machine reported in a round that runs. `source` names the machine ("CI"), `run` this run of it: the
    same run sent again is one. What it says next takes the place of what it said before of the same case; what it says
    of one case twice in the same run, in two browsers for instance, counts by the worse.

    Raises Conflict for a closed round, Invalid, NotFound, NotAllowed.
    """
    scope.require_staff()
    source, run = check_name(source, "source", length=100), check_name(run, "run", length=200)
    if len(reported) > MOST_AT_ONCE:
        raise Invalid(f"At most {MOST_AT_ONCE:,} results at once.", field="results", value=len(reported))
    await ledger.lock(db, scope.project_id)
    plan = await queries.plan(db, scope, number)
    row = await queries.test_round(db, scope, number, round_number)
    if row.closed_at is not None:
        raise Conflict("This round is closed.")
    cases = await _cases(db, scope, row)
    known = _worst_of_each(cases, reported)
    unknown = sorted({one.ref for one in reported if one.ref not in cases})
    results = [_result(scope, row, source, run, case, one) for case, one in known.items()]
    new = await _new(db, scope, results)
    if new:
        failed = sum(one.outcome is Outcome.FAILED for one in new)
        told = {"round": round_number, "source": source, "results": len(new), "failed": failed}
        row.seq = await tell(db, scope, plan, "test_result.imported", told)
        await _replace(db, row, source, new)
    return Imported(len(new), unknown)


async def _cases(db: AsyncSession, scope: Scope, row: TestRound) -> dict[str, int]:
    """Cases of the round's version by reference, and by title where no reference and no other case is so called."""
    columns = (TestCase.number, TestCase.title, TestCase.external_ref)
    rows = (await db.execute(select(*columns).where(*queries.cases_of(scope, row.plan_number, row.version)))).all()
    called = Counter(title for _, title, _ in rows)
    by_title = {title: case for case, title, _ in rows if called[title] == 1}
    return by_title | {ref: case for case, _, ref in rows if ref is not None}


def _worst_of_each(cases: Mapping[str, int], reported: Sequence[Reported]) -> dict[int, Reported]:
    from_best = sorted(reported, key=lambda one: WORST.index(one.outcome))
    return {cases[one.ref]: one for one in from_best if one.ref in cases}


def _result(scope: Scope, row: TestRound, source: str, run: str, case: int, one: Reported) -> TestResult:
    name = "\n".join((str(scope.project_id), str(row.plan_number), str(row.number), source, run, str(case)))
    return TestResult(
        project_id=scope.project_id, id=uuid5(NAMESPACE, name), plan_number=row.plan_number, round_number=row.number,
        case_number=case, person_id=None, source=source, outcome=Outcome(one.outcome),
        remark=check_text(one.remark[:LONGEST_REMARK], "remark"), files=[], device="", at=clock.now(), is_latest=True,
        undone_at=None, seq=0,
    )  # fmt: skip


async def _new(db: AsyncSession, scope: Scope, results: Sequence[TestResult]) -> list[TestResult]:
    known: set[UUID] = set()
    for start in range(0, len(results), AT_ONCE):
        some = [one.id for one in results[start : start + AT_ONCE]]
        mine = (TestResult.project_id == scope.project_id, TestResult.id.in_(some))
        known |= set(await db.scalars(select(TestResult.id).where(*mine)))
    return [one for one in results if one.id not in known]


async def _replace(db: AsyncSession, row: TestRound, source: str, new: Sequence[TestResult]) -> None:
    for start in range(0, len(new), AT_ONCE):
        some = new[start : start + AT_ONCE]
        of_machine = (
            TestResult.project_id == row.project_id,
            TestResult.plan_number == row.plan_number,
            TestResult.round_number == row.number,
            TestResult.case_number.in_([one.case_number for one in some]),
            TestResult.person_id.is_(None),
            TestResult.source == source,
        )
        await db.execute(update(TestResult).where(*of_machine).values(is_latest=False))
        for one in some:
            one.seq = row.seq
        db.add_all(some)
        await db.flush()
