"""Writes of the plan: opening and changing a project, its milestones and its iterations."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope, StaffRole, Viewer
from portal.diff import apply_changes, plain
from portal.errors import Conflict, Invalid
from portal.ledger import commands as ledger
from portal.ledger.models import Audience, ProjectLedger
from portal.people import queries as people
from portal.projects import calendar, queries, rules
from portal.projects.causes import AcceptedChange
from portal.projects.models import Iteration, Milestone, Project, ProjectStatus

PROJECT_DEFAULTS: dict[str, Any] = {
    "summary": "",
    "status": ProjectStatus.ACTIVE.value,
    "time_zone": "UTC",
    "currency": "EUR",
    "languages": ["en"],
    "working_days": 0b0011111,
    "holidays": None,
    "days_off": [],
    "work_starts": 9 * 60,
    "work_ends": 17 * 60,
    "contact_name": "",
    "contact_email": "",
    "deputy_name": "",
    "deputy_email": "",
    "show_staff": "name",
    "unit": "points",
}


async def open_project(
    db: AsyncSession, viewer: Viewer, *, key: str, company_id: UUID, at: datetime | None = None, **fields: Any
) -> Scope:
    """Opens a project for a client company and returns the viewer's scope in it.

    `fields` are those of `PROJECT_DEFAULTS` and `name`. Raises Invalid for a wrong field, Conflict for a key in use,
    NotFound for an unknown company, NotAllowed without a manager's rights.
    """
    viewer.require_staff(StaffRole.MANAGER)
    rules.check_key(key)
    values = {field: _checked(field, value) for field, value in (PROJECT_DEFAULTS | fields).items()}
    rules.check_working_hours(values["work_starts"], values["work_ends"])
    await people.company(db, viewer, company_id)
    if await db.scalar(select(ProjectLedger.id).where(ProjectLedger.key == key)):
        raise Conflict(f"The key {key} is in use.", field="key", value=key)
    project_id = uuid4()
    await ledger.create(db, project_id, key)
    db.add(Project(id=project_id, company_id=company_id, seq=1, created_at=at or clock.now(), **values))
    await db.flush()
    body = {"key": key, **{field: plain(value) for field, value in values.items()}}
    await _append(db, project_id, viewer, "project.opened", "project", None, body, at)
    return await queries.scope_for(db, viewer, key)


def _checked(field: str, value: Any) -> Any:
    if field == "holidays" and value is not None:
        return calendar.check_region(value)
    return rules.check_project_field(field, value)


async def change_project(db: AsyncSession, scope: Scope, wanted: Mapping[str, Any]) -> Project:
    """Changes a project's fields. Archiving is `status: archived`; only bringing it back is possible afterwards.

    A change of time zone moves every day's boundary: the caller rebuilds the burndown (`backlog.rebuild`).
    Raises Invalid, NotAllowed, Conflict.
    """
    brings_back = wanted.get("status", ProjectStatus.ARCHIVED) != ProjectStatus.ARCHIVED
    if scope.project.status == ProjectStatus.ARCHIVED and brings_back:
        scope.require_doorkeeper()
    else:
        scope.require_staff(StaffRole.MANAGER)
    await ledger.lock(db, scope.project_id)
    row = await queries.project(db, scope)
    changes = apply_changes(row, {field: _checked(field, value) for field, value in wanted.items()})
    rules.check_working_hours(row.work_starts, row.work_ends)
    if changes:
        row.archived_at = clock.now() if row.status == ProjectStatus.ARCHIVED else None
        row.seq = await _append(db, scope.project_id, scope.viewer, "project.changed", "project", None, changes)
    return row


async def add_milestone(
    db: AsyncSession, scope: Scope, *, name: str, at: datetime | None = None, **fields: Any
) -> Milestone:
    """Adds a milestone. `fields`: description, promised_on, agreed_on, expected_on, done_on, external_ref."""
    scope.require_staff(StaffRole.MANAGER)
    await ledger.lock(db, scope.project_id)
    number = await _next_number(db, Milestone, scope)
    milestone = Milestone(
        id=uuid4(), project_id=scope.project_id, number=number, **_milestone_fields({"name": name} | fields)
    )
    body = {field: plain(getattr(milestone, field)) for field in ("id", "name", *fields) if field != "external_ref"}
    milestone.seq = await _append(db, scope.project_id, scope.viewer, "milestone.added", "milestone", number, body, at)
    db.add(milestone)
    await db.flush()
    return milestone


def _milestone_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    known = {"name", "description", "promised_on", "agreed_on", "expected_on", "done_on", "external_ref"}
    for field in fields.keys() - known:
        raise Invalid(f"A milestone has no field {field}.", field=field, value=fields[field])
    checked = dict(fields)
    if "name" in fields:
        checked["name"] = rules.check_name(fields["name"])
    if "description" in fields:
        checked["description"] = rules.check_text(fields["description"], "description")
    return checked


async def change_milestone(
    db: AsyncSession,
    scope: Scope,
    number: int,
    wanted: Mapping[str, Any],
    *,
    reason: str = "",
    behind: AcceptedChange | None = None,
) -> Milestone:
    """Changes a milestone. Moving a date that was already set needs a reason, which the client reads, or a change
    request behind it."""
    scope.require_staff(StaffRole.MANAGER)
    await ledger.lock(db, scope.project_id)
    milestone = await queries.milestone(db, scope, number)
    checked = _milestone_fields(wanted)
    if behind is None and not reason.strip() and _moves_a_date(milestone, checked):
        raise Invalid("Moving a date needs a reason that the client can read.", field="reason", value=reason)
    changes: dict[str, Any] = apply_changes(milestone, checked)
    if changes:
        body = {"changes": changes, "reason": rules.check_text(reason.strip(), "reason", length=2000)}
        body |= behind.told() if behind else {}
        milestone.seq = await _append(
            db, scope.project_id, scope.viewer, "milestone.changed", "milestone", number, body
        )
    return milestone


async def accept_milestone(
    db: AsyncSession, scope: Scope, number: int, decision_number: int, *, is_deemed: bool = False
) -> Milestone:
    """Marks a milestone as accepted today by the client's decision, or because the contract's period for it passed
    (`is_deemed`); it is done by then at the latest.

    For the room of that decision, with the portal's own scope. Raises NotFound.
    """
    scope.require_staff()
    milestone = await queries.milestone(db, scope, number)
    milestone.accepted_on = scope.today
    milestone.done_on = milestone.done_on or scope.today
    body = {
        "decision": decision_number,
        "accepted_on": plain(milestone.accepted_on),
        "done_on": plain(milestone.done_on),
    }
    kind = "milestone.deemed_accepted" if is_deemed else "milestone.accepted"
    milestone.seq = await _append(db, scope.project_id, scope.viewer, kind, "milestone", number, body)
    return milestone


def _moves_a_date(milestone: Milestone, wanted: Mapping[str, Any]) -> bool:
    dates = ("promised_on", "agreed_on", "expected_on", "done_on")
    return any(getattr(milestone, d) is not None and d in wanted and wanted[d] != getattr(milestone, d) for d in dates)


async def add_iteration(
    db: AsyncSession,
    scope: Scope,
    *,
    name: str,
    goal: str = "",
    starts_on: date | None = None,
    ends_on: date | None = None,
    closed_at: datetime | None = None,
    external_ref: str | None = None,
    at: datetime | None = None,
) -> Iteration:
    """Adds an iteration. Raises Invalid when it would end before it starts."""
    scope.require_staff(StaffRole.MANAGER)
    rules.check_iteration_dates(starts_on, ends_on)
    await ledger.lock(db, scope.project_id)
    number = await _next_number(db, Iteration, scope)
    iteration = Iteration(
        id=uuid4(),
        project_id=scope.project_id,
        number=number,
        name=rules.check_name(name),
        goal=rules.check_text(goal, "goal", length=4000),
        starts_on=starts_on,
        ends_on=ends_on,
        closed_at=closed_at,
        external_ref=external_ref,
    )
    fields = ("id", "name", "goal", "starts_on", "ends_on", "closed_at")
    body = {field: plain(getattr(iteration, field)) for field in fields}
    iteration.seq = await _append(db, scope.project_id, scope.viewer, "iteration.added", "iteration", number, body, at)
    db.add(iteration)
    await db.flush()
    return iteration


async def change_iteration(db: AsyncSession, scope: Scope, number: int, wanted: Mapping[str, Any]) -> Iteration:
    """Changes an iteration's name, goal, dates or closing time. Raises Invalid, NotFound."""
    scope.require_staff(StaffRole.MANAGER)
    for field in wanted.keys() - {"name", "goal", "starts_on", "ends_on", "closed_at"}:
        raise Invalid(f"An iteration has no field {field}.", field=field, value=wanted[field])
    await ledger.lock(db, scope.project_id)
    iteration = await queries.iteration(db, scope, number)
    rules.check_iteration_dates(wanted.get("starts_on", iteration.starts_on), wanted.get("ends_on", iteration.ends_on))
    checked = dict(wanted)
    if "name" in wanted:
        checked["name"] = rules.check_name(wanted["name"])
    if "goal" in wanted:
        checked["goal"] = rules.check_text(wanted["goal"], "goal", length=4000)
    changes = apply_changes(iteration, checked)
    if changes:
        iteration.seq = await _append(
            db, scope.project_id, scope.viewer, "iteration.changed", "iteration", number, {"changes": changes}
        )
    return iteration


async def _next_number(db: AsyncSession, model: type[Milestone] | type[Iteration], scope: Scope) -> int:
    highest = await db.scalar(select(func.max(model.number)).where(model.project_id == scope.project_id))
    return (highest or 0) + 1


async def _append(
    db: AsyncSession,
    project_id: UUID,
    viewer: Viewer,
    kind: str,
    subject: str,
    number: int | None,
    body: dict[str, Any],
    at: datetime | None = None,
) -> int:
    event = ledger.NewEvent(
        kind=kind,
        subject_kind=subject,
        subject_number=number,
        audience=Audience.CLIENT,
        body=body,
        actor=viewer.actor,
        at=at or clock.now(),
    )
    return await ledger.append(db, project_id, [event])
