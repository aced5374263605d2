"""Imports of uploaded files, each in a process of its own: what the API starts, and how it learns how far one came.

The process holds a lock on the uploaded file for as long as it lives, so that others can tell a running import from one
whose process died. How far it came lies beside the file: the import's own transaction, which is all or nothing, may
hold the database's only write lock.
"""

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import SYSTEM, ProjectFacts, StaffRole, Viewer, open_scope
from portal.connectors import commands, mapping, sources
from portal.connectors.model import SourceProject, System
from portal.connectors.models import ImportJob
from portal.db import Database
from portal.errors import Conflict, Invalid, NotFound, PortalError
from portal.ledger.models import ProjectLedger
from portal.projects import queries as projects

BROKE_OFF = "The import broke off for a reason that the log tells. Nothing was changed."
WHY = "an import is found by its own id; its project comes with it"

_log = logging.getLogger(__name__)


async def run(database: Database, job_id: UUID, *, limit: int) -> ImportJob:
    """Runs a waiting import to its end and returns how it ended: done or failed, with report or error.

    `limit` is the most bytes that a file may have. Raises NotFound, or Conflict for an import that does not wait.
    """
    job = await _job(database, job_id)
    with _held(Path(job.path)):
        await _begin(database, job)
        try:
            await _import(database, job, limit)
        except PortalError as refused:
            await _fail(database, job, _told(refused))
        except Exception as error:
            _log.error("An import broke off.", exc_info=error, extra={"import_job": str(job_id)})
            await _fail(database, job, BROKE_OFF)
        for path in (Path(job.path), progress_file(job)):
            path.unlink(missing_ok=True)
    return await _job(database, job_id)


def progress_of(job: ImportJob) -> tuple[int, int | None]:
    """How many steps of how many a job has done, as far as is known."""
    if job.state == "running":
        with suppress(OSError, ValueError, KeyError):
            known = json.loads(progress_file(job).read_text())
            return int(known["done"]), int(known["all"])
    return job.done_items, job.all_items


def progress_file(job: ImportJob) -> Path:
    """Where a running import says how far it came."""
    return Path(f"{job.path}.progress")


async def _job(database: Database, job_id: UUID) -> ImportJob:
    async with database.read() as db:
        statement = select(ImportJob).where(ImportJob.id == job_id)
        job = await db.scalar(statement.execution_options(cross_project=WHY))
    if job is None:
        raise NotFound("There is no such import.", field="id", value=str(job_id))
    return job


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Holds the lock on an upload. Raises Conflict when it is gone, or when another process works on it."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        raise Conflict("The uploaded file is gone: the import ended, or ran on another machine.") from None
    try:
        if not _locks(handle):
            raise Conflict("Another process runs this import.")
        yield
    finally:
        os.close(handle)


def _locks(handle: int) -> bool:
    """Takes the lock; whoever only looks whether somebody holds it has it for a moment, so it is tried for a second."""
    for _ in range(20):
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.05)
    return False


async def _begin(database: Database, job: ImportJob) -> None:
    async with database.write(job.project_id) as db:
        begun = await db.execute(
            update(ImportJob)
            .where(ImportJob.project_id == job.project_id, ImportJob.id == job.id, ImportJob.state == "waiting")
            .values(state="running", started_at=clock.now())
            .returning(ImportJob.id)
        )
        if begun.one_or_none() is None:
            raise Conflict("This import does not wait to be run.", field="id", value=str(job.id))


async def _import(database: Database, job: ImportJob, limit: int) -> None:
    """The import and the note that it is done, in one transaction: neither is there without the other."""
    wanted = mapping.load(json.dumps(job.mapping).encode()) if job.mapping else mapping.Mapping()
    async with database.read() as db:
        facts = await _facts(db, job)
    source = sources.read_file(System(job.system), Path(job.path), wanted, facts.zone, limit=limit)
    async with database.write() as db:
        report = await _written(db, job, source, wanted)
        count = len(source.items)
        await _end(db, job, state="done", report=report, done_items=count, all_items=count)


async def _written(db: AsyncSession, job: ImportJob, source: SourceProject, wanted: mapping.Mapping) -> dict[str, Any]:
    scope = open_scope(_viewer(job.actor), await _facts(db, job), ())
    if job.dry_run:
        return (await commands.preview(db, scope, source, wanted)).as_json()
    path = progress_file(job)

    def note(done: int, steps: int) -> None:
        path.write_text(json.dumps({"done": done, "all": steps}))

    return (await commands.write(db, scope, source, wanted, note)).as_json()


async def _facts(db: AsyncSession, job: ImportJob) -> ProjectFacts:
    key = await db.scalar(select(ProjectLedger.key).where(ProjectLedger.id == job.project_id))
    return (await projects.scope_for(db, SYSTEM, key or "")).project


def _viewer(actor: str) -> Viewer:
    """Whoever uploaded the file: the API let them, so here they are staff that may import."""
    if actor == SYSTEM.actor:
        return SYSTEM
    side, _, name = actor.partition(":")
    staff = frozenset({StaffRole.MANAGER})
    return Viewer("robot", actor, staff=staff) if side == "robot" else Viewer("person", actor, UUID(name), staff=staff)


async def _fail(database: Database, job: ImportJob, error: str) -> None:
    async with database.write(job.project_id) as db:
        await _end(db, job, state="failed", error=error)


async def _end(db: AsyncSession, job: ImportJob, **values: Any) -> None:
    mine = (ImportJob.project_id == job.project_id, ImportJob.id == job.id)
    await db.execute(update(ImportJob).where(*mine).values(finished_at=clock.now(), **values))


def _told(refused: PortalError) -> str:
    where = f"{refused.field}: " if isinstance(refused, Invalid) and refused.field else ""
    return where + refused.message
