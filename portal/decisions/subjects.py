"""Decisions from the side of what they are about: how each of many subjects stands, and all about one of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from portal.access import Scope
from portal.decisions.models import Decision, DecisionAnswer, DecisionKind, DecisionState
from portal.decisions.waiting import can_answer
from portal.people.models import Person
from portal.projects.models import ProjectStatus

MOST_ROWS = 1_000
STANDING = (DecisionState.ASKED, DecisionState.DECIDED)
"""A question in one of these says how its subject stands: not one that was taken back, nor one that was followed."""


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest question about a subject. `is_mine`: the viewer can answer it now."""

    decision: Decision
    is_mine: bool


@dataclass(frozen=True, slots=True)
class Given:
    """An answer and who gave it, and for whom when it was for somebody else."""

    answer: DecisionAnswer
    name: str
    principal: str | None


@dataclass(slots=True)
class Settled:
    """A decision with the answers to it."""

    decision: Decision
    is_mine: bool
    answers: list[Given] = field(default_factory=list)


def is_mine(scope: Scope) -> Any:
    """Whether the viewer can answer a decision now, as a column of a statement that reads decisions."""
    is_closed = scope.is_staff or scope.preview or scope.project.status == ProjectStatus.ARCHIVED
    person = None if is_closed else scope.viewer.person_id
    return can_answer(person, scope.today).label("is_mine")


def _visible(scope: Scope, kind: DecisionKind) -> tuple[Any, ...]:
    return Decision.project_id == scope.project_id, Decision.audience.in_(scope.audiences), Decision.kind == kind


async def newest(
    db: AsyncSession, scope: Scope, kind: DecisionKind, subjects: Iterable[int]
) -> dict[int, Newest]:  # fmt: skip
    """Of the questions about each of these subjects that the viewer may see, the newest that says how it stands."""
    wanted = sorted(set(subjects))
    if not wanted:
        return {}
    last = (
        select(func.max(Decision.number))
        .where(*_visible(scope, kind), Decision.subject_number.in_(wanted), Decision.state.in_(STANDING))
        .group_by(Decision.subject_number)
    )
    statement = select(Decision, is_mine(scope)).where(
        Decision.project_id == scope.project_id, Decision.number.in_(last)
    )
    return {row.subject_number: Newest(row, bool(mine)) for row, mine in await db.execute(statement)}


async def story(db: AsyncSession, scope: Scope, kind: DecisionKind, subject: int) -> list[Settled]:
    """All decisions about a subject that the viewer may see, the newest first, with their answers in their order."""
    person, principal = aliased(Person), aliased(Person)
    of_decision = and_(
        DecisionAnswer.project_id == Decision.project_id, DecisionAnswer.decision_number == Decision.number
    )
    statement = (
        select(Decision, is_mine(scope), DecisionAnswer, person.name, principal.id, principal.name)
        .outerjoin(DecisionAnswer, of_decision)
        .outerjoin(person, person.id == DecisionAnswer.person_id)
        .outerjoin(principal, principal.id == DecisionAnswer.principal_id)
        .where(*_visible(scope, kind), Decision.subject_number == subject)
        .order_by(Decision.number.desc(), DecisionAnswer.seq)
        .limit(MOST_ROWS)
    )
    found: dict[int, Settled] = {}
    for row, mine, answer, name, whose, whose_name in await db.execute(statement):
        settled = found.setdefault(row.number, Settled(row, bool(mine)))
        if answer is not None:
            settled.answers.append(Given(answer, name, whose_name if whose != answer.person_id else None))
    return list(found.values())
