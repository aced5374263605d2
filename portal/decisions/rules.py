"""What may be asked, and of whom. Pure, but for the scope it is told."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from portal.access import Role, Scope
from portal.decisions import workflow
from portal.decisions.models import Decision, DecisionKind
from portal.errors import Invalid, NotAllowed, TooLarge
from portal.ledger.models import Audience
from portal.projects.rules import check_name, check_text

MOST_PEOPLE = 20
MOST_CONTENT = 2_000_000
"""Bytes of what is decided: a receipt holds it whole, and has to be one that everybody can verify."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a room asks the client to decide.

    `content` is everything that is decided, as JSON without floats: texts, terms, and each file's SHA-256.
    `people` are asked by name; empty: everybody with the role. `needed` of them must approve (None: all who are named,
    or any one with the role). Less than all who are named, or more than one with the role, are different human beings.
    """

    kind: DecisionKind
    subject_number: int
    subject_version: int
    title: str
    content: Mapping[str, Any]
    audience: Audience = Audience.CLIENT
    people: tuple[UUID, ...] = ()
    needed: int | None = None
    due_on: date | None = None
    holds_up: str = ""
    choices: tuple[tuple[str, str], ...] = field(default=())
    """Alternatives as (key, title), one of which an approval takes."""


def checked(question: Question, today: date) -> Question:
    """The question, if it can be asked. Raises Invalid naming the field."""
    check_name(question.title, "title")
    check_text(question.holds_up, "holds_up", length=500)
    if question.audience is Audience.INTERNAL:
        raise Invalid("The client cannot decide what is internal.", field="audience", value="internal")
    if question.due_on is not None and question.due_on < today:
        raise Invalid("The due date has passed already.", field="due_on", value=question.due_on.isoformat())
    if len(set(question.people)) != len(question.people) or len(question.people) > MOST_PEOPLE:
        raise Invalid(f"Name each person once, at most {MOST_PEOPLE}.", field="people", value=len(question.people))
    needed = needed_of(question)
    most = len(question.people) or MOST_PEOPLE
    if not 1 <= needed <= most:
        raise Invalid(f"Between 1 and {most} people can be needed.", field="needed", value=needed)
    return question


def check_size(content: str) -> str:
    """The content as it is kept. Raises TooLarge for what nobody could answer, as no receipt would hold it."""
    if (size := len(content.encode())) > MOST_CONTENT:
        raise TooLarge(f"What is asked may have {MOST_CONTENT:,} bytes together.", field="content", value=size)
    return content


def needed_of(question: Question) -> int:
    """How many must approve."""
    return question.needed if question.needed is not None else len(question.people) or 1


def roles_for(audience: Audience) -> frozenset[Role]:
    """The client's roles that somebody needs to answer: who decides on a price must be somebody who may see it."""
    return frozenset({Role.APPROVER, Role.BILLING} if audience is Audience.BILLING else {Role.APPROVER})


def may_answer(scope: Scope, decision: Decision, named: frozenset[UUID], principals: frozenset[UUID]) -> list[UUID]:
    """As whom this viewer may answer: themselves first, then those who delegated to them. Raises NotAllowed for nobody.

    `principals` are the people who delegated to the viewer today and have the role themselves.
    """
    scope.require_writable()
    person = scope.viewer.person_id
    if scope.is_staff or person is None:
        raise NotAllowed("Only the client's people decide; staff never decide for them.")
    can = [person] if roles_for(decision.audience) <= scope.roles else []
    can += sorted(principals)
    can = [one for one in can if not decision.is_named or one in named]
    if decision.audience not in scope.audiences or not can:
        raise NotAllowed("You are not asked in this decision.")
    return can


def voices(
    person: UUID, can: Sequence[UUID], given: Collection[tuple[UUID, UUID]], needed: int, asked: int | None
) -> list[UUID]:
    """Of those as whom somebody may answer (`can`), those as whom they still can; empty when nothing is left to them.

    `given` are the answers so far as (by whom, in whose name). Where people are counted, everybody gives one answer,
    and whoever is asked themselves gives their own: so nobody uses up a voice that would not count a second time.
    """
    spoken_for = {principal for _by, principal in given}
    left = [one for one in can if one not in spoken_for]
    if not workflow.counts_people(needed, asked):
        return left
    if any(by == person for by, _principal in given):
        return []
    return [person] if person in left else left
