"""Reads of the decisions: one, a subject's, a list, and what one decision's page shows."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.access.models import Membership
from portal.decisions.models import (
    Decision,
    DecisionAnswer,
    DecisionDraft,
    DecisionJudgement,
    DecisionPerson,
    DecisionRemark,
    DecisionState,
    DecisionTurn,
    Side,
)
from portal.decisions.rules import Question, roles_for
from portal.decisions.turns import minutes_between
from portal.errors import Invalid, NotFound
from portal.ledger import receipts
from portal.ledger.models import Audience, Receipt
from portal.people.models import Company, Person
from portal.people.queries import LET_IN
from portal.projects.queries import MOST_NUMBER

MOST_REMARKS = 500
"""Of one decision, the newest: whoever writes very many hides what was said before them, never what comes after."""
FRESH = {"populate_existing": True}
"""Without it a session gives back what it read before, and on PostgreSQL another may have changed that since."""


@dataclass(frozen=True, slots=True)
class Waited:
    """How long each side has kept the other waiting, in working minutes."""

    client: int
    agency: int


@dataclass(frozen=True, slots=True)
class Said:
    """A remark and who said it; `name` is None for a person whose name the project hides."""

    remark: DecisionRemark
    name: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody who is asked by name."""

    person_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Detail:
    """One decision as its page shows it."""

    decision: Decision
    content: dict[str, Any]
    people: Sequence[Asked]
    answers: Sequence[DecisionAnswer]
    remarks: Sequence[Said]
    turns: Sequence[DecisionTurn]
    waited: Waited


async def decision(db: AsyncSession, scope: Scope, number: int) -> Decision:
    """One decision that this viewer may see, as it stands now: who looked at it before they took the project's lock
    reads it anew. Raises NotFound.
    """
    statement = select(Decision).where(*_visible(scope), Decision.number == number)
    found = await db.scalar(statement, execution_options=FRESH) if 0 < number <= MOST_NUMBER else None
    if found is None:
        raise NotFound(f"There is no decision {number} in this project.")
    return found


def _visible(scope: Scope) -> tuple[Any, ...]:
    return Decision.project_id == scope.project_id, Decision.audience.in_(scope.audiences)


def content_of(decision: Decision) -> dict[str, Any]:
    """What is decided."""
    content: dict[str, Any] = json.loads(decision.content)
    return content


async def of_subject(db: AsyncSession, scope: Scope, kind: str, subject_number: int) -> Sequence[Decision]:
    """All decisions about one thing that this viewer may see, the newest first."""
    about = (Decision.kind == kind, Decision.subject_number == subject_number)
    statement = select(Decision).where(*_visible(scope), *about).order_by(Decision.number.desc()).limit(100)
    return (await db.scalars(statement, execution_options=FRESH)).all()


async def decisions(
    db: AsyncSession,
    scope: Scope,
    *,
    state: DecisionState | None = None,
    without: Collection[int] = (),
    before: int | None = None,
    limit: int = 50,
) -> Sequence[Decision]:
    """The decisions that this viewer may see, the newest first; the next page is before the last one's number.
    `without`: the numbers of those that are shown elsewhere."""
    statement = select(Decision).where(*_visible(scope)).order_by(Decision.number.desc()).limit(limit)
    if state is not None:
        statement = statement.where(Decision.state == state)
    if without:
        statement = statement.where(Decision.number.not_in(without))
    if before is not None:
        statement = statement.where(Decision.number < before)
    return (await db.scalars(statement)).all()


async def people_and_answers(
    db: AsyncSession, scope: Scope, number: int
) -> tuple[frozenset[UUID], list[DecisionAnswer]]:
    """Who is asked by name, and the answers so far in their order; the caller has seen that the decision is visible."""
    asked = (DecisionPerson.project_id == scope.project_id, DecisionPerson.decision_number == number)
    named = frozenset(await db.scalars(select(DecisionPerson.person_id).where(*asked)))
    return named, await answers_of(db, scope, number)


async def answers_of(db: AsyncSession, scope: Scope, number: int) -> list[DecisionAnswer]:
    """The answers to a decision in their order; the caller has seen that the decision is visible."""
    of = (DecisionAnswer.project_id == scope.project_id, DecisionAnswer.decision_number == number)
    return list(await db.scalars(select(DecisionAnswer).where(*of).order_by(DecisionAnswer.seq)))


async def receipt(db: AsyncSession, scope: Scope, number: int, seq: int) -> Receipt:
    """The receipt of an answer to a decision that this viewer may see. Raises NotFound."""
    await decision(db, scope, number)
    is_its = (DecisionAnswer.project_id == scope.project_id, DecisionAnswer.decision_number == number)
    answers = select(DecisionAnswer.seq).where(*is_its, DecisionAnswer.seq == seq)
    found = await db.scalar(answers) if 0 < seq <= MOST_NUMBER else None
    if found is None:
        raise NotFound(f"There is no such receipt of decision {number}.")
    return await receipts.receipt_of(db, scope.project_id, found)


