"""Writes of webhooks by administrators: endpoints, their secrets, trials, replays. The caller owns the transaction.

Endpoints belong to the agency, not to a project; so they leave no event in a ledger, but a line in the log.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import CursorResult, Uuid, delete, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock, wall
from portal.access import StaffRole, Viewer
from portal.db import UtcDateTime
from portal.errors import Conflict, Invalid, NotFound
from portal.ledger import queries as ledger
from portal.ledger.models import Audience, ProjectLedger
from portal.notify.webhooks import queries, rules
from portal.notify.webhooks.address import checked_url
from portal.notify.webhooks.models import WebhookCursor, WebhookDelivery, WebhookEndpoint
from portal.notify.webhooks.sealing import Seal

MOST_ENDPOINTS = 50
MOST_KINDS = 100
LONGEST_NAME = 200
_log = logging.getLogger("portal.webhooks")
_ALL = {"cross_project": "an endpoint of the agency is told of all projects"}


@dataclass(frozen=True, slots=True)
class WithSecret:
    """An endpoint and its new secret, which is shown this once and kept sealed."""

    endpoint: WebhookEndpoint
    secret: str


async def add(
    db: AsyncSession, viewer: Viewer, fields: Mapping[str, Any], *, seal: Seal, allow_private: bool
) -> WithSecret:
    """Adds an endpoint that is told of everything from now on.

    `fields`: name, url, and perhaps kinds, audiences, project (a key). Raises NotAllowed, Invalid, NotFound, Conflict.
    """
    viewer.require_staff(StaffRole.ADMIN)
    if len(await queries.endpoints(db, viewer)) >= MOST_ENDPOINTS:
        raise Conflict(f"There are {MOST_ENDPOINTS} endpoints already: remove one first.")
    now, endpoint_id, secret = clock.now(), uuid4(), rules.new_secret()
    endpoint = WebhookEndpoint(
        id=endpoint_id, secret=seal.close(endpoint_id, secret), old_secret=None, old_secret_until=None, kinds=[],
        only_project_id=None,
        audiences=[Audience.CLIENT.value, Audience.INTERNAL.value], created_by=viewer.actor, created_at=now,
        updated_at=now, disabled_at=None, disabled_reason=None, lease_until=now, test_id=None,
        name=_name(fields["name"]), url=checked_url(fields["url"], allow_private=allow_private),
    )  # fmt: skip
    await _set(db, endpoint, fields)
    db.add(endpoint)
    await db.flush()
    await _begin_now(db, endpoint, now)
    _log.info("webhook added", extra={"webhook": str(endpoint.id), "actor": viewer.actor})
    return WithSecret(endpoint, secret)


async def change(
    db: AsyncSession, viewer: Viewer, endpoint_id: UUID, fields: Mapping[str, Any], *, allow_private: bool
) -> WebhookEndpoint:
    """Changes an endpoint: name, url, kinds, audiences, project, or `disabled`.

    One that is switched on again goes on where it stopped. Raises NotAllowed, NotFound, Invalid.
    """
    endpoint = await queries.endpoint(db, viewer, endpoint_id, lock=True)
    if "name" in fields:
        endpoint.name = _name(fields["name"])
    if "url" in fields:
        endpoint.url = checked_url(fields["url"], allow_private=allow_private)
    await _set(db, endpoint, fields)
    now = clock.now()
    if fields.get("disabled") is True and endpoint.disabled_at is None:
        endpoint.disabled_at, endpoint.disabled_reason = now, rules.BY_HAND
    elif fields.get("disabled") is False and endpoint.disabled_at is not None:
        endpoint.disabled_at = endpoint.disabled_reason = None
        await _begin_again(db, endpoint_id, now)
    endpoint.updated_at = now
    await db.flush()
    _log.info("webhook changed", extra={"webhook": str(endpoint_id), "actor": viewer.actor, "fields": sorted(fields)})
    return endpoint


async def remove(db: AsyncSession, viewer: Viewer, endpoint_id: UUID) -> None:
    """Removes an endpoint with its log. Raises NotAllowed, NotFound."""
    endpoint = await queries.endpoint(db, viewer, endpoint_id, lock=True)
    for table in (WebhookDelivery, WebhookCursor):
        of_this = table.endpoint_id == endpoint_id
        await db.execute(delete(table).where(of_this).execution_options(**_ALL))
    await db.delete(endpoint)
    await db.flush()
    _log.info("webhook removed", extra={"webhook": str(endpoint_id), "actor": viewer.actor})


async def rotate(db: AsyncSession, viewer: Viewer, endpoint_id: UUID, *, seal: Seal) -> WithSecret:
    """Gives an endpoint a new secret; the old one signs beside it for a day. Raises NotAllowed, NotFound."""
    endpoint = await queries.endpoint(db, viewer, endpoint_id, lock=True)
    now, secret = clock.now(), rules.new_secret()
    endpoint.old_secret, endpoint.old_secret_until = endpoint.secret, now + rules.BOTH_SECRETS
    endpoint.secret, endpoint.updated_at = seal.close(endpoint_id, secret), now
    await db.flush()
    _log.info("webhook secret rotated", extra={"webhook": str(endpoint_id), "actor": viewer.actor})
    return WithSecret(endpoint, secret)


async def ask_for_trial(db: AsyncSession, viewer: Viewer, endpoint_id: UUID) -> str:
    """Has a trial sent, within seconds, to an endpoint that is switched off too; returns its webhook-id.

    What came of it stands in the log of deliveries. Raises NotAllowed, NotFound.
    """
    endpoint = await queries.endpoint(db, viewer, endpoint_id, lock=True)
    endpoint.test_id = uuid4()
    await db.flush()
    return trial_id(endpoint.test_id)


def trial_id(test_id: UUID) -> str:
    """The webhook-id of a trial."""
    return f"test_{test_id.hex}"


async def replay(db: AsyncSession, viewer: Viewer, endpoint_id: UUID, key: str, from_seq: int) -> None:
    """Sends a project's events from `from_seq` on (once more), with the ids that they had; a later seq skips some.

    Raises NotAllowed, NotFound, Invalid for a seq that is still to come, Conflict for another project's endpoint.
    """
    endpoint = await queries.endpoint(db, viewer, endpoint_id, lock=True)
    project_id = await _project(db, key)
    if endpoint.only_project_id not in (None, project_id):
        raise Conflict("This endpoint is told of another project.")
    version = await db.scalar(select(ProjectLedger.version).where(ProjectLedger.id == project_id)) or 0
    if not 1 <= from_seq <= version + 1:
        raise Invalid(f"A seq of this project is from 1 to {version + 1}.", field="from_seq", value=from_seq)
    await wall.enter(db, project_id)
    found = await db.get(WebhookCursor, (endpoint_id, project_id))
    cursor = found or WebhookCursor(endpoint_id=endpoint_id, project_id=project_id)
    cursor.seq, cursor.attempts, cursor.due_at, cursor.failing_since = from_seq - 1, 0, clock.now(), None
    db.add(cursor)
    await db.flush()
    _log.info(
        "webhook replay",
        extra={"webhook": str(endpoint_id), "actor": viewer.actor, "project": key, "from_seq": from_seq},
    )


async def _set(db: AsyncSession, endpoint: WebhookEndpoint, fields: Mapping[str, Any]) -> None:
    if "kinds" in fields:
        endpoint.kinds = _kinds(fields["kinds"])
    if "audiences" in fields:
        endpoint.audiences = _audiences(fields["audiences"])
    if "project" in fields:
        key = fields["project"]
        endpoint.only_project_id = None if key is None else await _project(db, key)


async def _project(db: AsyncSession, key: str) -> UUID:
    found = await ledger.project_id_of(db, key)
    if found is None:
        raise NotFound("There is no such project.", field="project", value=key)
    return found


async def _begin_now(db: AsyncSession, endpoint: WebhookEndpoint, now: datetime) -> None:
    """What has happened already is not told, in any project: an endpoint that is widened later starts there too."""
    present = select(
        literal(endpoint.id, Uuid()), ProjectLedger.id, ProjectLedger.version, literal(0), literal(now, UtcDateTime())
    )
    columns = ["endpoint_id", "project_id", "seq", "attempts", "due_at"]
    await db.execute(insert(WebhookCursor).from_select(columns, present).execution_options(**_ALL))


async def _begin_again(db: AsyncSession, endpoint_id: UUID, now: datetime) -> int:
    """Whoever switched it on has mended it: what failed is due at once, and its five days begin anew."""
    statement = update(WebhookCursor).where(WebhookCursor.endpoint_id == endpoint_id)
    statement = statement.values(attempts=0, due_at=now, failing_since=None).execution_options(**_ALL)
    return cast(CursorResult[Any], await db.execute(statement)).rowcount


def _name(name: str) -> str:
    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise Invalid(f"A name is 1 to {LONGEST_NAME} printable characters.", field="name", value=name)
    return name.strip()


def _kinds(kinds: Sequence[str]) -> list[str]:
    wrong = next((kind for kind in kinds if not rules.KIND.fullmatch(kind)), None)
    if wrong is not None:
        raise Invalid("A kind of event is such as item.moved, or item.* for all of items.", field="kinds", value=wrong)
    if len(kinds) > MOST_KINDS:
        raise Invalid(f"Up to {MOST_KINDS} kinds; an empty list means all.", field="kinds", value=len(kinds))
    return sorted(set(kinds))


def _audiences(audiences: Sequence[str]) -> list[str]:
    if not audiences or not set(audiences) <= set(Audience):
        raise Invalid(f"Audiences are some of {', '.join(Audience)}.", field="audiences", value=list(audiences))
    return sorted(set(audiences))
