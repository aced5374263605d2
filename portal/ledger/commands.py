"""Writes of the ledger: opening one, locking it, appending to it. The caller owns the transaction."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from re import compile as pattern
from typing import Any
from uuid import UUID

from sqlalchemy import Table, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock, wall
from portal.errors import Invalid, NotFound
from portal.ledger import canonical, tree
from portal.ledger.models import Audience, Event, ProjectLedger

CHUNK = 2_000
"""Rows that are prepared and written at once: memory stays the same however long the import."""
ARRAYS_FROM = 50
"""From how many rows on PostgreSQL gets them as one array a column."""
EARLIEST_YEAR = 1900

_KIND = pattern(r"[a-z][a-z0-9_]{0,39}\.[a-z][a-z0-9_]{0,39}")
_SUBJECT = pattern(r"[a-z][a-z0-9_]{0,39}")
_ACTOR = pattern(r"[^\x00-\x1f]{1,300}")
_EVENTS: Table = Event.__table__  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened, to be appended. `kind` is in the past tense: `item.moved`."""

    kind: str
    subject_kind: str
    subject_number: int | None
    audience: Audience
    body: dict[str, Any]
    """JSON without floats; decimals and times as text (canonical.py)."""
    actor: str
    """An opaque reference: `person:<uuid>`, `contributor:<uuid>`, `robot:<client id>` or `system`."""
    at: datetime
    """When the fact was true, aware; for imports, the source's time."""


async def create(db: AsyncSession, project_id: UUID, key: str) -> ProjectLedger:
    """Opens an empty ledger under a key that nobody else has (the caller checked its form)."""
    await wall.enter(db, project_id)
    ledger = ProjectLedger(id=project_id, key=key, version=0, client_version=0, billing_version=0, frontier=b"")
    db.add(ledger)
    await db.flush()
    return ledger


async def lock(db: AsyncSession, project_id: UUID) -> ProjectLedger:
    """The ledger's row, fresh, with other writers of this project kept waiting until the transaction ends.

    Raises NotFound. On SQLite the transaction holds the only write lock already.
    """
    statement = select(ProjectLedger, wall.opening(ProjectLedger.id)).where(ProjectLedger.id == project_id)
    fresh = {"populate_existing": True}
    ledger: ProjectLedger | None = await db.scalar(statement.with_for_update(), execution_options=fresh)
    if ledger is None:
        raise NotFound("There is no such project.")
    return ledger


async def append(db: AsyncSession, project_id: UUID, events: Sequence[NewEvent]) -> int:
    """Appends events in their order and returns the seq of the last one (the present one, when there are none).

    Raises NotFound for an unknown project, Invalid or TooLarge for an event that cannot be kept; then nothing of the
    call remains, even if the caller goes on with the transaction.
    """
    ledger = await lock(db, project_id)
    async with db.begin_nested() if len(events) > CHUNK else _nothing_to_undo():
        recorded_at = clock.now()
        for start in range(0, len(events), CHUNK):
            await _append_chunk(db, ledger, events[start : start + CHUNK], recorded_at)
        await db.flush()
    return ledger.version


@asynccontextmanager
async def _nothing_to_undo() -> AsyncIterator[None]:
    """One chunk is written by one statement, after all of it was checked."""
    yield


async def _append_chunk(
    db: AsyncSession, ledger: ProjectLedger, events: Sequence[NewEvent], recorded_at: datetime
) -> None:
    rows = [_row(event, ledger.id, seq, recorded_at) for seq, event in enumerate(events, start=ledger.version + 1)]
    await _insert(db, rows)
    ledger.frontier = tree.extend(ledger.frontier, ledger.version, (row["digest"] for row in rows))
    ledger.version += len(rows)
    for row in rows:
        if row["audience"] is Audience.CLIENT:
            ledger.client_version = row["seq"]
        elif row["audience"] is Audience.BILLING:
            ledger.billing_version = row["seq"]


async def _insert(db: AsyncSession, rows: list[dict[str, Any]]) -> None:
    connection = await db.connection()
    if connection.dialect.name != "postgresql" or len(rows) < ARRAYS_FROM:
        await db.execute(insert(_EVENTS), rows)
        return
    # INSERT of row after row took two thirds of the time of an import; COPY is faster still, but passes no wall.
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None  # a connection in use has its driver
    kinds = (_EVENTS.c[name].type.compile(connection.dialect) for name in rows[0])
    arrays = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(kinds, start=1))
    statement = f"INSERT INTO {_EVENTS.name} ({', '.join(rows[0])}) SELECT * FROM unnest({arrays})"
    await driver.execute(statement, *(list(column) for column in zip(*(row.values() for row in rows), strict=True)))


def _row(event: NewEvent, project_id: UUID, seq: int, recorded_at: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {
        "project_id": project_id,
        "seq": seq,
        "at": _checked_time(event.at),
        "recorded_at": recorded_at,
        "actor": _checked_actor(event.actor),
        "kind": _checked_kind(event.kind),
        "subject_kind": _checked_subject(event.subject_kind),
        "subject_number": _checked_number(event.subject_number),
        "audience": _checked_audience(event.audience),
        "body": canonical.body_text(event.body),
    }
    row["digest"] = canonical.digest_of(canonical.event_text(**row))
    return row


def _checked_time(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise Invalid("A time needs its zone.", field="at", value=at.isoformat())
    if at.year < EARLIEST_YEAR:
        raise Invalid(f"A time before {EARLIEST_YEAR} is a mistake.", field="at", value=at.isoformat())
    return at.astimezone(UTC)


@lru_cache(maxsize=1024)
def _checked_actor(actor: str) -> str:
    if not _ACTOR.fullmatch(actor):
        raise Invalid("An actor is a short reference such as person:<uuid>.", field="actor", value=actor)
    canonical.check_text(actor, "actor")
    return actor


@lru_cache(maxsize=1024)
def _checked_kind(kind: str) -> str:
    if not _KIND.fullmatch(kind):
        raise Invalid("A kind of event is <subject>.<what happened>, such as item.moved.", field="kind", value=kind)
    return kind


@lru_cache(maxsize=1024)
def _checked_subject(kind: str) -> str:
    if not _SUBJECT.fullmatch(kind):
        raise Invalid("A kind of subject is one lower-case word.", field="subject_kind", value=kind)
    return kind


def _checked_audience(audience: Audience) -> Audience:
    try:
        return Audience(audience)
    except ValueError:
        raise Invalid(f"An audience is one of {', '.join(Audience)}.", field="audience", value=audience) from None


def _checked_number(number: int | None) -> int | None:
    if number is not None and not 0 <= number <= canonical.MAX_INTEGER:
        raise Invalid("A subject's number is a positive integer.", field="subject_number", value=number)
    return number
