"""What a project's archive says the project is now: documents with a fixed list of fields, of one moment, streamed.

The staff edition holds all; the client edition what a client's viewer sees on the pages, and not a field more.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Select, and_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from portal.access import Role, Scope, open_scope
from portal.backlog import queries as backlog
from portal.backlog.models import Contributor, Item, Status
from portal.diff import plain
from portal.ledger.archive import Archive, Edition, write_archive
from portal.ledger.keys import SigningKeys
from portal.people import queries as people
from portal.people.models import Company
from portal.projects import queries as projects
from portal.projects.models import Iteration, Milestone

CHUNK = 500
"""Items that are read at once."""

PROJECT = (
    "id", "name", "summary", "status", "time_zone", "currency", "languages", "working_days", "holidays", "days_off",
    "contact_name", "contact_email", "deputy_name", "deputy_email", "show_staff", "unit", "created_at", "archived_at",
)  # fmt: skip
MILESTONE = ("id", "number", "name", "description", "promised_on", "agreed_on", "expected_on", "done_on")
ITERATION = ("id", "number", "name", "goal", "starts_on", "ends_on", "closed_at")
STATUS = ("id", "name", "category", "position")
STAFF_ONLY = ("external_ref",)

_PARENT = aliased(Item)
_ITEM: tuple[Any, ...] = (
    Item.number, Item.type, Item.title, Item.description, Item.acceptance_criteria, Item.priority, Item.position,
    Item.points, Item.hours, Status.name.label("status"), Status.category, Iteration.number.label("iteration"),
    Milestone.number.label("milestone"), _PARENT.number.label("parent"), Contributor.name.label("assignee"),
    Item.labels, Item.audience, Item.external_key, Item.external_url, Item.blocked_reason, Item.blocked_on,
    Item.blocked_since, Item.created_at, Item.updated_at, Item.done_at,
)  # fmt: skip
_STAFF_ITEM: tuple[Any, ...] = (Item.external_ref, Item.deleted)
_ROLES = {Edition.CLIENT: frozenset[Role](), Edition.BILLING: frozenset((Role.BILLING,))}


async def export(db: AsyncSession, scope: Scope, edition: Edition, path: Path, keys: SigningKeys) -> Archive:
    """Writes a project's archive for one edition, whole or not at all; `scope` must be staff's.

    `db` is one reading transaction, so that state and events are of one moment. Raises NotAllowed, Conflict.
    """
    scope.viewer.require_staff()
    seen = scope if edition is Edition.STAFF else as_client(scope, _ROLES[edition])
    return await write_archive(db, scope.project_id, edition, await state_of(db, seen), path, keys)


def as_client(scope: Scope, roles: frozenset[Role]) -> Scope:
    """The scope of somebody of the client with these roles."""
    return open_scope(scope.viewer, scope.project, (), view_as=(scope.key, roles))


async def state_of(db: AsyncSession, scope: Scope) -> dict[str, Any]:
    """The documents that this scope may see, by name; `items` is streamed."""
    more = STAFF_ONLY if scope.is_staff else ()
    project = await projects.project(db, scope)
    company = await db.scalar(select(Company.name).where(Company.id == project.company_id))
    return {
        "project": {"key": scope.key, "company": company, **_fields(project, PROJECT)},
        "milestones": [_fields(row, MILESTONE + more) for row in await _plan(db, scope, Milestone)],
        "iterations": [_fields(row, ITERATION + more) for row in await _plan(db, scope, Iteration)],
        "statuses": await _statuses(db, scope),
        "members": await _members(db, scope),
        "contributors": await _contributors(db, scope),
        "items": _items(db, scope),
    }


def _fields(row: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: plain(getattr(row, name)) for name in names}


async def _plan(db: AsyncSession, scope: Scope, model: Any) -> Iterable[Any]:
    rows = await db.scalars(select(model).where(model.project_id == scope.project_id).order_by(model.number))
    return rows.all()


async def _statuses(db: AsyncSession, scope: Scope) -> list[dict[str, Any]]:
    statement = select(Status).where(Status.project_id == scope.project_id).order_by(Status.position, Status.name)
    return [_fields(row, STATUS) for row in await db.scalars(statement)]


async def _members(db: AsyncSession, scope: Scope) -> list[dict[str, Any]]:
    names = ("person_id", "name", "company_name", "since", *(("email",) if scope.is_staff else ()))
    members = await people.members(db, scope)
    return [_fields(member, names) | {"roles": sorted(member.roles)} for member in members]


async def _contributors(db: AsyncSession, scope: Scope) -> list[dict[str, Any]]:
    """Whom the events mean by `contributor:<id>`; for a client only as far as the agency shows its people's names."""
    statement = select(Contributor).where(Contributor.project_id == scope.project_id).order_by(Contributor.id)
    shown = ((row.id, backlog.shown_name(scope, row.name)) for row in await db.scalars(statement))
    return [{"id": str(one), "name": name} for one, name in shown if name not in (None, backlog.AGENCY)]


async def _items(db: AsyncSession, scope: Scope) -> AsyncIterator[Mapping[str, Any]]:
    last = 0
    while True:
        rows = (await db.execute(_item_statement(scope).where(Item.number > last).limit(CHUNK))).all()
        for row in rows:
            document = {name: plain(value) for name, value in row._mapping.items()}
            document["assignee"] = backlog.shown_name(scope, document["assignee"])
            yield document
        if len(rows) < CHUNK:
            return
        last = rows[-1].number


def _item_statement(scope: Scope) -> Select[Any]:
    mine = Item.project_id
    seen = (Item.project_id == scope.project_id,) if scope.is_staff else backlog.visible(scope)
    # A parent that this scope may not know of is no parent here: its number would tell that it exists.
    parent = (_PARENT.project_id == mine, _PARENT.number == Item.parent_number)
    known = () if scope.is_staff else (_PARENT.audience == Item.audience, _PARENT.deleted.is_(False))
    return (
        select(*_ITEM, *(_STAFF_ITEM if scope.is_staff else ()))
        .join(Status, and_(Status.id == Item.status_id, Status.project_id == mine))
        .outerjoin(Iteration, and_(Iteration.id == Item.iteration_id, Iteration.project_id == mine))
        .outerjoin(Milestone, and_(Milestone.id == Item.milestone_id, Milestone.project_id == mine))
        .outerjoin(Contributor, and_(Contributor.id == Item.assignee_id, Contributor.project_id == mine))
        .outerjoin(_PARENT, and_(*parent, *known))
        .where(*seen)
        .order_by(Item.number)
    )
