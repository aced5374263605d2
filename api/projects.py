"""Projects: the list, opening one, reading and changing it."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query
from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import IfMatch, editable
from api.deps import EditScope, ReadScope, ReadSession, UnitOfWork, Viewing, open_scope
from api.doors import router as door
from api.openapi import answers
from api.paging import Paged
from api.shapes import Day, Incoming, Line, Moment, Outgoing, absent
from portal.access import ProjectFacts, Scope
from portal.backlog.rebuild import rebuild
from portal.projects import commands, queries
from portal.projects.models import Project, ProjectStatus, StaffNames, Unit
from portal.projects.queries import ProjectLine

router = door("projects", "/projects")

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""As their bits stand in the plan: bit 0 is Monday."""
Text = Annotated[str, Field(max_length=4000)]
ShortText = Annotated[str, Field(max_length=200)]
WeekDay = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$", examples=["09:00"])]
WorkingDays = Annotated[list[WeekDay], Field(min_length=1, max_length=7)]


class ProjectFields(Incoming):
    """What can be said of a project and changed later."""

    summary: Text = absent()
    status: ProjectStatus = absent()
    time_zone: Annotated[str, Field(max_length=64, examples=["Europe/Berlin"])] = absent()
    currency: Annotated[str, Field(min_length=3, max_length=3, examples=["EUR"])] = absent()
    languages: Annotated[list[str], Field(min_length=1, max_length=10)] = absent()
    working_days: WorkingDays = absent()
    holidays: Annotated[str, Field(max_length=16, examples=["DE-BY"])] | None = absent()
    days_off: Annotated[list[date], Field(max_length=1000)] = absent()
    work_starts: TimeOfDay = absent()
    work_ends: TimeOfDay = absent()
    contact_name: ShortText = absent()
    contact_email: ShortText = absent()
    deputy_name: ShortText = absent()
    deputy_email: ShortText = absent()
    show_staff: StaffNames = absent()
    unit: Unit = absent()

    def wanted(self) -> dict[str, Any]:
        """The fields as the plan keeps them."""
        fields = self.given()
        if "working_days" in fields:
            fields["working_days"] = mask_of(fields["working_days"])
        for field in ("work_starts", "work_ends"):
            if field in fields:
                fields[field] = minutes_of(fields[field])
        return fields


class ProjectNew(ProjectFields):
    """A project to be opened for a client company."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "key": "LANTERN",
                    "name": "Lantern website",
                    "company": "11111111-1111-4111-8111-111111111111",
                    "time_zone": "Europe/Berlin",
                    "working_days": ["mon", "tue", "wed", "thu", "fri"],
                    "holidays": "DE-BY",
                }
            ]
        }
    )

    key: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{1,15}$")]
    name: Line
    company: UUID


class ProjectPatch(ProjectFields):
    """Changes of a project; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"contact_name": "Maya Lindqvist", "unit": "hours"}]})

    name: Line = absent()


class CompanyShort(Outgoing):
    """The client company of a project."""

    id: UUID
    name: str


class ProjectShort(Outgoing):
    """A project in a list."""

    key: str
    name: str
    company: CompanyShort
    status: ProjectStatus
    time_zone: str
    currency: str
    languages: tuple[str, ...]
    unit: Unit


class ProjectFull(ProjectShort):
    """A project."""

    summary: str
    working_days: tuple[str, ...]
    holidays: str | None
    days_off: tuple[Day, ...]
    work_starts: str
    work_ends: str
    contact_name: str
    contact_email: str
    deputy_name: str
    deputy_email: str
    show_staff: StaffNames
    created_at: Moment
    archived_at: Moment | None


class ProjectPage(Outgoing):
    """A page of projects, by key."""

    items: list[ProjectShort]
    next: str | None


def mask_of(days: list[str]) -> int:
    """A week of working days as the plan keeps it."""
    return sum(1 << at for at, day in enumerate(DAYS) if day in days)


def minutes_of(time: str) -> int:
    """A time of day as minutes after midnight."""
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)


def time_of(minutes: int) -> str:
    """Minutes after midnight as a time of day."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def short(facts: ProjectFacts) -> dict[str, Any]:
    """A project's line as JSON values."""
    return {
        "key": facts.key,
        "name": facts.name,
        "company": {"id": str(facts.company_id), "name": facts.company_name},
        "status": facts.status,
        "time_zone": facts.time_zone,
        "currency": facts.currency,
        "languages": list(facts.languages),
        "unit": facts.unit,
    }


def full(scope: Scope, row: Project) -> dict[str, Any]:
    """A project as JSON values; what was just changed is taken from its row, not from the older facts."""
    fields = {name: getattr(row, name) for name in ("name", "status", "time_zone", "currency", "languages", "unit")}
    kept = ("summary", "holidays", "days_off", "contact_name", "contact_email", "deputy_name", "deputy_email")
    rest = {name: getattr(row, name) for name in (*kept, "show_staff", "created_at", "archived_at")}
    rest |= {name: time_of(getattr(row, name)) for name in ("work_starts", "work_ends")}
    days = tuple(day for at, day in enumerate(DAYS) if row.working_days >> at & 1)
    return ProjectFull.model_validate(short(scope.project) | fields | rest | {"working_days": days}).shown()


async def _shown(db: AsyncSession, scope: Scope) -> dict[str, Any]:
    return full(scope, await queries.project(db, scope))


@router.get("", responses=answers(ProjectPage, "A page of projects, by key.", headers=("Link",)))
async def list_projects(
    viewer: Viewing,
    db: ReadSession,
    paged: Paged,
    archived: Annotated[bool, Query(description="Archived projects too.")] = False,
) -> Response:
    """All projects, by key."""
    after = paged.after()
    lines = await queries.mine(db, viewer, archived=archived, after=after[0] if after else "", limit=paged.limit + 1)
    return paged.page(lines, _key, _line)


def _key(line: ProjectLine) -> tuple[str]:
    return (line.facts.key,)


def _line(line: ProjectLine) -> dict[str, Any]:
    return short(line.facts)


@router.post(
    "", status_code=201, responses=answers(ProjectFull, "The project.", status=201, headers=("ETag", "Location"))
)
async def open_project(
    viewer: Viewing, db: UnitOfWork, wanted: Annotated[ProjectNew, json_body(ProjectNew)]
) -> Response:
    """Opens a project for a client company."""
    fields = wanted.wanted()
    key, company = fields.pop("key"), fields.pop("company")
    scope = await commands.open_project(db, viewer, key=key, company_id=company, **fields)
    return editable(await _shown(db, scope), status_code=201, location=f"/api/v1/projects/{scope.key}")


@router.get("/{key}", responses=answers(ProjectFull, "The project.", headers=("ETag",)))
async def read_project(scope: ReadScope, db: ReadSession) -> Response:
    """One project."""
    return editable(await _shown(db, scope))


@router.patch("/{key}", responses=answers(ProjectFull, "The project as it is now.", headers=("ETag",)))
async def change_project(
    scope: EditScope, db: UnitOfWork, match: IfMatch, wanted: Annotated[ProjectPatch, json_body(ProjectPatch)]
) -> Response:
    """Changes a project. `status: archived` makes it readable only; only its status can then be changed."""
    match.require(await _shown(db, scope))
    row = await commands.change_project(db, scope, wanted.wanted())
    if row.time_zone != scope.project.time_zone:
        await rebuild(db, await open_scope(db, scope.viewer, scope.key))  # every day begins at another moment now
    return editable(full(scope, row))
