"""What happens by itself while the portal runs: mail, the daily signed heads, clearing away what has expired.

Every job may run twice, or on two machines at once, without harm; on one machine a lock lets one process do them.
"""

import asyncio
import fcntl
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, inspect, select, tuple_, update
from sqlalchemy.orm import InstrumentedAttribute
from starlette.datastructures import State

from api.models import IdempotencyKey
from portal import clock, stamping
from portal.acceptance import deeming
from portal.acceptance import reminders as last_days
from portal.apart import Run, SomeFailed
from portal.billing import periods
from portal.changes import expiry
from portal.connectors.models import ImportJob
from portal.db import Base, Database
from portal.decisions import reminders
from portal.files import orphans
from portal.identity.models import Session, SignIn, SpentToken
from portal.ledger.heads import sign_due_heads
from portal.mailing import digests, endpoints, payments, telling
from portal.mailing.sending import preparer
from portal.notify import outbox
from portal.notify.compose import composer
from portal.notify.deliver import delivery
from portal.notify.models import Mail, MailLink, MailRefused, MailReply
from portal.notify.webhooks import delivering, sealing
from portal.notify.webhooks.models import WebhookDelivery
from portal.notify.webhooks.sealing import Seal
from portal.notify.webhooks.sending import Sender
from web import catalogues

LOCK_FILE = "background.lock"
TICK_SECONDS = 1.0
AGAIN_SECONDS = 30.0
ROWS_AT_ONCE = 500
"""Rows deleted by one transaction: on SQLite all requests of the process wait for it."""
SESSIONS_KEPT = timedelta(days=1)
DELIVERIES_KEPT = timedelta(days=30)
MAILS_KEPT = timedelta(days=90)
"""Long enough for a mail that comes back, and for the telling of an event never to be repeated."""
REFUSALS_KEPT = timedelta(days=180)
KEPT: tuple[tuple[type[Base], InstrumentedAttribute[Any], timedelta], ...] = (
    (Session, Session.expires_at, SESSIONS_KEPT),
    (Session, Session.idle_until, SESSIONS_KEPT),
    (SignIn, SignIn.expires_at, timedelta()),
    (SpentToken, SpentToken.expires_at, timedelta()),
    (IdempotencyKey, IdempotencyKey.expires_at, timedelta()),
    (Mail, Mail.created_at, MAILS_KEPT),
    (MailLink, MailLink.expires_at, timedelta()),
    (MailReply, MailReply.expires_at, timedelta()),
    (MailRefused, MailRefused.last_at, REFUSALS_KEPT),
    (WebhookDelivery, WebhookDelivery.at, DELIVERIES_KEPT),
)
"""What is deleted by itself: from which time of a row on, and how long after it."""
START_WITHIN = timedelta(minutes=10)
"""An import whose process has not begun by then never will."""
ELSEWHERE_WITHIN = timedelta(hours=6)
"""How long an import may run on a machine whose files we cannot see."""
ENDED_EARLY = "The process that ran this import ended before it was done. Nothing was changed; start it again."

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is done again and again."""

    name: str
    every_seconds: float
    work: Callable[[State], Awaitable[int]]
    """Returns how much was done, for the log."""


async def run(state: State) -> None:
    """Sends mail and webhooks and does all jobs when they are due, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for part in (send_mail, send_webhooks, do_jobs):
            group.create_task(_kept_going(part, state))


async def _kept_going(part: Callable[[State], Awaitable[None]], state: State) -> None:
    """A part that ends, as where a disk is full, begins again after a while, and the others go on."""
    while True:
        try:
            await part(state)
        except Exception as error:
            _log.error("A part of the background ended.", exc_info=error, extra={"part": part.__name__})
        await asyncio.sleep(AGAIN_SECONDS)


async def do_jobs(state: State) -> None:
    """Does each job again and again, beside the others: one that takes long, or hangs, keeps none of them waiting."""
    with lock_of(state.settings.data_dir) as is_ours:
        async with asyncio.TaskGroup() as group:
            for job in JOBS:
                group.create_task(_again_and_again(job, state, is_ours))


async def _again_and_again(job: Job, state: State, is_ours: Callable[[], bool]) -> None:
    """One that fails is logged and tried again at its next turn."""
    while True:
        if is_ours():
            await _once(job, state)
            await asyncio.sleep(job.every_seconds)
        else:
            await asyncio.sleep(TICK_SECONDS)


async def _once(job: Job, state: State) -> None:
    try:
        done = await job.work(state)
    except SomeFailed as some:
        counted = {"job": job.name, "done": some.done, "failed": some.failed}
        _log.error("A background job failed in part.", extra=counted)
    except Exception as error:
        _log.error("A background job failed.", exc_info=error, extra={"job": job.name})
    else:
        if done:
            _log.info("A background job did its work.", extra={"job": job.name, "done": done})


@contextmanager
def lock_of(folder: Path) -> Iterator[Callable[[], bool]]:
    """A function that says whether this process does the jobs: the first to ask does, and the next when it ends."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield lambda: takes(handle)
    finally:
        os.close(handle)


def takes(handle: int) -> bool:
    """Whether an open file's lock is ours, or could be had just now."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def sign_heads(state: State) -> int:
    """Signs the head of every project where something happened since yesterday's."""
    return await sign_due_heads(state.database, state.keys, clock.now())


async def stamp_receipts(state: State) -> int:
    """Has receipts stamped by the time stamping authority, where one is configured."""
    return await stamping.stamp_due(state.database, state.settings)


