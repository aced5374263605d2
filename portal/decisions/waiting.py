"""Who is waited for: what is open in a project or in all of a viewer's projects, and how long each side waited."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, Row, Select, Table, and_, bindparam, desc, exists, func, literal, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope, StaffRole, Viewer
from portal.access.models import Membership
from portal.decisions.models import (
    Decision,
    DecisionAnswer,
    DecisionKind,
    DecisionPerson,
    DecisionState,
    DecisionTurn,
    Delegation,
    Side,
    Verdict,
)
from portal.decisions.queries import Waited
from portal.decisions.turns import minutes_since_each
from portal.ledger.models import Audience
from portal.people.models import Person
from portal.projects.models import ProjectStatus
from portal.projects.queries import COMPANY, LEDGER, MEMBERSHIP, PROJECT

DECISION, TURN = cast(Table, Decision.__table__), cast(Table, DecisionTurn.__table__)
MOST = 200
"""So many are listed; what is counted, summed or put into a calendar knows no bound."""
Listing = tuple[Select[Any], dict[str, Any]]
"""A statement, and what is to be filled in when it runs."""
WHY_ACROSS = "what waits in a viewer's own projects"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A decision that waits for somebody. `outcome`: what was answered, where the agency has to act on that.
    `is_mine`: the viewer can answer it now; `time_zone`: the project's."""

    key: str
    project: str
    company: str
    number: int
    kind: DecisionKind
    title: str
    side: Side
    since: datetime
    due_on: date | None
    holds_up: str
    outcome: Verdict | None
    is_mine: bool
    is_overdue: bool
    time_zone: str


_COLUMNS = (
    LEDGER.c.key, PROJECT.c.name, COMPANY.c.name.label("company"), PROJECT.c.time_zone, DECISION.c.number,
    DECISION.c.kind, DECISION.c.title, DECISION.c.turn, TURN.c.from_at, DECISION.c.due_on, DECISION.c.holds_up,
    DECISION.c.outcome,
)  # fmt: skip
_OPEN_TURN = and_(
    TURN.c.project_id == DECISION.c.project_id,
    TURN.c.decision_number == DECISION.c.number,
    TURN.c.until_at.is_(None),
)
_FROM = (
    DECISION.join(TURN, _OPEN_TURN)
    .join(LEDGER, LEDGER.c.id == DECISION.c.project_id)
    .join(PROJECT, PROJECT.c.id == DECISION.c.project_id)
    .join(COMPANY, COMPANY.c.id == PROJECT.c.company_id)
)


THE_PROJECT = bindparam("project", type_=DECISION.c.project_id.type)
THE_PERSON = bindparam("person", type_=DECISION.c.project_id.type)
_FIRST, _LAST = bindparam("first", type_=DECISION.c.due_on.type), bindparam("last", type_=DECISION.c.due_on.type)
THE_MOST = bindparam("most", type_=Integer())
"""What is filled in when a statement runs: to build one costs more than to run it, and many pages ask."""


async def waiting(db: AsyncSession, scope: Scope) -> list[Waiting]:
    """What is open in the project and this viewer may see; what the viewer can answer first, then by due day. In an
    archived project nothing: nobody can act there."""
    return in_order(await db.execute(*listing(scope)))


def listing(scope: Scope) -> Listing:
    """The statement that finds what is open in a project, for whoever reads other things beside it."""
    person = None if scope.is_staff or scope.preview else scope.viewer.person_id
    statement = _in_project(scope.audiences, for_person=person is not None)
    return statement, _given(person, scope.today, scope.today) | {"project": scope.project_id, "most": MOST}


@cache
def _in_project(audiences: tuple[Audience, ...], *, for_person: bool) -> Select[Any]:
    return _most_pressing(
        _listed(for_person=for_person)
        .select_from(_FROM)
        .where(
            DECISION.c.project_id == THE_PROJECT,
            TURN.c.project_id == THE_PROJECT,
            PROJECT.c.status != ProjectStatus.ARCHIVED,
            DECISION.c.audience.in_(audiences),
        )
    )


def _listed(*, for_person: bool) -> Select[Any]:
    is_mine = _answerable(THE_PERSON, _FIRST, _LAST) if for_person else literal(False)
    return select(*_COLUMNS, is_mine.label("is_mine"))


def _given(person: UUID | None, first: date, last: date) -> dict[str, Any]:
    return {} if person is None else {"person": person, "first": first, "last": last}


