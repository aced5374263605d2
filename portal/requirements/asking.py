"""Asking the client to confirm requirements: one decision each, or none when anything is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.decisions import commands as decisions
from portal.decisions.models import Decision, DecisionKind
from portal.decisions.rules import Question
from portal.errors import Invalid
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.requirements import workflow
from portal.requirements.store import Loaded, load
from portal.requirements.wording import content_of

MOST_ASKED = 50
"""Requirements of one call that asks; each becomes a decision of its own."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Of whom, until when, and what waits on it; as in `decisions.rules.Question`."""

    people: tuple[UUID, ...] = ()
    needed: int | None = None
    due_on: date | None = None
    holds_up: str = ""


async def ask(db: AsyncSession, scope: Scope, numbers: Sequence[int], wanted: Asking | None = None) -> list[Decision]:
    """Asks the client to confirm these requirements in their latest versions: one decision each, all or none.

    Raises Invalid with a problem for each thing that is missing or in the way (`numbers[1]`), NotFound, NotAllowed,
    and as `decisions.ask` does.
    """
    scope.require_staff()
    if not 1 <= len(numbers) <= MOST_ASKED or len(set(numbers)) != len(numbers):
        raise Invalid(f"Name each requirement once, 1 to {MOST_ASKED}.", field="numbers", value=len(numbers))
    await ledger.lock(db, scope.project_id)
    every = [await load(db, scope, number) for number in numbers]
    problems = [problem for at, found in enumerate(every) for problem in _in_the_way(at, found)]
    if problems:
        summary = problems[0][1] if len(problems) == 1 else "These requirements cannot be confirmed as they are."
        raise Invalid(summary, problems=tuple(problems))
    return [await _ask(db, scope, found, wanted or Asking()) for found in every]


def _in_the_way(at: int, found: Loaded) -> list[tuple[str, str, Any]]:
    """Why the client cannot be asked about a requirement, as the problems of `numbers[at]`."""
    number, field = found.head.number, f"numbers[{at}]"
    if why := workflow.why_not_asked(found.state):
        return [(field, f"Requirement {number}: {why}.", number)]
    lacks = [f"Requirement {number} lacks {workflow.LACKS[one]}." for one in workflow.missing(found.version)]
    if found.head.audience is Audience.INTERNAL:
        lacks.append(f"Requirement {number} is internal: publish it first.")
    return [(field, words, number) for words in lacks]


async def _ask(db: AsyncSession, scope: Scope, found: Loaded, wanted: Asking) -> Decision:
    head, version = found.head, found.version
    question = Question(
        kind=DecisionKind.REQUIREMENT, subject_number=head.number, subject_version=version.version,
        title=version.title, content=content_of(head, version), people=wanted.people,
        needed=wanted.needed, due_on=wanted.due_on, holds_up=wanted.holds_up,
    )  # fmt: skip
    decision = await decisions.ask(db, scope, question)
    version.decision_number = decision.number
    version.seq = head.seq = decision.seq
    head.updated_at = clock.now()
    await db.flush()
    return decision
