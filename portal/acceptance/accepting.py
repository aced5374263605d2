"""Asking the client to accept what was tested, and taking the question back. The caller owns the transaction."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.acceptance import gates, protocol, queries, standing
from portal.acceptance.models import (
    Acceptance,
    AcceptanceState,
    TestCase,
    TestDefect,
    TestPlan,
    TestResult,
    TestStanding,
)
from portal.acceptance.protocol import About, Said, Stands
from portal.acceptance.telling import tell
from portal.access import Scope, StaffRole
from portal.changes.models import Contract
from portal.decisions import commands as decisions
from portal.decisions.models import DecisionKind
from portal.decisions.rules import Question
from portal.errors import Conflict, Invalid
from portal.ledger import canonical
from portal.ledger import commands as ledger
from portal.people.models import Person
from portal.projects import queries as projects
from portal.projects.rules import check_name

ACCEPTED = frozenset(
    {AcceptanceState.ACCEPTED, AcceptanceState.ACCEPTED_WITH_RESERVATIONS, AcceptanceState.DEEMED}
)  # fmt: skip
NEWER = "There is a newer protocol."
REACHED = "The milestone was accepted: nothing is left to be answered."


@dataclass(frozen=True, slots=True)
class Asking:
    """How acceptance is asked for. `part`: of the milestone, when it is accepted in parts; `is_whole`: whether the
    milestone is accepted by it (with the last part). The others as in `decisions.rules.Question`."""

    part: str = ""
    is_whole: bool = True
    people: tuple[UUID, ...] = ()
    needed: int | None = None
    due_on: date | None = None
    holds_up: str = ""


async def ask(db: AsyncSession, scope: Scope, number: int, wanted: Asking | None = None) -> Acceptance:
    """Asks the client to accept what a plan tested, by its protocol as it stands now. An open question about the same
    plan and part is withdrawn. Criteria that are not met do not forbid it: they are in what is signed.

    Raises Conflict while a round runs, for what was accepted already, for a last part while others are not accepted,
    for the whole and for a part while the other is asked about, and behind a go/no-go that said no; Invalid for people
    who could not answer; NotFound, NotAllowed (a manager).
    """
    scope.require_staff(StaffRole.MANAGER)
    given = wanted or Asking()
    part = check_name(given.part, "part") if given.part else ""
    if not part and not given.is_whole:
        raise Invalid("What is accepted in parts names the part.", field="part", value="")
    await ledger.lock(db, scope.project_id)
    plan = await queries.plan(db, scope, number)
    if plan.offered_version is None:
        raise Conflict("This plan was not offered yet: the client does not see it.")
    if await queries.open_round(db, scope, number) is not None:
        raise Conflict("A round of this plan is running: close it first.")
    await _check_askable(db, scope, plan, part, given.is_whole)
    await withdraw_open(db, scope, plan, NEWER, part=part)
    return await _ask(db, scope, plan, part, given)


async def _check_askable(db: AsyncSession, scope: Scope, plan: TestPlan, part: str, is_whole: bool) -> None:
    last_of = {one.part: one for one in reversed(await standing.acceptances(db, scope, plan.number))}
    if plan.milestone_number is not None:
        await check_open(db, scope, plan.milestone_number)
        await gates.check_gates(db, scope, plan.milestone_number)
    if any(one.is_whole and one.state in ACCEPTED for one in last_of.values()):
        raise Conflict("This was accepted already.")
    if part in last_of and last_of[part].state in ACCEPTED:
        raise Conflict(f"The part {part} was accepted already." if part else "This was accepted already.")
    others = [one for name, one in last_of.items() if name != part]
    beside = [one for one in others if one.state is AcceptanceState.ASKED and (is_whole or one.is_whole)]
    if beside:
        which = "last part" if beside[0].is_whole else f"part {beside[0].part}"
        raise Conflict(f"The {which} is being asked about: take that question back first.")
    missing = [one for one in others if one.part and one.state not in ACCEPTED]
    if is_whole and part and missing:
        raise Conflict(f"The part {missing[0].part} is not accepted: this cannot be the last one.")


async def check_open(db: AsyncSession, scope: Scope, milestone_number: int) -> None:
    """Raises Conflict for a milestone that was accepted already, in whatever way."""
    milestone = await projects.milestone(db, scope, milestone_number)
    if milestone.accepted_on is not None:
        raise Conflict(f"Milestone {milestone.number} was accepted on {milestone.accepted_on}.")


async def _ask(db: AsyncSession, scope: Scope, plan: TestPlan, part: str, given: Asking) -> Acceptance:
    days = await db.scalar(select(Contract.deemed_after_days).where(Contract.project_id == scope.project_id))
    document = await _document(db, scope, plan, part, given.is_whole, days)
    text = protocol.text_of(document)
    digest = canonical.digest_of(text)
    last = await db.scalar(select(func.max(Acceptance.number)).where(Acceptance.project_id == scope.project_id)) or 0
    deemed_on = _deemed_on(scope.today, days, given.due_on)
    question = Question(
        kind=DecisionKind.ACCEPTANCE, subject_number=last + 1, subject_version=plan.offered_version or 0,
        title=f"{plan.title}{f', {part}' if part else ''}"[:200],
        content=protocol.question(document, digest), people=given.people, needed=given.needed,
        due_on=given.due_on or deemed_on,
        holds_up=given.holds_up,
    )  # fmt: skip
    decision = await decisions.ask(db, scope, question)
    rounds = document["rounds"]
    row = Acceptance(
        project_id=scope.project_id, number=last + 1, plan_number=plan.number, version=plan.offered_version or 0,
        milestone_number=plan.milestone_number, part=part, is_whole=given.is_whole, state=AcceptanceState.ASKED,
        decision_number=decision.number, protocol=text, protocol_digest=digest,
        build_hash=rounds[-1]["build_hash"] if rounds else "",
        deemed_on=deemed_on, announced=0, announced_on=None,
        reservations=[], asked_at=clock.now(), settled_at=None, seq=0,
    )  # fmt: skip
    told = {
        "acceptance": row.number, "decision": decision.number, "part": part, "is_whole": row.is_whole,
        "protocol_digest": digest.hex(), "deemed_on": row.deemed_on.isoformat() if row.deemed_on else None,
    }  # fmt: skip
    row.seq = plan.seq = await tell(db, scope, plan, "acceptance.asked", told)
    db.add(row)
    await db.flush()
    return row


def _deemed_on(today: date, days: int | None, due_on: date | None) -> date | None:
    """The last day on which no silence counts: neither the contract's period nor the time to answer is over."""
    return max(today + timedelta(days=days), due_on or today) if days else None