async def detail(db: AsyncSession, scope: Scope, number: int) -> Detail:
    """One decision with people, answers, remarks and the clock. Raises NotFound."""
    found = await decision(db, scope, number)
    turns = await _turns(db, scope, number)
    return Detail(
        decision=found, content=content_of(found), people=await _asked(db, scope, number),
        answers=await answers_of(db, scope, number), remarks=await _said(db, scope, number), turns=turns,
        waited=waited(scope, turns),
    )  # fmt: skip


async def _asked(db: AsyncSession, scope: Scope, number: int) -> list[Asked]:
    statement = (
        select(Person.id, Person.name)
        .join(DecisionPerson, DecisionPerson.person_id == Person.id)
        .where(DecisionPerson.project_id == scope.project_id, DecisionPerson.decision_number == number)
        .order_by(Person.name)
    )
    return [Asked(*row) for row in await db.execute(statement)]


async def _said(db: AsyncSession, scope: Scope, number: int) -> list[Said]:
    statement = (
        select(DecisionRemark, Person.name)
        .outerjoin(Person, Person.id == DecisionRemark.person_id)
        .where(DecisionRemark.project_id == scope.project_id, DecisionRemark.decision_number == number)
        .order_by(DecisionRemark.seq.desc())
        .limit(MOST_REMARKS)
    )
    hides = not scope.is_staff and scope.project.show_staff != "name"
    newest = (await db.execute(statement)).all()
    return [Said(row, None if hides and row.by_staff else name) for row, name in reversed(newest)]


async def _turns(db: AsyncSession, scope: Scope, number: int) -> Sequence[DecisionTurn]:
    of = (DecisionTurn.project_id == scope.project_id, DecisionTurn.decision_number == number)
    return (await db.scalars(select(DecisionTurn).where(*of).order_by(DecisionTurn.ordinal))).all()


def waited(scope: Scope, turns: Sequence[DecisionTurn]) -> Waited:
    """The sums of these turns, those under way counted until now."""
    now = clock.now()
    minutes = dict.fromkeys(Side, 0)
    for turn in turns:
        minutes[turn.side] += turn.minutes if turn.minutes is not None else minutes_between(scope, turn.from_at, now)
    return Waited(minutes[Side.CLIENT], minutes[Side.AGENCY])


async def judgements(db: AsyncSession, scope: Scope, number: int) -> Sequence[DecisionJudgement]:
    """Staff's private words about a decision; none for anybody else, and none while looking as the client."""
    if not scope.is_staff:
        return []
    of = (DecisionJudgement.project_id == scope.project_id, DecisionJudgement.decision_number == number)
    return (await db.scalars(select(DecisionJudgement).where(*of).order_by(DecisionJudgement.seq))).all()


async def draft(db: AsyncSession, scope: Scope, number: int) -> DecisionDraft | None:
    """What the viewer had written before they were sent to prove themselves anew."""
    mine = (DecisionDraft.project_id == scope.project_id, DecisionDraft.person_id == scope.viewer.person_id)
    statement = select(DecisionDraft).where(*mine, DecisionDraft.decision_number == number)
    return await db.scalar(statement) if 0 < number <= MOST_NUMBER else None


async def company_of(db: AsyncSession, scope: Scope) -> str:
    """The company for which the viewer is a member of the project: not always that of the project, whose client may
    have invited somebody of another one.
    """
    mine = (Membership.project_id == scope.project_id, Membership.person_id == scope.viewer.person_id)
    statement = select(Company.name).join(Membership, Membership.company_id == Company.id).where(*mine)
    return await db.scalar(statement) or scope.project.company_name


def _deciders(scope: Scope, audience: Audience) -> Select[Any]:
    """The people who have what it takes to answer a question for this audience."""
    can = (getattr(Membership, role.value) for role in sorted(roles_for(audience)))
    statement = select(Membership.person_id).join(Person, LET_IN)
    return statement.where(Membership.project_id == scope.project_id, *can)


async def is_answerable(db: AsyncSession, scope: Scope, decision: Decision) -> bool:
    """Whether anybody is left whose answer to a decision would be taken: of the client, or of those who are named."""
    deciders = _deciders(scope, decision.audience)
    if decision.is_named:
        of = (DecisionPerson.project_id == scope.project_id, DecisionPerson.decision_number == decision.number)
        deciders = deciders.where(Membership.person_id.in_(select(DecisionPerson.person_id).where(*of)))
    return await db.scalar(deciders.limit(1)) is not None


async def check_people(db: AsyncSession, scope: Scope, question: Question) -> None:
    """Raises Invalid for somebody who is asked by name and could not answer: no member, or without the role."""
    if not question.people:
        return
    wanted = roles_for(question.audience)
    deciders = _deciders(scope, question.audience)
    known = set(await db.scalars(deciders.where(Membership.person_id.in_(question.people))))
    for at, person in enumerate(question.people):
        if person not in known:
            right = " and ".join(sorted(wanted))
            raise Invalid(
                f"This person needs the role {right} in the project.", field=f"people[{at}]", value=str(person)
            )
