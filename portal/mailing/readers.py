"""Who is told of a project, with the rights that they have at this moment and what they wish."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import ProjectFacts, Scope, StaffRole, Viewer, open_scope
from portal.errors import NotFound
from portal.notify.models import NotifyPreference, NotifyReader
from portal.notify.preferences import wishes_of
from portal.notify.rules import Wishes
from portal.people.models import Person, StaffStanding
from portal.projects import queries as projects
from portal.projects.queries import MEMBERSHIP, ROLES, roles_of

PERSON, STANDING, READER = (
    cast(Table, model.__table__) for model in (Person, StaffStanding, NotifyReader)
)  # fmt: skip
MANAGERS = frozenset({StaffRole.MANAGER, StaffRole.ADMIN})
MOST = 1_000


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who may be told: as whom, what they are in the project, and their wishes."""

    scope: Scope
    wishes: Wishes

    @property
    def viewer(self) -> Viewer:
        """Whom a mail would go to."""
        return self.scope.viewer


def _standing(now: datetime) -> Any:
    return and_(STANDING.c.person_id == PERSON.c.id, STANDING.c.until_at > now)


def viewer_of(row: Any) -> Viewer:
    """The viewer of a row with a person's columns and, if they stand as staff, `staff_roles`."""
    staff = frozenset(StaffRole(role) for role in row.staff_roles or ())
    actor = f"{'staff' if staff else 'person'}:{row.person_id}"
    return Viewer("person", actor, row.person_id, row.name, row.email, row.locale, staff)


_WHO = (
    PERSON.c.id.label("person_id"), PERSON.c.name, PERSON.c.email, PERSON.c.locale,
    STANDING.c.roles.label("staff_roles"),
)  # fmt: skip
_REACHABLE = (PERSON.c.disabled_at.is_(None), PERSON.c.email != "")


async def person(db: AsyncSession, person_id: UUID) -> Viewer | None:
    """A person as they may be told now; None when they were disabled or have no address."""
    source = PERSON.outerjoin(STANDING, _standing(clock.now()))
    row = (await db.execute(select(*_WHO).select_from(source).where(PERSON.c.id == person_id, *_REACHABLE))).first()
    return viewer_of(row) if row else None


async def of_project(db: AsyncSession, project: ProjectFacts, *, with_testers: bool = False) -> list[Reader]:
    """The members of a project, and of the agency those who did something in it: else every manager. `with_testers`:
    also who tests and sees nothing else."""
    now = clock.now()
    rows = list(await db.execute(_members(project.id, now))) + list(await db.execute(_followers(project.id, now)))
    found = {row.person_id: row for row in rows}
    viewers = {person_id: viewer_of(row) for person_id, row in found.items()}
    if not any(viewer.staff & MANAGERS for viewer in viewers.values()):
        viewers |= await _managers(db, now)
    wishes = await _wishes(db, viewers.keys(), project.time_zone)
    roles = {person_id: roles_of(row) if hasattr(row, "approver") else () for person_id, row in found.items()}
    scopes = {person_id: open_scope(viewer, project, roles.get(person_id, ())) for person_id, viewer in viewers.items()}
    return [
        Reader(one, wishes[person_id]) for person_id, one in scopes.items() if with_testers or not one.is_tester_alone
    ]


async def scope_of(db: AsyncSession, viewer: Viewer, key: str, *, of_tests: bool = False) -> Scope:
    """What somebody who is mailed is in a project. Raises NotFound for who does not belong to it, and for who is a
    tester alone, unless the mail is of tests (`of_tests`): of a project that they see nothing else of, no other tells
    them."""
    scope = await projects.scope_for(db, viewer, key)
    if scope.is_tester_alone and not of_tests:
        raise NotFound("There is no such project.")
    return scope


def _members(project_id: UUID, now: datetime) -> Any:
    source = MEMBERSHIP.join(PERSON, PERSON.c.id == MEMBERSHIP.c.person_id).outerjoin(STANDING, _standing(now))
    mine = (MEMBERSHIP.c.project_id == project_id, *_REACHABLE)
    return select(*_WHO, *ROLES).select_from(source).where(*mine).order_by(PERSON.c.id).limit(MOST)


def _followers(project_id: UUID, now: datetime) -> Any:
    source = READER.join(PERSON, PERSON.c.id == READER.c.person_id).join(STANDING, _standing(now))
    mine = (READER.c.project_id == project_id, *_REACHABLE)
    return select(*_WHO).select_from(source).where(*mine).order_by(PERSON.c.id).limit(MOST)


async def _managers(db: AsyncSession, now: datetime) -> dict[UUID, Viewer]:
    everybody = await _staff(db, now)
    return {one.person_id: one for one in everybody if one.person_id is not None and one.staff & MANAGERS}


async def administrators(db: AsyncSession) -> list[Viewer]:
    """Those of the agency who administer the portal and can be mailed."""
    return [one for one in await _staff(db, clock.now()) if StaffRole.ADMIN in one.staff]


async def _staff(db: AsyncSession, now: datetime) -> list[Viewer]:
    statement = select(*_WHO).select_from(PERSON.join(STANDING, _standing(now))).where(*_REACHABLE).limit(MOST)
    return [viewer_of(row) for row in await db.execute(statement)]


async def _wishes(db: AsyncSession, people: Collection[UUID], zone: str) -> dict[UUID, Wishes]:
    chosen = await db.scalars(select(NotifyPreference).where(NotifyPreference.person_id.in_(people)))
    known = {row.person_id: row for row in chosen}
    return {person_id: wishes_of(known.get(person_id), zone) for person_id in people}