async def _document(
    db: AsyncSession, scope: Scope, plan: TestPlan, part: str, is_whole: bool, days: int | None
) -> dict[str, Any]:
    view = await standing.criteria_view(db, scope, plan.number)
    name = (await projects.milestone(db, scope, plan.milestone_number)).name if plan.milestone_number else ""
    about = About(scope.key, plan, view.version, name, part, is_whole, clock.now(), days)
    return protocol.document(
        about, await queries.rounds(db, scope, plan.number), await _cases(db, scope, plan), view.criteria
    )


async def _cases(db: AsyncSession, scope: Scope, plan: TestPlan) -> list[Stands]:
    """Every case of the version with how it stands, by whose results, and its defects: four statements."""
    said = await _said(db, scope, plan)
    defects: dict[int, list[int]] = defaultdict(list)
    of_plan = (TestDefect.project_id == scope.project_id, TestDefect.plan_number == plan.number)
    pairs = select(TestDefect.case_number, TestDefect.item_number).where(*of_plan).order_by(TestDefect.item_number)
    for case_number, item in await db.execute(pairs):
        defects[case_number].append(item)
    columns = (TestCase.number, TestCase.title, TestCase.priority, TestCase.is_automatic, TestCase.digest)
    stood = (TestStanding.verdict, TestStanding.round_number)
    statement = (
        select(*columns, *(standing.of_case(scope, plan.number, one) for one in stood))
        .where(*queries.cases_of(scope, plan.number, plan.offered_version or 0))
        .order_by(TestCase.position, TestCase.number)
    )
    return [
        Stands(
            number, title, priority, automatic, digest, verdict, by, _of_these_words(said.get(number, ()), by),
            defects[number],
        )
        for number, title, priority, automatic, digest, verdict, by in await db.execute(statement)
    ]  # fmt: skip


