"""The stored events of one project, streamed, with the digest of what each row says."""

import sqlite3
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from portal.ledger import canonical
from portal.ledger.faults import Why
from portal.ledger.models import Event
from portal.ledger.walk import Broken

CHUNK = 500
Columns = tuple[Any, ...]

_EVENT = (
    Event.seq, Event.at, Event.recorded_at, Event.actor, Event.kind, Event.subject_kind, Event.subject_number,
    Event.audience, Event.body, Event.digest,
)  # fmt: skip


async def event_rows(db: AsyncSession, project_id: UUID, after: int = 0) -> AsyncIterator[Row[*Columns]]:
    """All events in order. Raises Broken for one whose columns cannot even be read."""
    limit = CHUNK
    while True:
        statement = select(*_EVENT).where(Event.project_id == project_id, Event.seq > after)
        try:
            rows = (await db.execute(statement.order_by(Event.seq).limit(limit))).all()
        except (ValueError, TypeError, LookupError, DBAPIError) as error:
            if not _is_unreadable(error):
                raise
            if limit == 1:
                raise Broken(after + 1, Why.CHANGED, "it holds a value that was never written") from error
            limit = 1
            continue
        for row in rows:
            yield row
        if not rows:
            return
        after = rows[-1].seq


def _is_unreadable(error: Exception) -> bool:
    """Whether a value, not the connection, is at fault; SQLite keeps any type and any bytes in any column."""
    return not isinstance(error, DBAPIError) or (
        isinstance(error.orig, sqlite3.OperationalError) and "decode" in str(error.orig)
    )


def row_text(project_id: UUID, row: Row[*Columns], seq: int | None = None) -> str | None:
    """The canonical form of what a row says (as the event `seq`, if given); None for values that no event can have."""
    fields = row._asdict()
    del fields["digest"]
    try:
        return canonical.event_text(project_id=project_id, **fields | {"seq": row.seq if seq is None else seq})
    except (ValueError, TypeError, AttributeError):
        return None


def recomputed(project_id: UUID, row: Row[*Columns], seq: int) -> bytes | None:
    """The digest of what a row says, as the event `seq`; None for values that no event can have."""
    text = row_text(project_id, row, seq)
    return None if text is None else canonical.digest_of(text)