async def waiting_everywhere(db: AsyncSession, viewer: Viewer) -> list[Waiting]:
    """What is open in all projects of a viewer: for staff every project, for a client those of their memberships.

    Over several projects there is no one day: a day to either side counts for delegations, and the project's own day
    decides when the answer is given.
    """
    return in_order(await db.execute(*listing_everywhere(viewer)))


def listing_everywhere(viewer: Viewer) -> Listing:
    """The statement that finds what is open in all projects of a viewer, for whoever reads other things beside it."""
    statement, given = _of_viewer(viewer)
    return _most_pressing(statement), given | {"most": MOST}


async def due_everywhere(db: AsyncSession, viewer: Viewer) -> list[Waiting]:
    """All that is due by a day from the viewer, in all their projects; for staff, all that is due from the agency."""
    statement, given = _of_viewer(viewer)
    found = await db.execute(_by_a_day(statement, Side.AGENCY if viewer.is_staff else Side.CLIENT), given)
    return [one for one in in_order(found) if one.is_mine or viewer.is_staff]


async def counts_everywhere(db: AsyncSession, viewer: Viewer) -> dict[str, Counter[str]]:
    """By key of each of a viewer's projects in which anything is open: how many wait for the viewer ("mine"), for
    others of the client's ("client"), for the agency."""
    statement, given = _of_viewer(viewer)
    by_key = defaultdict[str, Counter[str]](Counter)
    for key, side, is_mine, number in await db.execute(_counted(statement), given):
        by_key[key]["mine" if is_mine else side.value] += number
    return by_key


def _of_viewer(viewer: Viewer) -> Listing:
    """What is open in all projects of a viewer, in no order."""
    if viewer.is_staff:
        sees_money = bool(viewer.staff & {StaffRole.FINANCE, StaffRole.MANAGER, StaffRole.ADMIN})
        return _for_staff(sees_money=sees_money), {}
    given = {"person": viewer.person_id} | _given(viewer.person_id, *_days_on_earth())
    return _for_client(for_person=viewer.person_id is not None), given


@cache
def _by_a_day(statement: Select[Any], side: Side) -> Select[Any]:
    return statement.where(DECISION.c.turn == side, DECISION.c.due_on.is_not(None))


@cache
def _counted(statement: Select[Any]) -> Select[Any]:
    found = statement.subquery()
    by = (found.c.key, found.c.turn, found.c.is_mine)
    return select(*by, func.count()).group_by(*by).execution_options(cross_project=WHY_ACROSS)


@cache
def _most_pressing(statement: Select[Any]) -> Select[Any]:
    """So many as are listed at all: what the viewer can answer is never left out for the sake of what they cannot."""
    last = date.max  # a day that no due date reaches: both databases put "none" elsewhere
    soonest = func.coalesce(DECISION.c.due_on, literal(last, DECISION.c.due_on.type))
    return statement.order_by(desc("is_mine"), soonest, TURN.c.from_at, DECISION.c.number).limit(THE_MOST)


def _everywhere(*, for_person: bool) -> Select[Any]:
    statement = _listed(for_person=for_person).where(PROJECT.c.status != ProjectStatus.ARCHIVED)
    return statement.execution_options(cross_project=WHY_ACROSS)


@cache
def _for_staff(*, sees_money: bool) -> Select[Any]:
    seen = true() if sees_money else DECISION.c.audience == Audience.CLIENT
    return _everywhere(for_person=False).select_from(_FROM).where(seen)


@cache
def _for_client(*, for_person: bool) -> Select[Any]:
    mine = and_(
        MEMBERSHIP.c.project_id == DECISION.c.project_id,
        MEMBERSHIP.c.person_id == THE_PERSON,
        MEMBERSHIP.c.viewer,
    )
    seen = or_(
        DECISION.c.audience == Audience.CLIENT, and_(DECISION.c.audience == Audience.BILLING, MEMBERSHIP.c.billing)
    )
    return _everywhere(for_person=for_person).select_from(_FROM.join(MEMBERSHIP, mine)).where(seen)


def can_answer(person: UUID | None, today: date) -> Any:
    """Whether this person can answer now: asked, with the role, or for somebody who is; and that answer is missing.

    `today` is the project's own day.
    """
    return literal(False) if person is None else _answerable(person, today, today)


def _answerable(person: Any, first: Any, last: Any) -> Any:
    is_open = (DECISION.c.state == DecisionState.ASKED, DECISION.c.turn == Side.CLIENT)
    return and_(*is_open, _counts_once_more(person), _as_somebody(person, first, last))


