"""Mail: put into the outbox in the transaction that gives the reason, sent afterwards, at least once.

A sender takes one mail at a time under a lease, so that several processes never send the same one at once; one that
dies lets its lease run out, and the next try carries the same Message-ID.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.db import Database
from portal.errors import Unavailable
from portal.notify import refused
from portal.notify.models import Mail
from portal.notify.rules import Topic

log = logging.getLogger("portal.notify")

LEASE_SECONDS = 180
"""Longer than a try may take: what a mail server may (deliver.py), and a minute for our own part in it."""
DELAYS_SECONDS = (30, 120, 600, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 24 * 3600, 24 * 3600, 24 * 3600)
"""Pauses after the first, second, … failed try; after the last one the mail is given up: between four and five days, as
RFC 5321 (4.5.4.1) has it, for a mail server that broke on Friday is mended on Monday."""
BUSY_PAUSES = (1.0, 5.0, 10.0)
"""Seconds after which it is tried again to write down how a try ended: a mail that left must not leave once more."""
IDLE_SECONDS = 5.0
LATE = timedelta(minutes=10)
"""A mail that is due for so long and that nobody has tried to send: no sender runs."""

Compose = Callable[["Due"], EmailMessage]
Prepare = Callable[["Due"], Awaitable["Due | None"]]
"""Asks again, when a mail is about to leave, whether its person may and wishes to have it; None: no longer. Raises
NotNow."""
Deliver = Callable[[EmailMessage], Awaitable[None]]


class Undeliverable(Exception):
    """The mail can never be sent: trying again is useless. The text names no address."""


class AddressRefused(Undeliverable):
    """The mail server refuses an address for ever; `status` is its reply code."""

    def __init__(self, address: str, status: str) -> None:
        super().__init__("the mail server refuses the address for ever")
        self.address = address
        self.status = status


class NotNow(Exception):
    """The mail's person wishes to have it later, from `until` on."""

    def __init__(self, until: datetime) -> None:
        super().__init__("the mail's person wishes to have it later")
        self.until = until


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture inside a mail, as `subtype` of image/."""

    content: bytes
    subtype: str
    name: str


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
    person_id: UUID | None = None
    topic: Topic | None = None
    picture: Picture | None = field(default=None, repr=False)


async def enqueue(
    db: AsyncSession,
    *,
    recipient: str,
    locale: str,
    template: str,
    context: dict[str, Any],
    person_id: UUID | None = None,
    topic: Topic | None = None,
    dedupe_key: str | None = None,
    not_before: datetime | None = None,
) -> UUID:
    """Puts a mail into the outbox; it leaves only if the caller's transaction commits. Returns its id.

    A second mail of the same `dedupe_key` breaks the table's own rule and with it the transaction: ask `known_of`.
    """
    now = clock.now()
    mail = Mail(
        recipient=recipient, locale=locale, template=template, context=context, created_at=now,
        due_at=max(not_before or now, now), attempts=0, last_error=None, sent_at=None, failed_at=None, ended=False,
        dedupe_key=dedupe_key, person_id=person_id, topic=topic,
    )  # fmt: skip
    db.add(mail)
    await db.flush()
    return mail.id


async def known_of(db: AsyncSession, dedupe_keys: Collection[str]) -> set[str]:
    """Which of these keys have a mail already."""
    statement = select(Mail.dedupe_key).where(Mail.dedupe_key.in_(dedupe_keys))
    return {key for key in await db.scalars(statement) if key}


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
        .returning(
            Mail.id, Mail.recipient, Mail.locale, Mail.template, Mail.context, Mail.created_at, Mail.attempts,
            Mail.person_id, Mail.topic,
        )
    )  # fmt: skip
    row = (await db.execute(statement)).one_or_none()
    if row is None:
        return None
    topic = Topic(row.topic) if row.topic else None
    return Due(**{**row._mapping, "topic": topic}, lease_ends=lease_ends)


@dataclass(frozen=True, slots=True)
class Stuck:
    """Mails that should have left: how many, since when the first waits, and how a try of one of them ended."""

    number: int
    since: datetime | None
    error: str | None


async def stuck(db: AsyncSession) -> Stuck:
    """The mails whose last try failed, or that nobody tries to send."""
    is_late = Mail.last_error.is_not(None) | (Mail.due_at < clock.now() - LATE)
    columns = func.count(), func.min(Mail.created_at), func.max(Mail.last_error)
    return Stuck(*(await db.execute(select(*columns).where(Mail.ended.is_(False), is_late))).one())


async def finish(
    db: AsyncSession, due: Due, error: str | None = None, *, give_up: bool = False, recipient: str | None = None
) -> None:
    """Writes down how a try ended. A sender whose lease ran out meanwhile changes nothing."""
    now = clock.now()
    values: dict[str, Any] = {"last_error": error, "recipient": recipient or due.recipient}
    if error is None:
        values |= {"sent_at": now, "ended": True}
    elif give_up or due.attempts > len(DELAYS_SECONDS):
        values |= {"failed_at": now, "ended": True}
    else:
        values["due_at"] = now + timedelta(seconds=DELAYS_SECONDS[due.attempts - 1])
    await db.execute(update(Mail).where(Mail.id == due.id, Mail.due_at == due.lease_ends).values(**values))


async def put_off(db: AsyncSession, due: Due, until: datetime) -> None:
    """Lets a mail that was taken wait until a moment, as if nobody had tried to send it."""
    mine = (Mail.id == due.id, Mail.due_at == due.lease_ends)
    await db.execute(update(Mail).where(*mine).values(due_at=until, attempts=due.attempts - 1))


async def send_one(database: Database, compose: Compose, deliver: Deliver, prepare: Prepare | None = None) -> bool:
    """Sends the mail that is due, if one is; whether there was one."""
    async with database.write() as db:
        due = await take_due(db)
    if due is None:
        return False
    failure, recipient = await _try(due, compose, deliver, prepare)
    for pause in BUSY_PAUSES:
        try:
            await _write_down(database, due, failure, recipient)
        except (Unavailable, OSError, DBAPIError):
            await asyncio.sleep(pause)
        else:
            return True
    await _write_down(database, due, failure, recipient)
    return True


async def _write_down(database: Database, due: Due, failure: Exception | None, recipient: str) -> None:
    if isinstance(failure, NotNow):
        async with database.write() as db:
            await put_off(db, due, failure.until)
        return
    is_final = isinstance(failure, Undeliverable)
    error = None if failure is None else str(failure) if is_final else type(failure).__name__
    async with database.write() as db:
        await finish(db, due, error, give_up=is_final, recipient=recipient)
        if isinstance(failure, AddressRefused):
            await refused.record(db, failure.address, "smtp", failure.status)
        elif failure is None:
            await refused.accepted(db, recipient)
    # The address stays out of the log; the mail's id finds it.
    log.info("mail", extra={"mail": str(due.id), "template": due.template, "try": due.attempts, "error": error})


async def _try(due: Due, compose: Compose, deliver: Deliver, prepare: Prepare | None) -> tuple[Exception | None, str]:
    """Sends a mail, or tells why not: whatever a mail server or a network does, the mail stays in the outbox.

    With the address that it went to: a person's may have changed since.
    """
    recipient = due.recipient
    if due.attempts > len(DELAYS_SECONDS) + 1:  # each try was begun, and the last one that may be made never ended
        return Undeliverable("no sender that took it came back"), recipient
    try:
        ready = await prepare(due) if prepare else due
        if ready is None:
            return Undeliverable("its person may not, or does not wish to, have it any more"), recipient
        recipient = ready.recipient
        await deliver(compose(ready))
    except Exception as failure:
        return failure, recipient
    return None, recipient


async def send_forever(database: Database, compose: Compose, deliver: Deliver, prepare: Prepare | None = None) -> None:
    """The sender's loop; ends by cancellation. A database that is away for a while does not end it."""
    while True:
        try:
            if await send_one(database, compose, deliver, prepare):
                continue
        except (Unavailable, OSError) as error:
            log.warning("mail outbox unreachable", extra={"error": type(error).__name__})
        except Exception:
            log.exception("mail outbox failed")
        await asyncio.sleep(IDLE_SECONDS)
