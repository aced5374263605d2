"""Bringing events to the endpoints: in each project's order, at least once, whichever process lives or dies.

One sender at a time has an endpoint, under a lease that ends by itself. A try is sent first and written down
afterwards, so what a crash can do is send an event a second time, under the same webhook-id.
"""

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.apart import Run
from portal.db import Database
from portal.errors import Unavailable
from portal.ledger import queries as ledger
from portal.ledger.models import Audience
from portal.ledger.queries import EventRow
from portal.notify.webhooks import leases, rules
from portal.notify.webhooks.commands import trial_id
from portal.notify.webhooks.leases import Place, Taken
from portal.notify.webhooks.models import WebhookDelivery, WebhookEndpoint
from portal.notify.webhooks.rules import Outcome
from portal.notify.webhooks.sealing import UNREADABLE, Seal
from portal.notify.webhooks.sending import Sender

IDLE_SECONDS = 2.0
AT_ONCE = 8
"""Endpoints that are worked on at the same time: one that is slow holds up no other."""
EVENTS_AT_ONCE = 100

_log = logging.getLogger("portal.webhooks")


async def send_forever(database: Database, sender: Sender, seal: Seal) -> None:
    """The senders' loop; ends by cancellation. A database that is away for a while does not end it."""
    busy: set[UUID] = set()
    async with asyncio.TaskGroup() as group:
        while True:
            try:
                for endpoint_id in (await leases.due(database))[: AT_ONCE - len(busy)]:
                    if endpoint_id not in busy:
                        busy.add(endpoint_id)
                        group.create_task(_work(database, sender, seal, endpoint_id, busy))
            except (Unavailable, OSError) as error:
                _log.warning("webhooks cannot reach the database", extra={"error": type(error).__name__})
            except Exception:
                _log.exception("webhooks failed")
            await asyncio.sleep(IDLE_SECONDS)


async def _work(database: Database, sender: Sender, seal: Seal, endpoint_id: UUID, busy: set[UUID]) -> None:
    try:
        await work(database, sender, seal, endpoint_id)
    except Exception:
        _log.exception("a webhook failed", extra={"webhook": str(endpoint_id)})
    finally:
        busy.discard(endpoint_id)


async def work(database: Database, sender: Sender, seal: Seal, endpoint_id: UUID) -> int:
    """Sends what is due at one endpoint, as far as it goes; returns how many tries were made. 0 if another has it.
    Raises SomeFailed where a project's events could not be sent at all."""
    taken = await leases.take(database, endpoint_id)
    if taken is None:
        return 0
    run = Run()
    if taken.test_id is not None:
        await _try_out(database, sender, seal, taken, taken.test_id)
        run.done += 1
    for place in await leases.due_places(database, taken) if taken.is_enabled else []:
        with run.apart(webhook=taken.id, project=place.key):
            told = await _tell(database, sender, seal, taken, place)
            run.done += told.tries
            if told.taken is None:
                return run.end()
            taken = told.taken
            if told.is_trouble or not taken.is_enabled:
                break
    if not run.failed:  # else it is left alone until the lease ends: what failed would do so at once again
        await leases.release(database, taken)
    return run.end()


@dataclass(frozen=True, slots=True)
class Told:
    """What came of telling one project's events."""

    tries: int
    taken: Taken | None
    """The lease as it stands; None when it was lost."""
    is_trouble: bool = False


async def _tell(database: Database, sender: Sender, seal: Seal, taken: Taken, place: Place) -> Told:
    """Sends a project's events in their order until one fails."""
    async with database.read(place.project_id) as db:
        events = await ledger.since(db, place.project_id, tuple(Audience), place.seq, EVENTS_AT_ONCE)
    tries, unwanted = 0, 0
    for event in events:
        if not rules.wants(taken.kinds, taken.audiences, event):
            unwanted = event.seq
            continue
        outcome, mine, goes_on = await _tell_one(database, sender, seal, taken, place, event)
        tries += 1
        if mine is None or not goes_on:
            return Told(tries, mine, outcome.is_trouble)
        taken, unwanted = mine, 0
        place = replace(place, seq=event.seq, attempts=0, failing_since=None)
    if unwanted:
        await _pass_over(database, taken, place, unwanted)
    return Told(tries, taken)


