"""Mail: put into the outbox in the transaction that gives the reason, sent afterwards, at least once.

A sender takes one mail at a time under a lease, so that several processes never send the same one at once; one that
dies lets its lease run out, and the next try carries the same Message-ID.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.db import Database
from portal.errors import Unavailable
from portal.notify.models import Mail

log = logging.getLogger("portal.notify")

LEASE_SECONDS = 120
DELAYS_SECONDS = (30, 120, 600, 3600, 4 * 3600, 12 * 3600, 24 * 3600)
"""Pauses after the first, second, … failed try; after the last one the mail is given up."""
IDLE_SECONDS = 5.0

Compose = Callable[["Due"], EmailMessage]
Deliver = Callable[[EmailMessage], Awaitable[None]]


class Undeliverable(Exception):
    """The mail can never be sent: trying again is useless. The text names no address."""


@dataclass(frozen=True, slots=True)
class Due:
    """A mail that a sender has taken."""

    id: UUID
    recipient: str
    locale: str
    template: str
    context: dict[str, Any]
    created_at: datetime
    attempts: int
    lease_ends: datetime


async def enqueue(db: AsyncSession, *, recipient: str, locale: str, template: str, context: dict[str, Any]) -> UUID:
    """Puts a mail into the outbox; it leaves only if the caller's transaction commits. Returns its id."""
    now = clock.now()
    mail = Mail(
        recipient=recipient, locale=locale, template=template, context=context, created_at=now, due_at=now, attempts=0,
        last_error=None, sent_at=None, failed_at=None, ended=False,
    )  # fmt: skip
    db.add(mail)
    await db.flush()
    return mail.id


async def take_due(db: AsyncSession) -> Due | None:
    """Takes the mail that has waited longest, under a lease; None when nothing is due."""
    now = clock.now()
    lease_ends = now + timedelta(seconds=LEASE_SECONDS)
    oldest = (
        select(Mail.id)
        .where(Mail.ended.is_(False), Mail.due_at <= now)
        .order_by(Mail.due_at, Mail.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    statement = (
        update(Mail)
        .where(Mail.id == oldest)
        .values(due_at=lease_ends, attempts=Mail.attempts + 1)
        .returning(Mail.id, Mail.recipient, Mail.locale, Mail.template, Mail.context, Mail.created_at, Mail.attempts)
    )
    row = (await db.execute(statement)).one_or_none()
    return Due(**row._mapping, lease_ends=lease_ends) if row else None


async def finish(db: AsyncSession, due: Due, error: str | None = None, *, give_up: bool = False) -> None:
    """Writes down how a try ended. A sender whose lease ran out meanwhile changes nothing."""
    now = clock.now()
    values: dict[str, Any] = {"last_error": error}
    if error is None:
        values |= {"sent_at": now, "ended": True}
    elif give_up or due.attempts > len(DELAYS_SECONDS):
        values |= {"failed_at": now, "ended": True}
    else:
        values["due_at"] = now + timedelta(seconds=DELAYS_SECONDS[due.attempts - 1])
    await db.execute(update(Mail).where(Mail.id == due.id, Mail.due_at == due.lease_ends).values(**values))


async def send_one(database: Database, compose: Compose, deliver: Deliver) -> bool:
    """Sends the mail that is due, if one is; whether there was one."""
    async with database.write() as db:
        due = await take_due(db)
    if due is None:
        return False
    error, give_up = None, False
    try:
        await deliver(compose(due))
    except Undeliverable as refused:
        error, give_up = str(refused), True
    except Exception as failure:  # whatever a mail server or a network does, the mail stays and is tried again
        error = type(failure).__name__
    async with database.write() as db:
        await finish(db, due, error, give_up=give_up)
    # The address stays out of the log; the mail's id finds it.
    log.info("mail", extra={"mail": str(due.id), "template": due.template, "try": due.attempts, "error": error})
    return True


async def send_forever(database: Database, compose: Compose, deliver: Deliver) -> None:
    """The sender's loop; ends by cancellation. A database that is away for a while does not end it."""
    while True:
        try:
            if await send_one(database, compose, deliver):
                continue
        except (Unavailable, OSError) as error:
            log.warning("mail outbox unreachable", extra={"error": type(error).__name__})
        except Exception:
            log.exception("mail outbox failed")
        await asyncio.sleep(IDLE_SECONDS)
