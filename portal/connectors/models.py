"""Imports that were uploaded and run in a process of their own."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime


class ImportJob(Base):
    """One uploaded export on its way into a project: what it is, how far it came, what came of it."""

    __tablename__ = "import_job"
    __table_args__ = (Index("ix_import_job_project", "project_id", "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"))
    system: Mapped[str]
    file_name: Mapped[str]
    path: Mapped[str]
    """Where the upload lies until the job ends."""
    mapping: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    dry_run: Mapped[bool]
    actor: Mapped[str]
    state: Mapped[str]
    """waiting, running, done, failed."""
    done_items: Mapped[int] = mapped_column(default=0)
    all_items: Mapped[int | None]
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Imported(Base):
    """What an import last saw of one thing of its source, so that the next one applies only what is new there.

    Without it an edit made here would look like a change of the source, and every import would undo it.
    """

    __tablename__ = "imported"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    """item, iteration or milestone."""
    external_ref: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]
    """Its number here."""
    state: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Its fields as the source had them; long texts as a digest."""
    changes: Mapped[bytes] = mapped_column(LargeBinary)
    """Eight bytes for each change of its history that was applied."""