def _of_these_words(said: Sequence[Said], by: int | None) -> list[Said]:
    """Of a case that no round stands for, as it reads otherwise than when it was run, what machines said alone."""
    return [one for one in said if by is not None or one.person is None]


async def _said(db: AsyncSession, scope: Scope, plan: TestPlan) -> dict[int, list[Said]]:
    """Of each case the latest results, in the round that its standing comes from; a machine's of its last round."""
    of_plan = (TestStanding.project_id == scope.project_id, TestStanding.plan_number == plan.number)
    rounds = select(TestStanding.case_number, TestStanding.round_number).where(*of_plan)
    stands_by = dict((await db.execute(rounds)).all())
    statement = (
        select(TestResult, Person.name)
        .outerjoin(Person, Person.id == TestResult.person_id)
        .where(TestResult.project_id == scope.project_id, TestResult.plan_number == plan.number, TestResult.is_latest)
        .order_by(TestResult.round_number, TestResult.seq)
    )
    found: dict[int, dict[Any, Said]] = defaultdict(dict)
    for one, name in await db.execute(statement):
        if one.person_id is None:
            found[one.case_number][one.source] = Said(None, one.source, one.outcome, one.remark, one.at, ())
        elif one.round_number == stands_by.get(one.case_number):
            by = f"person:{one.person_id}"
            found[one.case_number][by] = Said(by, name, one.outcome, one.remark, one.at, one.files)
    return {number: list(said.values()) for number, said in found.items()}


async def withdraw_open(
    db: AsyncSession, scope: Scope, plan: TestPlan, reason: str, *, part: str | None = None
) -> Sequence[Acceptance]:
    """Takes back what is being asked about a plan (of one part, or all): its protocol is not the last word any more.
    The caller holds the lock."""
    scope.require_staff()
    mine = (Acceptance.project_id == scope.project_id, Acceptance.plan_number == plan.number)
    statement = select(Acceptance).where(*mine, Acceptance.state == AcceptanceState.ASKED)
    found = (await db.scalars(statement if part is None else statement.where(Acceptance.part == part))).all()
    for row in found:
        await decisions.withdraw_of_subject(db, scope, DecisionKind.ACCEPTANCE, row.number, reason)
        await end(db, scope, plan, row, reason)
    return found


async def withdraw_of_milestone(db: AsyncSession, scope: Scope, number: int) -> None:
    """Takes back whatever is still asked about a milestone that was accepted: no answer to it would be taken any more.
    The caller holds the lock; `scope` is the portal's own."""
    its_plan = and_(TestPlan.project_id == Acceptance.project_id, TestPlan.number == Acceptance.plan_number)
    open_ones = (Acceptance.milestone_number == number, Acceptance.state == AcceptanceState.ASKED)
    statement = select(Acceptance, TestPlan).join(TestPlan, its_plan)
    for row, plan in (await db.execute(statement.where(Acceptance.project_id == scope.project_id, *open_ones))).all():
        await decisions.withdraw_of_subject(db, scope, DecisionKind.ACCEPTANCE, row.number, REACHED)
        await end(db, scope, plan, row, REACHED)
    await decisions.withdraw_of_subject(db, scope, DecisionKind.MILESTONE, number, REACHED)


async def end(db: AsyncSession, scope: Scope, plan: TestPlan, row: Acceptance, reason: str) -> None:
    """Notes that nobody is asked for an acceptance any more: its question was taken back. The caller holds the lock."""
    row.state, row.settled_at = AcceptanceState.WITHDRAWN, clock.now()
    told = {"acceptance": row.number, "decision": row.decision_number, "part": row.part, "reason": reason}
    row.seq = plan.seq = await tell(db, scope, plan, "acceptance.withdrawn", told)
    await db.flush()
