"""Reads of the requirements: a list with its filters, one with its versions, and how many are confirmed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    case,
    false,
    func,
    join,
    literal,
    outerjoin,
    select,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.decisions.models import Decision, DecisionState
from portal.decisions.subjects import is_mine
from portal.errors import NotFound
from portal.ledger.models import Audience
from portal.projects.queries import MOST_NUMBER
from portal.requirements.models import Priority, Requirement, RequirementKind, RequirementVersion, State

MOST_VERSIONS = 200
"""Versions that one page lists; their texts are read for two of them alone."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One version of a requirement as this viewer may read it."""

    number: int
    version: int
    latest: int
    kind: RequirementKind
    title: str
    description: str
    priority: Priority | None
    criteria: list[str]
    metric: str
    target: str
    how_measured: str
    state: State
    decision: int | None
    """The last decision in which the client was asked about this version."""
    settled_at: datetime | None
    version_at: datetime
    confirmed_version: int | None
    audience: Audience
    external_ref: str | None
    created_at: datetime
    updated_at: datetime
    is_mine: bool = False
    """Whether the viewer can answer that decision now; asked for one requirement alone."""

    @property
    def is_latest(self) -> bool:
        """Whether this is the version that stands now."""
        return self.version == self.latest


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; every given part must hold."""

    state: State | None = None
    priority: Priority | None = None
    kind: RequirementKind | None = None
    text: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is narrowed."""
        return self == Filter()


@dataclass(frozen=True, slots=True)
class Progress:
    """How many requirements there are, and of how many the present version is confirmed."""

    all: int
    confirmed: int


standing: ColumnElement[str] = case(
    (RequirementVersion.outcome.is_not(None), type_coerce(RequirementVersion.outcome, String)),
    (Decision.number.is_not(None), literal(State.OFFERED.value)),
    (RequirementVersion.decision_number.is_not(None), literal(State.WITHDRAWN.value)),
    else_=literal(State.DRAFT.value),
)
"""`workflow.state_of` as SQL, where `Decision` is the question that is still open about the version."""
_OPEN = and_(
    Decision.project_id == RequirementVersion.project_id,
    Decision.number == RequirementVersion.decision_number,
    Decision.state == DecisionState.ASKED,
)
_OF_REQUIREMENT = and_(
    RequirementVersion.project_id == Requirement.project_id,
    RequirementVersion.requirement_number == Requirement.number,
)
_LATEST = and_(_OF_REQUIREMENT, RequirementVersion.version == Requirement.version)
_HEAD = (Requirement.number, RequirementVersion.version, Requirement.version.label("latest"))
_BODY = (
    RequirementVersion.kind, RequirementVersion.title, RequirementVersion.description, RequirementVersion.priority,
    RequirementVersion.criteria, RequirementVersion.metric, RequirementVersion.target, RequirementVersion.how_measured,
)  # fmt: skip
_REST = (
    standing.label("state"), RequirementVersion.decision_number, RequirementVersion.settled_at,
    RequirementVersion.created_at.label("version_at"), Requirement.confirmed_version, Requirement.audience,
    Requirement.external_ref, Requirement.created_at, Requirement.updated_at,
)  # fmt: skip


_END: tuple[Any, ...] = (
    Requirement.number.label("number"), RequirementVersion.title.label("title"), standing.label("state"),
    Requirement.audience.label("audience"),
)  # fmt: skip
_LATEST_OF_EACH = outerjoin(join(Requirement, RequirementVersion, _LATEST), Decision, _OPEN)


def visible(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    """The conditions under which this scope may know of a requirement."""
    return Requirement.project_id == scope.project_id, Requirement.audience.in_(scope.audiences)


def ends(scope: Scope) -> Select[Any]:
    """The requirements that this scope may know, as the ends of links: number, title, state, audience."""
    return select(*_END).select_from(_LATEST_OF_EACH).where(*visible(scope))


def _lines(scope: Scope, versions: ColumnElement[bool], body: Sequence[Any] = _BODY) -> Select[Any]:
    return (
        select(*_HEAD, *body, *_REST)
        .select_from(Requirement)
        .join(RequirementVersion, versions)
        .outerjoin(Decision, _OPEN)
        .where(*visible(scope))
    )


def _shown(row: Sequence[Any]) -> Shown:
    values = list(row)
    at = len(_HEAD) + len(_BODY)
    values[at] = State(values[at])
    return Shown(*values)


async def requirements(
    db: AsyncSession, scope: Scope, wanted: Filter | None = None, *, after: int = 0, limit: int = 50
) -> list[Shown]:
    """A page of requirements by number, each in its latest version; the next page is after the last one's number."""
    statement = _lines(scope, _LATEST).where(Requirement.number > after, *conditions(wanted or Filter()))
    return [_shown(row) for row in await db.execute(statement.order_by(Requirement.number).limit(limit))]


def conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    """What a filter asks of a requirement's latest version, as SQL."""
    asked: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        asked.append(standing == wanted.state.value)
    if wanted.priority is not None:
        asked.append(RequirementVersion.priority == wanted.priority)
    if wanted.kind is not None:
        asked.append(RequirementVersion.kind == wanted.kind)
    for word in (wanted.text or "").casefold().split():
        asked.append(Requirement.words.contains(word, autoescape=True))
    return asked


async def requirement(db: AsyncSession, scope: Scope, number: int) -> Shown:
    """One requirement in its latest version. Raises NotFound, alike for internal and unused numbers."""
    statement = _lines(scope, _LATEST).where(Requirement.number == number)
    row = (await db.execute(statement)).first() if 0 < number <= MOST_NUMBER else None
    if row is None:
        raise NotFound(f"There is no requirement {number} in this project.")
    return _shown(row)


async def versions(db: AsyncSession, scope: Scope, number: int, wanted: int | None = None) -> list[Shown]:
    """The versions of a requirement, the newest first, at most `MOST_VERSIONS`, in one statement.

    Texts are those of version `wanted` (the latest, if None) and of the one before; all others come without them.
    Raises NotFound for a requirement or a version that is not there.
    """
    if not 0 < number <= MOST_NUMBER or not 0 < (1 if wanted is None else wanted) <= MOST_NUMBER:
        raise NotFound(f"There is no requirement {number} in this project, or no such version of it.")
    read = Requirement.version if wanted is None else literal(wanted)
    is_read = RequirementVersion.version.in_((read, read - 1))
    body = [column if column is RequirementVersion.title else _if(is_read, column) for column in _BODY]
    can_answer = func.coalesce(is_mine(scope), false())
    statement = _lines(scope, _OF_REQUIREMENT, body).add_columns(can_answer).where(Requirement.number == number)
    rows = await db.execute(statement.order_by(RequirementVersion.version.desc()).limit(MOST_VERSIONS))
    found = [_shown(row) for row in rows]
    if not any(one.version == (one.latest if wanted is None else wanted) for one in found):
        raise NotFound(f"There is no requirement {number} in this project, or no such version of it.")
    return found


def _if(is_read: ColumnElement[bool], column: Any) -> ColumnElement[Any]:
    return case((is_read, column)).label(column.key)


async def progress(db: AsyncSession, scope: Scope) -> Progress:
    """How far the confirmation of all requirements is that this scope may know."""
    confirmed = func.sum(case((Requirement.confirmed_version == Requirement.version, 1), else_=0))
    statement = select(func.count(), confirmed).select_from(Requirement).where(*visible(scope))
    every, done = (await db.execute(statement)).one()
    return Progress(every, int(done or 0))
