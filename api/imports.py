"""Imports: a file is uploaded, runs in a process of its own, and tells how far it came and what came of it."""

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import Field
from starlette.background import BackgroundTask
from starlette.responses import Response

from api.conditional import editable
from api.deps import ProjectKey, ReadScope, ReadSession, UnitOfWork, Viewing, database_of, open_scope, settings_of
from api.doors import router as door
from api.openapi import answers
from api.shapes import Moment, Outgoing
from api.uploads import FORM, RAW, Uploaded
from portal.access import Scope
from portal.connectors import jobs, uploads
from portal.connectors.model import System
from portal.connectors.models import ImportJob

router = door("imports", "/projects/{key}/imports")

BINARY = {"schema": {"type": "string", "format": "binary"}}
FORM_SCHEMA = {
    "schema": {
        "type": "object",
        "required": ["file"],
        "additionalProperties": False,
        "properties": {
            "file": {"type": "string", "format": "binary"},
            "mapping": {"type": "string", "description": "A mapping file, as JSON."},
        },
    }
}
EXAMPLE = "ref,title,type,status,created,points\nTB-1,Count the lamps,task,To do,2024-01-08 09:00,2\n"
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            RAW[0]: BINARY,
            RAW[1]: BINARY | {"examples": {"example 1": {"value": EXAMPLE}}},
            FORM: FORM_SCHEMA,
        },
    }
}


class ImportOut(Outgoing):
    """An import. `report` tells source against target, and everything that was lost, changed or not understood."""

    id: UUID
    system: System
    file_name: str
    dry_run: bool
    state: Literal["waiting", "running", "done", "failed"]
    done: Annotated[int, Field(description="Steps done.")]
    all: Annotated[int | None, Field(description="Of how many; null while that is not known.")]
    error: str | None
    report: dict[str, Any] | None
    actor: str
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None


class ImportList(Outgoing):
    """The latest imports of a project, the newest first."""

    items: list[ImportOut]


def out(job: ImportJob) -> ImportOut:
    """An import as it stands: one whose process died is told as failed, for nothing of it was written."""
    fields = {name: getattr(job, name) for name in ImportOut.model_fields if name not in ("done", "all")}
    done, steps = jobs.progress_of(job)
    if uploads.is_broken_off(job):
        fields |= {"state": "failed", "error": jobs.BROKE_OFF}
    return ImportOut.model_validate(fields | {"done": done, "all": steps})


@router.get("", responses=answers(ImportList, "The latest imports, the newest first."))
async def list_imports(scope: ReadScope, db: ReadSession) -> ImportList:
    """The latest hundred imports of the project, the newest first."""
    return ImportList(items=[out(job) for job in await uploads.received(db, scope)])


async def _entering(key: ProjectKey, viewer: Viewing, db: UnitOfWork) -> Scope:
    """The scope without the project's lock: an import under way holds that to its end, and the next is taken in."""
    return await open_scope(db, viewer, key)


@router.post(
    "",
    status_code=202,
    responses=answers(ImportOut, "It was taken in and begins.", status=202, headers=("Location",)),
    openapi_extra=BODY,
)
async def begin_import(
    request: Request,
    upload: Uploaded,
    scope: Annotated[Scope, Depends(_entering)],
    db: UnitOfWork,
    system: Annotated[System, Query(description="Where the file comes from.")],
    file_name: Annotated[str, Query(max_length=200, description="What it was called there.")] = "",
    dry_run: Annotated[bool, Query(description="Only say what would be done.")] = False,
) -> Response:
    """Takes in an export of up to 100 MB and imports it: all of it or nothing. Ask its Location how it stands.

    A mapping file (as JSON) can be sent beside it in a form.
    """
    job = await uploads.receive(
        db, scope, system=system, path=upload.keep(), file_name=file_name or upload.name[:200],
        mapping=upload.mapping, dry_run=dry_run,
    )  # fmt: skip
    address = f"/api/v1/projects/{scope.key}/imports/{job.id}"
    response = editable(out(job).shown(), status_code=202, location=address)
    response.background = BackgroundTask(_start, request, job.id, scope.project_id)
    return response


async def _start(request: Request, job_id: UUID, project_id: UUID) -> None:
    """Begins an import once the answer has left, and so after the commit; the connection does not wait for its end."""
    under_way: set[asyncio.Task[None]] = request.app.state.imports
    run = uploads.run_apart(database_of(request), settings_of(request), job_id, project_id)
    task = asyncio.create_task(run, name=f"import {job_id}")
    under_way.add(task)
    task.add_done_callback(under_way.discard)


@router.get("/{import_id}", responses=answers(ImportOut, "The import as it stands."))
async def read_import(scope: ReadScope, db: ReadSession, import_id: UUID) -> Response:
    """How an import stands: its progress, and in the end its report or what is wrong with the file."""
    return editable(out(await uploads.one(db, scope, import_id)).shown())
