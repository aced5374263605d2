"""Reads of the plan: the scope's facts, the projects of a viewer, milestones and iterations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Boolean, ColumnElement, Row, Table, and_, bindparam, case, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from portal import wall
from portal.access import ProjectFacts, Role, Scope, Viewer, open_scope
from portal.access.models import Membership
from portal.errors import NotFound
from portal.ledger import commands as ledger
from portal.ledger.models import ProjectLedger
from portal.people.models import Company
from portal.projects import calendar
from portal.projects.models import Iteration, Milestone, Project, ProjectStatus

LEDGER, PROJECT, COMPANY, MEMBERSHIP = (
    cast(Table, model.__table__) for model in (ProjectLedger, Project, Company, Membership)
)

FACTS: tuple[Any, ...] = (
    LEDGER.c.id.label("project_id"),
    LEDGER.c.key.label("project_key"),
    LEDGER.c.version,
    LEDGER.c.client_version,
    LEDGER.c.billing_version,
    PROJECT.c.name.label("project_name"),
    PROJECT.c.company_id,
    COMPANY.c.name.label("company_name"),
    PROJECT.c.status,
    PROJECT.c.time_zone,
    PROJECT.c.currency,
    PROJECT.c.languages,
    PROJECT.c.working_days,
    PROJECT.c.holidays,
    PROJECT.c.days_off,
    PROJECT.c.work_starts,
    PROJECT.c.work_ends,
    PROJECT.c.show_staff,
    PROJECT.c.unit,
)
"""The columns that make a `ProjectFacts`. Of tables rather than models: the hottest statement needs no objects."""

ROLES: tuple[Any, ...] = tuple(MEMBERSHIP.c[role.value] for role in Role)
"""The columns that make a set of roles."""

MOST_NUMBER = 2**31 - 1
"""The largest number that both databases can be asked for."""

PROJECTS = LEDGER.join(PROJECT, PROJECT.c.id == LEDGER.c.id).join(COMPANY, COMPANY.c.id == PROJECT.c.company_id)


def facts_of(row: Row[Any]) -> ProjectFacts | None:
    """The project facts in a row that selected `FACTS`; None when an outer join found no project."""
    if row.project_id is None or row.project_name is None:
        return None
    return ProjectFacts(
        id=row.project_id,
        key=row.project_key,
        name=row.project_name,
        company_id=row.company_id,
        company_name=row.company_name,
        status=row.status,
        time_zone=row.time_zone,
        currency=row.currency,
        languages=tuple(row.languages),
        working_days=row.working_days,
        holidays=row.holidays,
        days_off=tuple(row.days_off),
        work_starts=row.work_starts,
        work_ends=row.work_ends,
        show_staff=row.show_staff,
        unit=row.unit,
        version=row.version,
        client_version=row.client_version,
        billing_version=row.billing_version,
    )


def roles_of(row: Row[Any]) -> frozenset[Role]:
    """The membership roles in a row that selected `ROLES`; empty when an outer join found none."""
    return frozenset(role for role in Role if getattr(row, role.value))


_MINE = and_(MEMBERSHIP.c.project_id == LEDGER.c.id, MEMBERSHIP.c.person_id == bindparam("person"))


def entering(is_staff: ColumnElement[bool]) -> tuple[Any, ...]:
    """The column that takes the transaction into the project of the row, if the person there may come in."""
    return (case((or_(is_staff, MEMBERSHIP.c.person_id.is_not(None)), wall.opening(LEDGER.c.id))),)


_SCOPE = (
    select(*FACTS, *ROLES, *entering(bindparam("staff", type_=Boolean())))
    .select_from(PROJECTS.outerjoin(MEMBERSHIP, _MINE))
    .where(LEDGER.c.key == bindparam("key"))
)


async def scope_for(db: AsyncSession, viewer: Viewer, key: str) -> Scope:
    """The viewer's scope in the project with this key. Raises NotFound alike for unknown and foreign ones."""
    asked = {"key": key, "person": viewer.person_id, "staff": viewer.is_staff}
    row = (await db.execute(_SCOPE, asked)).one_or_none()
    return open_scope(viewer, facts_of(row) if row else None, roles_of(row) if row else ())


