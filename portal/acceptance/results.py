"""Writes of the results: what the client's testers say of cases, each sent once or more and kept once.

The caller owns the transaction. Only people of the client who are named in the round enter results; staff never do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.acceptance import keeping, queries
from portal.acceptance.keeping import Asked, Under
from portal.acceptance.models import Outcome, TestFile, TestPlan, TestResult, TestRound, TestTester
from portal.acceptance.telling import event_of, tell
from portal.access import Scope
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.files.queries import files_by_numbers
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects.queries import MOST_NUMBER
from portal.projects.rules import check_text

MOST_AT_ONCE = 500
MOST_FILES = 10
LONGEST_REMARK = 4_000
LONGEST_DEVICE = 300
CLOSED = "This round is closed: the result was not kept here. Copy what you wrote, or ask for the next round."


@dataclass(frozen=True, slots=True)
class Entry:
    """A result as it is entered. `id` is made where it is entered, so that the same one sent again is one; `at` is
    when, by that device's clock (None: now)."""

    id: UUID
    case: int
    outcome: Outcome
    remark: str = ""
    files: tuple[int, ...] = ()
    device: str = ""
    at: datetime | None = None


class RoundClosed(Conflict):
    """The round was closed before the result came: it is kept nowhere here, so the page keeps it."""

    def __init__(self) -> None:
        super().__init__(CLOSED)


async def record(db: AsyncSession, scope: Scope, number: int, round_number: int, entry: Entry) -> TestResult:
    """Keeps one result; see `record_all`."""
    return (await record_all(db, scope, number, round_number, [entry]))[0]


async def record_all(
    db: AsyncSession, scope: Scope, number: int, round_number: int, entries: Sequence[Entry]
) -> list[TestResult]:
    """Keeps results of the viewer's own, all or none, and returns them in their order; one that is kept already is
    returned as it was, also after the round was closed.

    A later result of the same tester on the same case takes the place of the one before, by the order of arrival.
    Raises RoundClosed, NotAllowed for who is no tester of this round, Invalid, Conflict for an id that is another
    result's, NotFound.
    """
    person = require_client(scope)
    checked = [_checked(entry) for entry in _bounded(entries)]
    await ledger.lock(db, scope.project_id)
    plan = await queries.plan(db, scope, number)
    row, tester = await _round_of(db, scope, number, round_number, person)
    known = await _known(db, scope, row, person, checked)
    new = [entry for entry in checked if entry.id not in known]
    if new:
        if row.closed_at is not None:
            raise RoundClosed
        known |= await _keep(db, Under(scope, plan, row, tester), new)
    return [known[entry.id] for entry in checked]


def require_client(scope: Scope) -> UUID:
    """The person who enters results. Raises NotAllowed for staff, robots, and for looking as the client."""
    scope.require_writable()
    if scope.is_staff or scope.viewer.person_id is None:
        raise NotAllowed("Only the client's testers enter results; staff never do it for them.")
    return scope.viewer.person_id


async def known(db: AsyncSession, scope: Scope, result_id: UUID) -> TestResult | None:
    """The viewer's own result with this id, if it was kept already."""
    mine = (TestResult.project_id == scope.project_id, TestResult.person_id == scope.viewer.person_id)
    return await db.scalar(select(TestResult).where(*mine, TestResult.id == result_id))


def _bounded(entries: Sequence[Entry]) -> Sequence[Entry]:
    if not 1 <= len(entries) <= MOST_AT_ONCE:
        raise Invalid(f"Send 1 to {MOST_AT_ONCE} results at once.", field="results", value=len(entries))
    if len({entry.id for entry in entries}) != len(entries):
        raise Invalid("Each result has an id of its own.", field="id", value=None)
    return entries


def _checked(entry: Entry) -> Entry:
    remark = check_text(entry.remark, "remark", length=LONGEST_REMARK).strip()
    device = check_text(entry.device, "device", length=LONGEST_DEVICE).strip()
    if not 0 < entry.case <= MOST_NUMBER:
        raise NotFound(f"There is no case {entry.case} in this round.")
    if len(set(entry.files)) != len(entry.files) or len(entry.files) > MOST_FILES:
        raise Invalid(f"Each file once, at most {MOST_FILES}.", field="files", value=len(entry.files))
    if entry.at is not None and entry.at.tzinfo is None:
        raise Invalid("A time needs its zone.", field="at", value=entry.at.isoformat())
    return Entry(entry.id, entry.case, Outcome(entry.outcome), remark, entry.files, device, entry.at)


async def _round_of(
    db: AsyncSession, scope: Scope, number: int, round_number: int, person: UUID
) -> tuple[TestRound, TestTester]:
    mine = and_(
        TestTester.project_id == TestRound.project_id,
        TestTester.plan_number == TestRound.plan_number,
        TestTester.round_number == TestRound.number,
        TestTester.person_id == person,
    )
    statement = select(TestRound, TestTester).outerjoin(TestTester, mine).where(*queries.rounds_of(scope, number))
    statement = statement.where(TestRound.number == round_number).execution_options(populate_existing=True)
    found = (await db.execute(statement)).first() if 0 < round_number <= MOST_NUMBER else None
    if found is None:
        raise NotFound(f"There is no round {round_number} of this test plan.")
    if found[1] is None:
        raise NotAllowed("You are not among the testers of this round.")
    return found[0], found[1]


