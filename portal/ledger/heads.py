"""Signing a project's head: at every decision, and once a day when something happened."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.apart import Run
from portal.db import Database
from portal.ledger import checkpoint, tree
from portal.ledger.commands import lock
from portal.ledger.keys import SigningKeys
from portal.ledger.models import LedgerHead, ProjectLedger


async def sign_head(db: AsyncSession, project_id: UUID, keys: SigningKeys, now: datetime) -> LedgerHead:
    """Signs the present head and keeps it; the one that is there already, when nothing happened since.

    Raises NotFound for an unknown project.
    """
    ledger = await lock(db, project_id)
    signed = await db.get(LedgerHead, (project_id, ledger.version))
    if signed is not None:
        return signed
    root = tree.root(ledger.frontier, ledger.version)
    note = checkpoint.sign(project_id, ledger.version, root, keys)
    head = LedgerHead(project_id=project_id, size=ledger.version, root=root, at=now, checkpoint=note)
    db.add(head)
    await db.flush()
    return head


async def sign_due_heads(database: Database, keys: SigningKeys, now: datetime) -> int:
    """Signs the head of every project with events since its last head and no head yet today (UTC), each in a
    transaction of its own, so that nobody who writes waits for all of them; returns how many. Raises SomeFailed.

    The daily job: a second run on the same day, or two at once, signs nothing twice.
    """
    async with database.read() as db:
        due = list(await db.scalars(_due(now)))
    run = Run()
    for project_id in due:
        with run.apart(project=project_id):
            async with database.write() as db:
                await sign_head(db, project_id, keys, now)
            run.done += 1
    return run.end()


def _due(now: datetime) -> Select[UUID]:
    last = (
        select(LedgerHead.project_id, func.max(LedgerHead.size).label("size"), func.max(LedgerHead.at).label("at"))
        .group_by(LedgerHead.project_id)
        .subquery()
    )
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (
        select(ProjectLedger.id)
        .outerjoin(last, last.c.project_id == ProjectLedger.id)
        .where(ProjectLedger.version > func.coalesce(last.c.size, 0), or_(last.c.at.is_(None), last.c.at < today))
        .order_by(ProjectLedger.id)
        .execution_options(cross_project="the daily job signs every project's head")
    )
