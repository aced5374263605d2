"""Uploaded exports: taken in, started in a process of their own, and how they stand."""

import asyncio
import fcntl
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel, SecretStr
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope, StaffRole
from portal.connectors import mapping as mappings
from portal.connectors.jobs import BROKE_OFF
from portal.connectors.model import System
from portal.connectors.models import ImportJob
from portal.db import Database
from portal.errors import NotAllowed, NotFound
from portal.settings import PREFIX, Settings

FOLDER = "imports"
UNDER_WAY = ("waiting", "running")
PATIENCE = timedelta(seconds=60)
"""How long an import may wait before its process has taken the lock on its file."""


async def receive(
    db: AsyncSession,
    scope: Scope,
    *,
    system: System,
    path: Path,
    file_name: str,
    mapping: Mapping[str, Any] | None,
    dry_run: bool,
) -> ImportJob:
    """Notes an uploaded file as an import that waits to be run. Raises NotAllowed, Conflict, Invalid (mapping)."""
    scope.require_staff(StaffRole.MANAGER)
    if mapping is not None:
        mappings.load(json.dumps(mapping).encode())
    job = ImportJob(
        project_id=scope.project_id, system=system.value, file_name=file_name, path=str(path),
        mapping=dict(mapping) if mapping is not None else None, dry_run=dry_run, actor=scope.viewer.actor,
        state="waiting", done_items=0, all_items=None, report=None, error=None, created_at=clock.now(),
        started_at=None, finished_at=None,
    )  # fmt: skip
    db.add(job)
    await db.flush()
    return job


async def received(db: AsyncSession, scope: Scope, *, limit: int = 100) -> Sequence[ImportJob]:
    """The imports of a project, the newest first, for staff. Raises NotAllowed."""
    _staff_only(scope)
    statement = select(ImportJob).where(ImportJob.project_id == scope.project_id)
    return (await db.scalars(statement.order_by(ImportJob.created_at.desc(), ImportJob.id).limit(limit))).all()


async def one(db: AsyncSession, scope: Scope, job_id: UUID) -> ImportJob:
    """One import of a project, for staff. Raises NotAllowed, NotFound."""
    _staff_only(scope)
    statement = select(ImportJob).where(ImportJob.project_id == scope.project_id, ImportJob.id == job_id)
    found = await db.scalar(statement)
    if found is None:
        raise NotFound("There is no such import in this project.")
    return found


def _staff_only(scope: Scope) -> None:
    if not scope.is_staff:
        raise NotAllowed("Only the agency's staff may see this.")


def is_broken_off(job: ImportJob) -> bool:
    """Whether an import that should be under way has no process any more: its file is there and nobody holds it."""
    if job.state not in UNDER_WAY or (job.state == "waiting" and clock.now() - job.created_at < PATIENCE):
        return False
    try:
        handle = os.open(job.path, os.O_RDONLY)
    except OSError:
        return False  # it ended just now, or lies on another machine
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(handle)


async def run_apart(database: Database, settings: Settings, job_id: UUID, project_id: UUID) -> None:
    """Runs a waiting import in a process of its own and waits for it; one that was killed is noted as failed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portal.cli", "import-job", str(job_id),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, env=environment_of(settings),
        start_new_session=True,
    )  # fmt: skip
    await process.wait()
    async with database.write(project_id) as db:
        mine = (ImportJob.project_id == project_id, ImportJob.id == job_id, ImportJob.state.in_(UNDER_WAY))
        failed = {"state": "failed", "error": BROKE_OFF, "finished_at": clock.now()}
        await db.execute(update(ImportJob).where(*mine).values(**failed))


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment in which another process of ours reads the very same settings."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    ours = {name: _plain(getattr(settings, name)) for name in type(settings).model_fields}
    return others | {
        PREFIX + name.upper(): value if isinstance(value, str) else json.dumps(value)
        for name, value in ours.items()
        if value is not None
    }


def _plain(value: Any) -> Any:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case BaseModel():
            return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
        case tuple():
            return [_plain(one) for one in value]
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case Path():
            return str(value.resolve())
    return value
