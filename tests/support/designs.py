"""Designs for the tests: files with rows alone, and a design with as many versions as a test needs."""

import hashlib
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.db import Database
from portal.decisions.models import Decision
from portal.designs import commands
from portal.designs.models import Design, DesignVersion
from portal.designs.rules import Asking
from portal.files.models import File
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from tests.support.cast import Cast


async def draw(
    db: AsyncSession, scope: Scope, name: str = "screen.png", audience: Audience = Audience.INTERNAL, **more: Any
) -> File:
    """A picture's row, without bytes in any store."""
    await ledger.lock(db, scope.project_id)
    number = (await db.scalar(select(func.max(File.number)).where(File.project_id == scope.project_id)) or 0) + 1
    content = hashlib.sha256(f"{name} {number}".encode()).digest()
    event = ledger.NewEvent(
        "file.added", "file", number, audience, {"name": name, "sha256": content.hex()}, "system", clock.now()
    )
    fields = {
        "sha256": content, "size": 1000 + number, "media_type": "image/png", "name": name, "audience": audience,
        "width": 800, "height": 600, "preview": content,
    }  # fmt: skip
    row = File(
        project_id=scope.project_id, number=number, project_bytes=1000, created_at=clock.now(), created_by="system",
        seq=await ledger.append(db, scope.project_id, [event]), **(fields | more),
    )  # fmt: skip
    db.add(row)
    await db.flush()
    return row


async def version_of(
    db: AsyncSession, scope: Scope, number: int, files: tuple[str, ...] = ("screen.png",), **more: Any
) -> DesignVersion:
    """A new version of freshly drawn files with these names."""
    drawn = [(await draw(db, scope, name)).number for name in files]
    return await commands.add_version(db, scope, number, files=drawn, **more)


async def publish(
    database: Database, cast: Cast, number: int, version: int, again: Asking | None = None, who: str = "wei"
) -> Decision | None:
    """Shows a version to the client."""
    async with database.write() as db:
        return await commands.publish(db, await cast.scope(db, who), number, version, again)


async def shown(
    database: Database, cast: Cast, title: str = "Checkout", key: str = "BRIDGE", versions: int = 1, **more: Any
) -> Design:
    """A design with versions that the client sees."""
    async with database.write() as db:
        scope = await cast.scope(db, "wei", key)
        design = await commands.add_design(db, scope, title=title, description=more.pop("description", "How to pay."))
        for number in range(1, versions + 1):
            await version_of(db, scope, design.number, note=f"{title} note {number}", **more)
            await commands.publish(db, scope, design.number, number)
        return design


async def ask(database: Database, cast: Cast, number: int = 1, **wanted: Any) -> Decision:
    """Asks the client to approve what they see."""
    async with database.write() as db:
        return await commands.ask(db, await cast.scope(db, "wei"), number, Asking(**wanted))
