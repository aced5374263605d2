"""Writes of the board: its columns, each a status that items can have."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope, StaffRole
from portal.backlog import plan as plans
from portal.backlog.models import Category, Status
from portal.diff import apply_changes
from portal.errors import Conflict, Invalid
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects.rules import check_name


async def add_status(db: AsyncSession, scope: Scope, *, name: str, category: Category, position: int) -> Status:
    """Adds a board column. Raises NotAllowed without a manager's rights, Invalid, Conflict when the name is taken."""
    scope.require_staff(StaffRole.MANAGER)
    await ledger.lock(db, scope.project_id)
    plan = await plans.load(db, scope)
    if any(status.name == name for status in plan.statuses.values()):
        raise Conflict(f"There is a status {name!r} already.", field="name", value=name)
    status = Status(
        id=uuid4(), project_id=scope.project_id, name=check_name(name, length=100), category=category,
        position=position, client_items=0, internal_items=0,
    )  # fmt: skip
    db.add(status)
    await db.flush()
    body = {"name": status.name, "category": category.value, "position": position}
    await _tell(db, scope, "status.added", body)
    return status


async def change_status(db: AsyncSession, scope: Scope, name: str, wanted: Mapping[str, Any]) -> Status:
    """Renames or moves a board column. Its category cannot change: its items' past depends on it.

    Raises NotAllowed without a manager's rights, Invalid for another field, or for a column that is not there.
    """
    scope.require_staff(StaffRole.MANAGER)
    await ledger.lock(db, scope.project_id)
    status = (await plans.load(db, scope)).status_named(name)
    for field in wanted.keys() - {"name", "position"}:
        raise Invalid(f"A status has no {field} that can be changed.", field=field, value=wanted[field])
    changes = apply_changes(status, wanted)
    if changes:
        await db.flush()
        await _tell(db, scope, "status.changed", {"name": name, "changes": changes})
    return status


async def _tell(db: AsyncSession, scope: Scope, kind: str, body: dict[str, Any]) -> None:
    event = ledger.NewEvent(
        kind=kind, subject_kind="status", subject_number=None, audience=Audience.CLIENT, body=body,
        actor=scope.viewer.actor, at=clock.now(),
    )  # fmt: skip
    await ledger.append(db, scope.project_id, [event])
