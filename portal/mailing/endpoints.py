"""Mails to the agency's administrators about a webhook that was switched off by itself: once, and never its secret."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import StaffRole, Viewer
from portal.apart import Run
from portal.db import Database
from portal.mailing import digests, readers
from portal.notify import outbox, preferences
from portal.notify.rules import Topic
from portal.notify.webhooks import queries, rules
from portal.notify.webhooks.queries import SwitchedOff

TEMPLATE = "webhook"


async def tell_administrators(database: Database) -> int:
    """Mails of each endpoint that was switched off lately, in one transaction an endpoint; returns how many mails.
    Raises SomeFailed."""
    async with database.read() as db:
        found = await queries.switched_off(db, clock.now() - rules.TOLD_WITHIN)
        everybody = await readers.administrators(db) if found else []
    run = Run()
    for one in found:
        with run.apart(webhook=one.id):
            async with database.write() as db:
                run.done += await _tell(db, one, everybody)
    return run.end()


async def _tell(db: AsyncSession, endpoint: SwitchedOff, everybody: list[Viewer]) -> int:
    """Holds the endpoint's row meanwhile, so that two processes do not both find that nobody was told."""
    if not await queries.is_still_off(db, endpoint.id, endpoint.at, lock=True):
        return 0
    untold = {_key(one, endpoint): one for one in everybody}
    for known in await outbox.known_of(db, untold.keys()):
        del untold[known]
    for dedupe_key, viewer in untold.items():
        assert viewer.person_id is not None  # readers are people
        zone = await digests.zone_of(db, viewer.person_id)
        wishes = preferences.wishes_of(await preferences.of_person(db, viewer.person_id), zone)
        await outbox.enqueue(
            db, recipient=viewer.email, locale=viewer.locale, template=TEMPLATE, context=_context(endpoint),
            person_id=viewer.person_id, topic=Topic.ASKED, dedupe_key=dedupe_key,
            not_before=wishes.first_loud(clock.now()),
        )  # fmt: skip
    return len(untold)


def _key(viewer: Viewer, endpoint: SwitchedOff) -> str:
    return f"{viewer.person_id}:webhook:{endpoint.id}:{clock.rfc3339(endpoint.at)}"


def _context(endpoint: SwitchedOff) -> dict[str, Any]:
    """What a mail says: of the address the host alone, as paths and queries often hold a secret of the receiver's."""
    return {
        "kind": "switched_off", "webhook": str(endpoint.id), "name": endpoint.name,
        "host": urlsplit(endpoint.url).hostname or "", "reason": endpoint.reason, "at": clock.rfc3339(endpoint.at),
        "since": clock.rfc3339(endpoint.failing_since or endpoint.at), "is_gone": endpoint.reason == rules.NO_MORE,
        "is_certificate": "certificate" in endpoint.reason.lower(), "path": f"/api/v1/webhooks/{endpoint.id}",
    }  # fmt: skip


async def holds(db: AsyncSession, viewer: Viewer, context: dict[str, Any]) -> dict[str, Any] | None:
    """The same context while the endpoint is off since then and its reader administers it; else None."""
    off = await queries.is_still_off(db, UUID(context["webhook"]), datetime.fromisoformat(context["at"]))
    return context if off and StaffRole.ADMIN in viewer.staff else None