async def _tell_one(
    database: Database, sender: Sender, seal: Seal, taken: Taken, place: Place, event: EventRow
) -> tuple[Outcome, Taken | None, bool]:
    at, webhook = clock.now(), rules.webhook_id(taken.id, place.project_id, event.seq)
    text = rules.payload(place.key, event)
    outcome = await _send(sender, seal, taken, webhook, at, text)
    line = WebhookDelivery(
        endpoint_id=taken.id, project_id=place.project_id, seq=event.seq, webhook_id=webhook, kind=event.kind,
        attempt=place.attempts + 1, at=at, **_what_came(outcome),
    )  # fmt: skip
    async with database.write(place.project_id) as db:
        mine, moved = await _write_down(db, taken, place, event.seq, outcome, line)
    return outcome, mine, moved and outcome.is_delivered


async def _send(sender: Sender, seal: Seal, taken: Taken, webhook: str, at: datetime, text: str) -> Outcome:
    """Sends a text signed by each secret that can be read; without one nothing is sent, and that is a failure."""
    secrets = seal.opened(taken.id, taken.secrets)
    if not secrets:
        return Outcome(None, 0, UNREADABLE)
    return await sender.send(taken.url, rules.headers(webhook, at, text, secrets), text)


def _what_came(outcome: Outcome) -> dict[str, Any]:
    names = ("status", "milliseconds", "error", "response")
    return {name: getattr(outcome, name) for name in names}


async def _write_down(
    db: AsyncSession, taken: Taken, place: Place, seq: int, outcome: Outcome, line: WebhookDelivery
) -> tuple[Taken | None, bool]:
    """The try in the log and the cursor moved on, or set to wait: the lease now, and whether the cursor was ours."""
    now = clock.now()
    mine = await leases.renew(db, taken.id, WebhookEndpoint.lease_until == taken.lease_until, now)
    if mine is None:
        return None, False
    db.add(line)
    if outcome.is_delivered:
        values: dict[str, Any] = {"seq": seq, "attempts": 0, "due_at": now, "failing_since": None}
    else:
        failed = place.attempts + 1
        wait = rules.pause(failed, outcome.retry_after)
        since = place.failing_since or now
        values = {"seq": place.seq, "attempts": failed, "due_at": now + wait, "failing_since": since}
    # Somebody who asked for a replay meanwhile moved the cursor: then theirs counts.
    moved = await leases.move(db, taken.id, place, values)
    if moved and not outcome.is_delivered and (reason := await _reason_to_end(db, taken, place, seq, outcome)):
        await leases.disable(db, taken.id, reason, now)
        mine = replace(mine, is_enabled=False)
    return mine, moved


async def _pass_over(database: Database, taken: Taken, place: Place, seq: int) -> None:
    """Moves on past events that the endpoint does not want."""
    async with database.write(place.project_id) as db:
        values = {"seq": seq, "attempts": 0, "due_at": clock.now(), "failing_since": None}
        await leases.move(db, taken.id, place, values)


async def _reason_to_end(db: AsyncSession, taken: Taken, place: Place, seq: int, outcome: Outcome) -> str | None:
    """Why to switch an endpoint off after a failure, if it is time: one event that it dislikes is no reason as long as
    it takes others."""
    if outcome.status == rules.GONE:
        return rules.NO_MORE
    since = clock.now() - rules.LASTING
    if place.failing_since is None or place.failing_since > since:
        return None
    if await leases.took_any(db, taken.id, since):
        _log.error("webhook stuck", extra={"webhook": str(taken.id), "project": place.key, "seq": seq})
        return None
    return f"nothing got through for {rules.LASTING.days} days: {place.key} {seq}, {outcome.error}"


async def _try_out(database: Database, sender: Sender, seal: Seal, taken: Taken, test_id: UUID) -> None:
    at, webhook = clock.now(), trial_id(test_id)
    text = rules.trial_payload(at)
    outcome = await _send(sender, seal, taken, webhook, at, text)
    async with database.write() as db:
        this = (WebhookEndpoint.id == taken.id, WebhookEndpoint.test_id == test_id)
        changed = await db.execute(update(WebhookEndpoint).where(*this).values(test_id=None))
        if cast(CursorResult[Any], changed).rowcount:
            db.add(
                WebhookDelivery(
                    endpoint_id=taken.id, project_id=None, seq=None, webhook_id=webhook, kind=rules.TRIAL, attempt=1,
                    at=at, **_what_came(outcome),
                )
            )  # fmt: skip
