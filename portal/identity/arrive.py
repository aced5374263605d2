"""Who comes in with this cookie, and what they are in the project they ask for: one statement for both."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Role, Scope, StaffRole, Viewer, open_scope
from portal.access.models import Membership
from portal.errors import SignInNeeded
from portal.identity.models import Session
from portal.ledger.models import ProjectLedger
from portal.people.models import Company, Person
from portal.projects.models import Project
from portal.projects.queries import FACTS, ROLES, facts_of, roles_of

COLUMNS = (
    Session.id.label("session_id"),
    Session.person_id,
    Session.staff_roles,
    Session.last_seen_at,
    Session.view_as,
    Person.name.label("person_name"),
    Person.email.label("person_email"),
    Person.locale.label("person_locale"),
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A signed-in person: the viewer, their session, and what a `Scope` can be opened from."""

    viewer: Viewer
    session_id: UUID
    needs_touch: bool
    view_as: tuple[str, frozenset[Role]] | None
    row: Row[Any]

    def scope(self) -> Scope:
        """The scope in the project that was asked for. Raises NotFound."""
        return open_scope(self.viewer, facts_of(self.row), roles_of(self.row), view_as=self.view_as)


async def arrive(db: AsyncSession, token_hash: bytes, key: str | None, *, touch_after_seconds: int = 300) -> Arrival:
    """The viewer of a live session, with the project `key` if one is asked for.

    Raises SignInNeeded for a token that is unknown, ended, idle too long or of a person who was disabled.
    """
    now = clock.now()
    project = ProjectLedger.key == (key or "")  # no project has an empty key
    statement = (
        select(*COLUMNS, *FACTS, *ROLES)
        .join(Person, Person.id == Session.person_id)
        .outerjoin(ProjectLedger, project)
        .outerjoin(Project, Project.id == ProjectLedger.id)
        .outerjoin(Company, Company.id == Project.company_id)
        .outerjoin(
            Membership, and_(Membership.project_id == ProjectLedger.id, Membership.person_id == Session.person_id)
        )
        .where(
            Session.token_hash == token_hash,
            Session.expires_at > now,
            Session.idle_until > now,
            Person.disabled_at.is_(None),
        )
    )
    row = (await db.execute(statement)).one_or_none()
    if row is None:
        raise SignInNeeded("Please sign in.")
    stale = (now - row.last_seen_at).total_seconds() > touch_after_seconds
    return Arrival(viewer_of(row), row.session_id, stale, view_as_of(row.view_as), row)


def viewer_of(row: Row[Any]) -> Viewer:
    """The viewer that a session row names."""
    staff = frozenset(StaffRole(role) for role in row.staff_roles)
    return Viewer(
        kind="person",
        actor=f"{'staff' if staff else 'person'}:{row.person_id}",
        person_id=row.person_id,
        name=row.person_name,
        email=row.person_email,
        locale=row.person_locale,
        staff=staff,
    )


def view_as_of(stored: dict[str, Any] | None) -> tuple[str, frozenset[Role]] | None:
    """What a session keeps of looking as the client: (project key, roles)."""
    return (stored["key"], frozenset(Role(role) for role in stored["roles"])) if stored else None