def _counts_once_more(person: Any) -> Any:
    """Whether an answer of this person would count: `workflow.counts_people` and `rules.voices` as SQL."""
    asked = (
        select(func.count())
        .where(DecisionPerson.project_id == DECISION.c.project_id, DecisionPerson.decision_number == DECISION.c.number)
        .correlate(DECISION)
        .scalar_subquery()
    )
    has_answered = (
        exists()
        .where(
            DecisionAnswer.project_id == DECISION.c.project_id,
            DecisionAnswer.decision_number == DECISION.c.number,
            DecisionAnswer.person_id == person,
        )
        .correlate(DECISION)
    )
    return or_(DECISION.c.needed == 1, DECISION.c.needed == asked, ~has_answered)


def _days_on_earth() -> tuple[date, date]:
    """The day of the zones that are furthest behind, and that of those furthest ahead."""
    now = clock.now()
    return (now - timedelta(hours=12)).date(), (now + timedelta(hours=14)).date()


def _as_somebody(person: Any, first: Any, last: Any) -> Any:
    outer = (DECISION, cast(Table, Membership.__table__))
    delegated = (
        exists()
        .where(
            Delegation.project_id == DECISION.c.project_id,
            Delegation.person_id == Membership.person_id,
            Delegation.to_person_id == person,
            Delegation.ended_at.is_(None),
            Delegation.from_on <= last,
            Delegation.until_on >= first,
            Person.id == Delegation.person_id,
            Person.disabled_at.is_(None),
        )
        .correlate(*outer)
    )
    named = (
        exists()
        .where(
            DecisionPerson.project_id == DECISION.c.project_id,
            DecisionPerson.decision_number == DECISION.c.number,
            DecisionPerson.person_id == Membership.person_id,
        )
        .correlate(*outer)
    )
    answered = (
        exists()
        .where(
            DecisionAnswer.project_id == DECISION.c.project_id,
            DecisionAnswer.decision_number == DECISION.c.number,
            DecisionAnswer.principal_id == Membership.person_id,
        )
        .correlate(*outer)
    )
    answerable = exists().where(
        Membership.project_id == DECISION.c.project_id,
        or_(Membership.person_id == person, delegated),
        Membership.approver,
        or_(DECISION.c.audience != Audience.BILLING, Membership.billing),
        or_(DECISION.c.is_named.is_(False), named),
        ~answered,
    )
    return answerable.correlate(DECISION)


def in_order(rows: Iterable[Row[Any]]) -> list[Waiting]:
    """What a listing found: what the viewer can answer first, then by due day."""
    found = [_row(row) for row in rows]
    return sorted(found, key=lambda one: (not one.is_mine, one.due_on or date.max, one.since))


def _row(row: Row[Any]) -> Waiting:
    overdue = row.due_on is not None and row.due_on < clock.day_of(clock.now(), ZoneInfo(row.time_zone))
    return Waiting(
        row.key, row.name, row.company, row.number, row.kind, row.title, row.turn, row.from_at, row.due_on,
        row.holds_up, row.outcome, bool(row.is_mine), overdue, row.time_zone,
    )  # fmt: skip


async def waited_in_all(db: AsyncSession, scope: Scope) -> Waited:
    """How long each side has kept the other waiting over all decisions that this viewer may see, in working minutes."""
    statement = (
        select(TURN.c.side, TURN.c.from_at, func.coalesce(TURN.c.minutes, -1).label("minutes"))
        .join(
            DECISION,
            and_(DECISION.c.project_id == TURN.c.project_id, DECISION.c.number == TURN.c.decision_number),
        )
        .where(
            TURN.c.project_id == scope.project_id,
            DECISION.c.project_id == scope.project_id,
            DECISION.c.audience.in_(scope.audiences),
        )
    )
    ended = statement.where(TURN.c.until_at.is_not(None)).subquery()
    sums = select(ended.c.side, func.sum(ended.c.minutes)).group_by(ended.c.side)
    minutes = {side: int(total) for side, total in await db.execute(sums)}
    turns = (await db.execute(statement.where(TURN.c.until_at.is_(None)))).all()
    since = minutes_since_each(scope, [turn.from_at for turn in turns], clock.now())
    for turn, passed in zip(turns, since, strict=True):
        minutes[turn.side] = minutes.get(turn.side, 0) + passed
    return Waited(minutes.get(Side.CLIENT, 0), minutes.get(Side.AGENCY, 0))


def for_viewer(found: Sequence[Waiting], viewer: Viewer) -> list[Waiting]:
    """Of what is open, what this viewer's own side has to do."""
    return [one for one in found if (one.side is Side.AGENCY) == viewer.is_staff]
