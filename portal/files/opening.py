"""Shows files to the client that were internal so far: whatever they are part of was published."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.files import queries
from portal.files.models import File
from portal.ledger import commands as ledger
from portal.ledger.models import Audience


async def show_to_client(db: AsyncSession, scope: Scope, numbers: Iterable[int]) -> None:
    """Opens those of the files that are internal; their bytes, names and numbers stay. Needs staff's rights."""
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    found = await queries.files_by_numbers(db, scope, numbers)
    for row in (found[number] for number in sorted(found)):
        if row.audience is Audience.INTERNAL:
            row.audience = Audience.CLIENT
            row.seq = await ledger.append(db, scope.project_id, [_event(scope, row)])
    await db.flush()


def _event(scope: Scope, row: File) -> ledger.NewEvent:
    body = {"name": row.name, "size": row.size, "media_type": row.media_type, "sha256": row.sha256.hex()}
    return ledger.NewEvent(
        "file.opened", "file", row.number, Audience.CLIENT, body, scope.viewer.actor, clock.now()
    )  # fmt: skip
