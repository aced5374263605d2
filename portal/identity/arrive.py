"""Who comes in with this cookie, and what they are in the project they ask for: one statement for both."""

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, String, Table, and_, bindparam, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Role, Scope, StaffRole, Viewer, open_scope
from portal.errors import SignInNeeded
from portal.identity.models import Session
from portal.people.models import Person
from portal.projects.queries import COMPANY, FACTS, LEDGER, MEMBERSHIP, PROJECT, ROLES, entering, facts_of, roles_of

SESSION, PERSON = cast(Table, Session.__table__), cast(Table, Person.__table__)

_ARRIVE = (
    select(
        SESSION.c.id.label("session_id"),
        SESSION.c.person_id,
        SESSION.c.staff_roles,
        SESSION.c.last_seen_at,
        SESSION.c.view_as,
        PERSON.c.name.label("person_name"),
        PERSON.c.email.label("person_email"),
        PERSON.c.locale.label("person_locale"),
        *FACTS,
        *ROLES,
        *entering(sql_cast(SESSION.c.staff_roles, String) != "[]"),
    )
    .select_from(
        SESSION.join(PERSON, PERSON.c.id == SESSION.c.person_id)
        .outerjoin(LEDGER, LEDGER.c.key == bindparam("key", type_=String()))
        .outerjoin(PROJECT, PROJECT.c.id == LEDGER.c.id)
        .outerjoin(COMPANY, COMPANY.c.id == PROJECT.c.company_id)
        .outerjoin(
            MEMBERSHIP, and_(MEMBERSHIP.c.project_id == LEDGER.c.id, MEMBERSHIP.c.person_id == SESSION.c.person_id)
        )
    )
    .where(
        SESSION.c.token_hash == bindparam("token"),
        SESSION.c.expires_at > bindparam("now", type_=SESSION.c.expires_at.type),
        SESSION.c.idle_until > bindparam("now", type_=SESSION.c.expires_at.type),
        PERSON.c.disabled_at.is_(None),
    )
)
"""Made once: building it at each request cost more than running it."""


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
    row = (await db.execute(_ARRIVE, {"token": token_hash, "key": key, "now": now})).one_or_none()
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
