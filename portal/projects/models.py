"""Tables of the plan: the project, its milestones and its iterations."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import JSON, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime, choice

MONDAY_TO_FRIDAY = 0b0011111


class ProjectStatus(StrEnum):
    """Where a project stands as a whole."""

    ACTIVE = "active"
    PAUSED = "paused"
    DONE = "done"
    ARCHIVED = "archived"


class StaffNames(StrEnum):
    """How the agency's people appear to the client."""

    NAME = "name"
    ROLE = "role"
    HIDDEN = "hidden"


class Unit(StrEnum):
    """What a burndown counts."""

    POINTS = "points"
    HOURS = "hours"
    COUNT = "count"


class Project(Base):
    """What the plan knows of a ledger: its id is the ledger's."""

    __tablename__ = "project"

    id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.id"), index=True)
    name: Mapped[str]
    summary: Mapped[str] = mapped_column(default="")
    status: Mapped[ProjectStatus] = mapped_column(
        choice(ProjectStatus, "project_status", 16), default=ProjectStatus.ACTIVE
    )
    time_zone: Mapped[str]
    currency: Mapped[str]
    languages: Mapped[list[str]] = mapped_column(JSON)
    working_days: Mapped[int] = mapped_column(default=MONDAY_TO_FRIDAY)
    """Bit 0 is Monday."""
    holidays: Mapped[str | None]
    """ISO 3166 country, or country-subdivision such as `DE-BY`, whose public holidays are days off."""
    days_off: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Further days off, ISO dates."""
    work_starts: Mapped[int] = mapped_column(default=9 * 60)
    """When the working day begins, in minutes after midnight: how long somebody waited is told in its hours."""
    work_ends: Mapped[int] = mapped_column(default=17 * 60)
    contact_name: Mapped[str] = mapped_column(default="")
    contact_email: Mapped[str] = mapped_column(default="")
    deputy_name: Mapped[str] = mapped_column(default="")
    deputy_email: Mapped[str] = mapped_column(default="")
    show_staff: Mapped[StaffNames] = mapped_column(choice(StaffNames, "show_staff", 16), default=StaffNames.NAME)
    unit: Mapped[Unit] = mapped_column(choice(Unit, "unit", 16), default=Unit.POINTS)
    seq: Mapped[int]
    """The last event that changed this row: its ETag."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Milestone(Base):
    """A promised point of the plan with its dates: promised, agreed since, expected now, done."""

    __tablename__ = "milestone"
    __table_args__ = (UniqueConstraint("project_id", "number"), UniqueConstraint("project_id", "external_ref"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"))
    number: Mapped[int]
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    promised_on: Mapped[date | None]
    agreed_on: Mapped[date | None]
    expected_on: Mapped[date | None]
    done_on: Mapped[date | None]
    accepted_on: Mapped[date | None]
    """When the client confirmed it."""
    external_ref: Mapped[str | None]
    seq: Mapped[int]


class Iteration(Base):
    """A sprint: a stretch of days with a goal."""

    __tablename__ = "iteration"
    __table_args__ = (
        UniqueConstraint("project_id", "number"),
        UniqueConstraint("project_id", "external_ref"),
        CheckConstraint("ends_on IS NULL OR starts_on IS NULL OR starts_on <= ends_on", name="starts_before_end"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"))
    number: Mapped[int]
    name: Mapped[str]
    goal: Mapped[str] = mapped_column(default="")
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    external_ref: Mapped[str | None]
    seq: Mapped[int]