async def _known(
    db: AsyncSession, scope: Scope, row: TestRound, person: UUID, entries: Sequence[Entry]
) -> dict[UUID, TestResult]:
    """Those that are kept already. Raises Conflict for an id under which something else is."""
    ids = {entry.id: entry for entry in entries}
    mine = (TestResult.project_id == scope.project_id, TestResult.id.in_(ids))
    found = {one.id: one for one in await db.scalars(select(TestResult).where(*mine))}
    for one in found.values():
        entry = ids[one.id]
        is_same = (one.plan_number, one.round_number, one.case_number, one.person_id, one.outcome, one.remark) == (
            row.plan_number, row.number, entry.case, person, entry.outcome, entry.remark,
        )  # fmt: skip
        if not is_same:
            raise Conflict("Another result has this id already: enter it anew.", field="id", value=str(one.id))
    return found


async def _keep(db: AsyncSession, under: Under, entries: Sequence[Entry]) -> dict[UUID, TestResult]:
    asked = await keeping.asked(db, under, {entry.case for entry in entries})
    files = await _files(db, under.scope, entries)
    now = clock.now()
    kept = [_result(under, entry, files, now) for entry in entries]
    events = [
        event_of(under.scope, under.plan, "test_result.recorded", _told(one), Audience.CLIENT, one.at) for one in kept
    ]
    last = await ledger.append(db, under.scope.project_id, events)
    for seq, one in enumerate(kept, start=last - len(kept) + 1):
        one.seq = seq
        _take_place(under, asked[one.case_number], one)
    under.row.seq = last
    db.add_all(kept)
    await keeping.settle(db, under, asked.values(), now)
    await _note_files(db, under.plan, {number for entry in entries for number in entry.files})
    return {one.id: one for one in kept}


def _take_place(under: Under, case: Asked, result: TestResult) -> None:
    """The new result counts in the place of this tester's one before, if there was one."""
    before = case.of_person(result.person_id)
    if before is None:
        under.tester.done += 1
    else:
        before.is_latest = False
        case.latest.remove(before)
    case.latest.append(result)


def _result(under: Under, entry: Entry, files: Mapping[int, dict[str, Any]], now: datetime) -> TestResult:
    at = min(max(entry.at or now, under.row.opened_at), now)
    return TestResult(
        project_id=under.scope.project_id, id=entry.id, plan_number=under.row.plan_number,
        round_number=under.row.number, case_number=entry.case, person_id=under.scope.viewer.person_id, source="",
        outcome=entry.outcome, remark=entry.remark, files=[files[number] for number in entry.files],
        device=entry.device, at=at, is_latest=True, undone_at=None, seq=0,
    )  # fmt: skip


def _told(result: TestResult) -> dict[str, Any]:
    return {
        "round": result.round_number, "case": result.case_number, "result": str(result.id),
        "outcome": result.outcome.value, "remark": result.remark, "device": result.device,
        "files": [{"number": one["number"], "sha256": one["sha256"]} for one in result.files],
    }  # fmt: skip


async def _files(db: AsyncSession, scope: Scope, entries: Sequence[Entry]) -> dict[int, dict[str, Any]]:
    """The files that results name: the tester's own uploads, or naming one would open it to whoever sees the plan."""
    wanted = {number for entry in entries for number in entry.files}
    found = await files_by_numbers(db, scope, wanted)
    for number in sorted(wanted):
        row = found.get(number)
        if row is None or row.audience is not Audience.CLIENT or row.created_by != scope.viewer.actor:
            raise Invalid(f"There is no file {number} that you sent.", field="files", value=number)
    return {
        number: {"number": number, "name": row.name, "sha256": row.sha256.hex(), "size": row.size,
                 "media_type": row.media_type}
        for number, row in found.items()
    }  # fmt: skip


async def _note_files(db: AsyncSession, plan: TestPlan, numbers: set[int]) -> None:
    if not numbers:
        return
    of_plan = (TestFile.project_id == plan.project_id, TestFile.plan_number == plan.number)
    known = set(await db.scalars(select(TestFile.file_number).where(*of_plan, TestFile.file_number.in_(numbers))))
    key = {"project_id": plan.project_id, "plan_number": plan.number}
    if new := sorted(numbers - known):
        await db.execute(insert(TestFile), [{**key, "file_number": number} for number in new])


async def undo(db: AsyncSession, scope: Scope, number: int, round_number: int, ids: Sequence[UUID]) -> int:
    """Takes results of the viewer's own back while their round runs; returns how many. They stay, marked, and count no
    more: what the tester had said before counts again. What was taken back already is passed over.

    Raises RoundClosed, NotFound for one that is not theirs, NotAllowed, Invalid.
    """
    person = require_client(scope)
    if not 1 <= len(set(ids)) == len(ids) <= MOST_AT_ONCE:
        raise Invalid(f"Name 1 to {MOST_AT_ONCE} results, each once.", field="results", value=len(ids))
    await ledger.lock(db, scope.project_id)
    plan = await queries.plan(db, scope, number)
    row, tester = await _round_of(db, scope, number, round_number, person)
    if row.closed_at is not None:
        raise RoundClosed
    under = Under(scope, plan, row, tester)
    mine = await keeping.results_of(db, under, person, ids)
    if len(mine) != len(ids):
        raise NotFound("There is no such result of yours in this round.")
    gone = [one for one in mine if one.undone_at is None]
    if not gone:
        return 0
    now = clock.now()
    for one in gone:
        one.undone_at, one.is_latest = now, False
    asked = await keeping.asked(db, under, {one.case_number for one in gone})
    await keeping.bring_back(db, under, person, asked)
    told = {"round": round_number, "results": [str(one.id) for one in gone]}
    row.seq = await tell(db, scope, plan, "test_result.undone", told)
    await keeping.settle(db, under, asked.values(), now)
    return len(gone)
