"""Writes of files: a file that was received (intake.py) gets its row and its event."""

from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.errors import Conflict, Invalid, TooLarge
from portal.files import queries
from portal.files.intake import Received
from portal.files.models import File
from portal.ledger import commands as ledger
from portal.ledger.models import Audience


async def add_file(
    db: AsyncSession,
    scope: Scope,
    received: Received,
    *,
    audience: Audience = Audience.INTERNAL,
    by_client: bool = False,
) -> File:
    """Adds a received file to the project, for staff; with `by_client` also for people of the client.

    Raises NotAllowed; Invalid for an audience that the caller is not of (a client's file is for the client); TooLarge
    when the project's files would take more than they may; Conflict when the bytes were cleared away in between.
    """
    if by_client and not scope.is_staff:
        scope.require_writable()
    else:
        scope.require_staff()
    if audience not in scope.audiences:
        raise Invalid("You cannot add a file for readers whom you are not one of.", field="audience", value=audience)
    await ledger.lock(db, scope.project_id)
    if not await _is_there(scope, received):
        told = "The file was cleared away before it was used: send it again."
        raise Conflict(told, field="file", value=received.name)
    last = await queries.last_file(db, scope)
    row = _row(scope, received, audience, last.number + 1 if last else 1)
    is_known = await queries.holds_content(db, scope, row.sha256)
    row.project_bytes = (last.project_bytes if last else 0) + (0 if is_known else row.size)
    if row.project_bytes > received.store.project_bytes:
        raise TooLarge(queries.NO_ROOM, field="file", value=received.name)
    row.seq = await ledger.append(db, scope.project_id, [_event(row)])
    db.add(row)
    await db.flush()
    return row


async def _is_there(scope: Scope, received: Received) -> bool:
    """Asked under the lock, under which orphans are collected too: what is there now has a row before they look."""
    wanted = [one.sha256 for one in (received.stored, received.preview) if one is not None]
    return all([await received.store.holds(scope.project_id, sha256) for sha256 in wanted])


def _row(scope: Scope, received: Received, audience: Audience, number: int) -> File:
    return File(
        project_id=scope.project_id, number=number, sha256=received.stored.sha256, size=received.stored.size,
        media_type=received.media_type, name=received.name, audience=audience, width=received.width,
        height=received.height, preview=received.preview.sha256 if received.preview else None,
        page_count=received.page_count, pages=received.pages, created_at=clock.now(), created_by=scope.viewer.actor,
    )  # fmt: skip


def _event(row: File) -> ledger.NewEvent:
    body = {
        "name": row.name, "size": row.size, "media_type": row.media_type, "sha256": row.sha256.hex(),
        "preview": row.preview.hex() if row.preview else None,
    }  # fmt: skip
    return ledger.NewEvent("file.added", "file", row.number, row.audience, body, row.created_by, row.created_at)
