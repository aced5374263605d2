"""Reads of a calendar: whose address it is, and the days that this person may know of, as of now.

An address opens nothing by itself: what it shows is decided at each reading, by the memberships of that moment.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import ProjectFacts, StaffRole, Viewer
from portal.calendar_feed.models import CalendarFeed
from portal.decisions.waiting import due_everywhere
from portal.errors import NotFound
from portal.identity.models import Session
from portal.identity.sessions import hash_of
from portal.ledger.models import Event
from portal.people.models import Person
from portal.projects import queries as projects
from portal.projects.models import Milestone

TOKEN_LENGTH = 43
MOST_PROJECTS = 500
MOST_MILESTONES = 2000


class Day(StrEnum):
    """What a day in the calendar is."""

    EXPECTED = "expected"
    AGREED = "agreed"
    DONE = "done"
    DECISION = "decision"


@dataclass(frozen=True, slots=True)
class Entry:
    """A day in somebody's calendar. `at` is when it was last changed."""

    kind: Day
    day: date
    title: str
    key: str
    project: str
    number: int
    at: datetime
    seq: int

    @property
    def uid(self) -> str:
        """What calendars recognise it by, whatever of it changes; to be completed by the portal's host."""
        thing = "decision" if self.kind is Day.DECISION else "milestone"
        day = "agreed" if self.kind is Day.AGREED else "day"
        return f"{thing}-{self.key}-{self.number}-{day}"

    @property
    def path(self) -> str:
        """Its page."""
        room = "decisions" if self.kind is Day.DECISION else "milestones"
        return f"/projects/{self.key}/{room}/{self.number}"


async def made_at(db: AsyncSession, viewer: Viewer) -> datetime | None:
    """When the viewer's calendar address was made; None without one."""
    return await db.scalar(select(CalendarFeed.created_at).where(CalendarFeed.person_id == viewer.person_id))


async def reader(db: AsyncSession, token: str) -> Viewer:
    """The person whose address this is. Raises NotFound alike for unknown, ended and disabled ones.

    The agency's people are seen as such while they are signed in somewhere: only a sign-in says that they still are.
    """
    if len(token) != TOKEN_LENGTH or not token.isascii():
        raise NotFound("There is no such calendar.")
    now = clock.now()
    live = and_(Session.person_id == Person.id, Session.expires_at > now, Session.idle_until > now)
    statement = (
        select(Person.id, Person.name, Person.email, Person.locale, Session.staff_roles)
        .join(CalendarFeed, CalendarFeed.person_id == Person.id)
        .outerjoin(Session, live)
        .where(CalendarFeed.token_hash == hash_of(token), Person.disabled_at.is_(None))
        .limit(100)
    )
    rows = (await db.execute(statement)).all()
    if not rows:
        raise NotFound("There is no such calendar.")
    person = rows[0]
    staff = frozenset(StaffRole(role) for row in rows for role in row.staff_roles or ())
    actor = f"{'staff' if staff else 'person'}:{person.id}"
    return Viewer("person", actor, person.id, person.name, person.email, person.locale, staff)


async def entries(db: AsyncSession, viewer: Viewer) -> list[Entry]:
    """The days of a person's projects: milestones, and what waits for their answer. The soonest first. Of a project in
    which they are a tester alone, none."""
    lines = await projects.mine(db, viewer, limit=MOST_PROJECTS)
    facts = {line.facts.id: line.facts for line in lines if not line.is_tester_alone}
    found = [*await _milestones(db, facts), *await _decisions(db, viewer, {one.key for one in facts.values()})]
    return sorted(found, key=lambda one: (one.day, one.uid))


async def _milestones(db: AsyncSession, facts: dict[UUID, ProjectFacts]) -> list[Entry]:
    changed = and_(Event.project_id == Milestone.project_id, Event.seq == Milestone.seq)
    statement = (
        select(Milestone, Event.recorded_at)
        .join(Event, changed)
        .where(Milestone.project_id.in_(facts))
        .order_by(Milestone.project_id, Milestone.number)
        .limit(MOST_MILESTONES)
        .execution_options(cross_project="the calendar of a person's own projects")
    )
    rows = (await db.execute(statement)).all()
    return [entry for one, at in rows for entry in _days(one, facts[one.project_id], at)]


def _days(one: Milestone, project: ProjectFacts, at: datetime) -> list[Entry]:
    """When a milestone was reached or is expected, and beside it the day that was agreed, if that is another."""
    main = (Day.DONE, one.done_on) if one.done_on else (Day.EXPECTED, one.expected_on)
    agreed = one.agreed_on or one.promised_on
    days = [main] if main[1] else []
    if agreed and agreed != main[1] and not one.done_on:
        days.append((Day.AGREED, agreed))
    return [Entry(kind, day, one.name, project.key, project.name, one.number, at, one.seq) for kind, day in days if day]


async def _decisions(db: AsyncSession, viewer: Viewer, keys: Collection[str]) -> list[Entry]:
    """What is due from this person; for the agency's people, what is due from the agency."""
    return [
        Entry(Day.DECISION, one.due_on, one.title, one.key, one.project, one.number, one.since, 0)
        for one in await due_everywhere(db, viewer)
        if one.due_on and one.key in keys
    ]