async def clear_expired(state: State) -> int:
    """Deletes what is over: sessions, sign-ins, logout tokens, answers to repeated requests, mails and their links.
    Raises SomeFailed."""
    now, run = clock.now(), Run()
    for table, column, kept in KEPT:
        with run.apart(table=table.__tablename__):
            run.done += await delete_before(state.database, table, column, now - kept)
    return run.end()


async def delete_before(database: Database, table: type[Base], column: InstrumentedAttribute[Any], moment: Any) -> int:
    """Deletes a table's rows whose time in `column` was before a moment, some at a time; returns how many."""
    key = inspect(table).primary_key
    old = select(*key).where(column < moment).limit(ROWS_AT_ONCE)
    total = 0
    while True:
        async with database.write() as db:
            statement = delete(table).where(tuple_(*key).in_(old))
            result: Any = await db.execute(statement.execution_options(cross_project="clearing away what has expired"))
            deleted = int(result.rowcount)
        total += deleted
        if deleted < ROWS_AT_ONCE:
            return total
        await asyncio.sleep(0)


async def fail_abandoned_imports(state: State) -> int:
    """Marks imports as failed whose process is gone: nobody holds the lock on the uploaded file any more."""
    async with state.database.read() as db:
        statement = select(ImportJob).where(ImportJob.state.in_(("waiting", "running")))
        jobs = (await db.scalars(statement.execution_options(cross_project="imports of processes that died"))).all()
    gone = [job.id for job in jobs if is_abandoned(job)]
    if gone:
        async with state.database.write() as db:
            unfinished = (ImportJob.id.in_(gone), ImportJob.state.in_(("waiting", "running")))
            values = {"state": "failed", "error": ENDED_EARLY, "finished_at": clock.now()}
            await db.execute(
                update(ImportJob).where(*unfinished).values(values)
                .execution_options(cross_project="imports of processes that died")
            )  # fmt: skip
    return len(gone)


def is_abandoned(job: ImportJob) -> bool:
    """Whether no process works on an unfinished import any more. The one that does holds a lock on its file."""
    age = clock.now() - (job.started_at or job.created_at)
    try:
        handle = os.open(job.path, os.O_RDONLY)
    except FileNotFoundError:
        return age > ELSEWHERE_WITHIN
    try:
        return takes(handle) and (job.state == "running" or age > START_WITHIN)
    finally:
        os.close(handle)


async def collect_orphans(state: State) -> int:
    """Removes bytes that were sent more than a day ago and that no file names."""
    return await orphans.collect(state.files, state.database)


async def expire_offers(state: State) -> int:
    """Marks offers whose last day has passed, and withdraws their questions."""
    return await expiry.expire_due(state.database)


async def deem_accepted(state: State) -> int:
    """Announces, and then records, what counts as accepted without an answer, where the contract says so."""
    return await deeming.deem_due(state.database)


async def send_mail(state: State) -> None:
    """Sends what is in the outbox, until cancelled. Leases keep several processes from sending the same mail."""
    compose = composer(state.settings, catalogues.catalogue)
    prepare = preparer(state.database, state.files)
    await outbox.send_forever(state.database, compose, delivery(state.settings), prepare)


async def remind_of_decisions(state: State) -> int:
    """Reminds of each decision on the day it is due, once."""
    return await reminders.remind(state.database)


async def remind_of_rounds(state: State) -> int:
    """Reminds testers of the last day of their round, once."""
    return await last_days.remind(state.database)


async def remind_of_payments(state: State) -> int:
    """Reminds the clients' clerks of invoices that are overdue, each level once."""
    return await payments.remind(state.database, state.settings)


async def draft_periods(state: State) -> int:
    """Drafts the invoices of retainers' periods that have begun."""
    return await periods.draft_due(state.database)


async def tell_people(state: State) -> int:
    """Mails what cannot wait to the people whom it concerns."""
    return await telling.tell_people(state.database, state.settings)


async def tell_administrators(state: State) -> int:
    """Mails administrators of webhooks that were switched off by themselves, once."""
    return await endpoints.tell_administrators(state.database)


async def send_digests(state: State) -> int:
    """Makes the digests that are due."""
    return await digests.send_digests(state.database)


async def seal_secrets(state: State) -> int:
    """Seals the webhooks' secrets that an older release kept in the clear."""
    return await sealing.seal_all(state.database, Seal(state.settings))


async def send_webhooks(state: State) -> None:
    """Tells the agency's systems of events, until cancelled. Leases keep several processes from doing it twice."""
    sender = Sender(allow_private=state.settings.webhook_allow_private)
    try:
        await delivering.send_forever(state.database, sender, Seal(state.settings))
    finally:
        await sender.close()


JOBS = (
    Job("sign heads", 600, sign_heads),
    Job("stamp receipts", 60, stamp_receipts),
    Job("clear expired", 3600, clear_expired),
    Job("fail abandoned imports", 60, fail_abandoned_imports),
    Job("remind of decisions", 300, remind_of_decisions),
    Job("remind of rounds", 300, remind_of_rounds),
    Job("expire offers", 300, expire_offers),
    Job("deem accepted", 300, deem_accepted),
    Job("remind of payments", 900, remind_of_payments),
    Job("draft periods", 900, draft_periods),
    Job("tell people", 5, tell_people),
    Job("tell administrators", 60, tell_administrators),
    Job("seal secrets", 3600, seal_secrets),
    Job("send digests", 60, send_digests),
    Job("collect orphaned files", 6 * 3600, collect_orphans),
)
