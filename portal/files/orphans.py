"""Bytes that nothing names: what was sent and never used. They go after a day; a file that has a row never does.

Rows and the events that name them are written together and never removed, so the rows say all.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.db import Database
from portal.errors import NotFound
from portal.files.models import File
from portal.files.store import Found, Store
from portal.ledger import commands as ledger

KEPT = timedelta(days=1)
AT_ONCE = 500


async def collect(store: Store, database: Database) -> int:
    """Removes what was sent more than a day ago and is named by nothing; returns how many objects went.

    A project that the database does not know is left alone: it is more likely the wrong database than the wrong file.
    """
    before = clock.now() - KEPT
    removed, batch = 0, list[Found]()
    async for found in store.found():
        if found.modified_at >= before:
            continue
        if found.sha256 is None:
            await store.delete(found.key)
            removed += 1
            continue
        batch.append(found)
        if len(batch) == AT_ONCE:
            removed += await _collect(store, database, batch, before)
            batch = []
    return removed + await _collect(store, database, batch, before)


async def _collect(store: Store, database: Database, batch: list[Found], before: datetime) -> int:
    removed = 0
    for project_id in {one.project_id for one in batch if one.project_id}:
        mine = {one.sha256 for one in batch if one.project_id == project_id and one.sha256}
        async with database.read(project_id) as db:
            unnamed = mine - await _named(db, project_id, mine)
        for sha256 in unnamed:
            removed += await remove_unnamed(store, database, project_id, sha256, before=before)
    return removed


async def remove_unnamed(
    store: Store, database: Database, project_id: UUID, sha256: bytes, *, before: datetime | None = None
) -> bool:
    """Removes bytes of a project unless a file has them, or they were sent again since `before`; says whether it did.

    It looks and removes under the lock under which files get their rows, so neither overtakes the other.
    """
    key = store.key(project_id, sha256)
    async with database.write() as db:
        try:
            await ledger.lock(db, project_id)
        except NotFound:
            return False
        sent_at = await store.modified_at(key)
        if sent_at is None or (before and sent_at >= before) or await _named(db, project_id, {sha256}):
            return False
        await store.delete(key)
    return True


async def _named(db: AsyncSession, project_id: UUID, contents: Iterable[bytes]) -> set[bytes]:
    wanted = list(contents)
    statement = select(File.sha256, File.preview).where(
        File.project_id == project_id, or_(File.sha256.in_(wanted), File.preview.in_(wanted))
    )
    return {one for row in await db.execute(statement) for one in row if one is not None}