async def locked_scope(db: AsyncSession, viewer: Viewer, key: str) -> Scope:
    """The same for writing, as it is under the project's lock: what ended while this waited (a membership, the project
    itself) ended for it too. It is found before it is locked, so that nobody outside makes anybody wait.
    """
    scope = await scope_for(db, viewer, key)
    now = await ledger.lock(db, scope.project_id)
    return scope if now.version == scope.project.version else await scope_for(db, viewer, key)


@dataclass(frozen=True, slots=True)
class ProjectLine:
    """A project in a viewer's list."""

    facts: ProjectFacts
    roles: frozenset[Role]

    @property
    def is_tester_alone(self) -> bool:
        """Whether the viewer sees the tests of this project and nothing else of it."""
        return self.roles == {Role.TESTER}


def calendar_of(scope: Scope) -> calendar.Calendar:
    """The working days of the scope's project."""
    project = scope.project
    return calendar.of(project.working_days, project.holidays, project.days_off)


async def mine(
    db: AsyncSession, viewer: Viewer, *, archived: bool = False, after: str = "", limit: int = 100
) -> list[ProjectLine]:
    """The projects that a viewer may open, by key: all of them for staff, those of a membership for a client.

    `after` is the last key of the page before.
    """
    statement = (
        select(*FACTS, *ROLES)
        .select_from(PROJECTS.outerjoin(MEMBERSHIP, _MINE))
        .where(
            true() if viewer.is_staff else MEMBERSHIP.c.person_id.is_not(None),
            true() if archived else PROJECT.c.status != ProjectStatus.ARCHIVED,
            LEDGER.c.key > after,
        )
        .order_by(LEDGER.c.key)
        .limit(limit)
        .execution_options(cross_project="the list of a viewer's own projects")
    )
    rows = (await db.execute(statement, {"person": viewer.person_id})).all()
    return [ProjectLine(facts, roles_of(row)) for row in rows if (facts := facts_of(row))]


async def project(db: AsyncSession, scope: Scope) -> Project:
    """The project's own row."""
    found = await db.scalar(select(Project).where(Project.id == scope.project_id))
    if found is None:
        raise NotFound("There is no such project.")
    return found


async def milestones(db: AsyncSession, scope: Scope) -> Sequence[Milestone]:
    """All milestones, the soonest first; those without a date last."""
    when = Milestone.expected_on.is_(None), Milestone.expected_on, Milestone.number
    statement = select(Milestone).where(Milestone.project_id == scope.project_id).order_by(*when).limit(500)
    return (await db.scalars(statement)).all()


async def milestone(db: AsyncSession, scope: Scope, number: int) -> Milestone:
    """One milestone. Raises NotFound."""
    statement = select(Milestone).where(Milestone.project_id == scope.project_id, Milestone.number == number)
    found = await db.scalar(statement) if 0 < number <= MOST_NUMBER else None
    if found is None:
        raise NotFound(f"There is no milestone {number} in this project.")
    return found


async def iterations(db: AsyncSession, scope: Scope, *, limit: int = 500) -> Sequence[Iteration]:
    """The iterations, the newest first; those without a date last."""
    when = Iteration.starts_on.is_(None), Iteration.starts_on.desc(), Iteration.number.desc()
    statement = select(Iteration).where(Iteration.project_id == scope.project_id).order_by(*when).limit(limit)
    return (await db.scalars(statement)).all()


async def iteration(db: AsyncSession, scope: Scope, number: int) -> Iteration:
    """One iteration. Raises NotFound."""
    statement = select(Iteration).where(Iteration.project_id == scope.project_id, Iteration.number == number)
    found = await db.scalar(statement) if 0 < number <= MOST_NUMBER else None
    if found is None:
        raise NotFound(f"There is no iteration {number} in this project.")
    return found
