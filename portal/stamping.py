"""Asks a time stamping authority (RFC 3161) for a stamp on every receipt that has none, and is in nobody's way.

A receipt is whole without a stamp: an authority that is away or wrong delays stamps and nothing more.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select, update

from portal.db import Database
from portal.errors import Invalid, Unavailable
from portal.identity import fetch
from portal.ledger import timestamps
from portal.ledger.models import Receipt
from portal.settings import Settings

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

Ask = Callable[[bytes], Awaitable[bytes]]
"""Sends a request to the authority and returns its answer. Raises Unavailable."""

AT_ONCE = 50
"""Receipts in one turn of the job; a longer backlog waits for the next."""
MOST_WRONG = 3
"""Wrong answers in one turn, after which the authority is left alone until the next."""

_log = logging.getLogger(__name__)
_WAITING = (
    select(Receipt.project_id, Receipt.seq, Receipt.token)
    .where(Receipt.timestamp.is_(None))
    .order_by(Receipt.issued_at)
    .limit(AT_ONCE)
    .execution_options(cross_project="the job stamps every project's receipts")
)


async def stamp_due(database: Database, settings: Settings) -> int:
    """Stamps receipts that have no stamp yet; returns how many. Does nothing where no authority is configured."""
    if settings.timestamp_url is None or settings.timestamp_certificates is None:
        return 0
    roots = timestamps.read_roots(settings.timestamp_certificates)
    url = settings.timestamp_url
    async with fetch.client(fetch.BoundedTransport(most_bytes=timestamps.MOST_BYTES)) as client:
        return await stamp(database, lambda request: _ask(client, url, request), roots)


def at_once(settings: Settings, *, within_seconds: float) -> Ask | None:
    """Asks the configured authority for whoever cannot wait, by a connection of its own; None where there is none."""
    url = settings.timestamp_url
    if url is None:
        return None

    async def ask(request: bytes) -> bytes:
        transport = fetch.BoundedTransport(deadline_seconds=within_seconds, most_bytes=timestamps.MOST_BYTES)
        async with fetch.client(transport) as client:
            return await _ask(client, url, request)

    return ask


async def stamp(database: Database, ask: Ask, roots: Sequence["Certificate"]) -> int:
    """Has the oldest receipts without a stamp stamped; each is kept by a transaction of its own."""
    async with database.read() as db:
        waiting = (await db.execute(_WAITING)).all()
    done = wrong = 0
    for receipt in waiting:
        try:
            request = timestamps.request_for(receipt.token)
            made = timestamps.stamp_from(await ask(request.as_bytes()), request, receipt.token, roots)
        except Unavailable as error:
            _log.warning("The time stamping authority does not answer.", extra={"why": error.message})
            return done
        except Invalid as error:
            wrong += 1
            _log.warning("A time stamp was refused.", extra={"seq": receipt.seq, "why": error.message})
            if wrong == MOST_WRONG:
                return done
        else:
            await _keep(database, receipt.project_id, receipt.seq, made)
            done += 1
    return done


async def _keep(database: Database, project_id: UUID, seq: int, stamp: bytes) -> None:
    async with database.write(project_id) as db:
        mine = (Receipt.project_id == project_id, Receipt.seq == seq, Receipt.timestamp.is_(None))
        await db.execute(update(Receipt).where(*mine).values(timestamp=stamp))


async def _ask(client: Any, url: str, request: bytes) -> bytes:
    headers = {"Content-Type": timestamps.QUERY, "Accept": timestamps.REPLY}
    answer = await client.post(url, content=request, headers=headers)
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status_code != 200 or kind != timestamps.REPLY:
        raise Unavailable(f"The authority answered {answer.status_code} with {kind or 'no type'}.")
    return bytes(answer.content)
