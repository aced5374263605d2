"""Digests: what happened since the last one in all projects of a person, with what waits for them on top.

Nothing is gathered beforehand: a digest reads the ledger when it is due, with the rights that the person has then.
"""

from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, and_, delete, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from portal import clock, wall
from portal.access import Viewer
from portal.apart import Run
from portal.db import Database
from portal.errors import NotFound
from portal.ledger.models import ProjectLedger
from portal.mailing import parts, readers
from portal.mailing.parts import Part
from portal.notify import outbox
from portal.notify.models import NotifyCursor, NotifyPreference, NotifyReader
from portal.notify.preferences import wishes_of
from portal.notify.rules import News, Topic, Wishes
from portal.projects import queries as projects


async def send_digests(database: Database) -> int:
    """Makes the digests that are due, one transaction each; returns how many mails. Raises SomeFailed."""
    moved = (
        select(NotifyReader.person_id)
        .join(ProjectLedger, ProjectLedger.id == NotifyReader.project_id)
        .where(or_(ProjectLedger.client_version > NotifyReader.seq, ProjectLedger.billing_version > NotifyReader.seq))
    )
    zone = _first_zone(NotifyPreference.person_id).correlate(NotifyPreference).scalar_subquery()
    people = select(NotifyPreference, zone).where(NotifyPreference.person_id.in_(moved))
    async with database.read() as db:
        found = (await db.execute(people.execution_options(cross_project="who has anything untold anywhere"))).all()
    run = Run()
    for row, first_zone in found:
        with run.apart(person=row.person_id):
            if _is_due(row, wishes_of(row, first_zone or "UTC")):
                async with database.write() as db:
                    run.done += await digest(db, row.person_id)
    return run.end()


def _is_due(row: NotifyPreference, wishes: Wishes) -> bool:
    """Whether there is anything to be done: for who wishes none, to pass over what happened."""
    return wishes.rhythm is News.OFF or wishes.is_digest_due(clock.now(), row.digested_at)


async def zone_of(db: AsyncSession, person_id: UUID) -> str:
    """The zone of a person who chose none: that of their first project."""
    statement = _first_zone(literal(person_id, Uuid()))
    options = {"cross_project": "the first of the projects that one person is told of"}
    return await db.scalar(statement.execution_options(**options)) or "UTC"


def _first_zone(person: ColumnElement[UUID] | InstrumentedAttribute[UUID]) -> Select[str]:
    project, key = projects.PROJECT.c, ProjectLedger.key
    source = select(project.time_zone).join(ProjectLedger, ProjectLedger.id == project.id)
    mine = and_(NotifyReader.project_id == project.id, NotifyReader.person_id == person)
    return source.join(NotifyReader, mine).order_by(key).limit(1)


async def _keys(db: AsyncSession, person_id: UUID) -> list[tuple[UUID, str]]:
    statement = (
        select(ProjectLedger.id, ProjectLedger.key)
        .join(NotifyReader, NotifyReader.project_id == ProjectLedger.id)
        .where(NotifyReader.person_id == person_id)
        .order_by(ProjectLedger.key)
        .execution_options(cross_project="the projects that one person is told of")
    )
    return [(project_id, key) for project_id, key in await db.execute(statement)]


async def digest(db: AsyncSession, person_id: UUID) -> int:
    """Makes a person's digest if it is due and there is anything to say; returns how many mails, none or one.

    Whoever wants none is told nothing, and what happened meanwhile is not told later.
    """
    row = await db.scalar(select(NotifyPreference).where(NotifyPreference.person_id == person_id).with_for_update())
    viewer = await readers.person(db, person_id)
    if row is None or not _is_due(row, wishes := wishes_of(row, await zone_of(db, person_id))):
        return 0
    keys = await _keys(db, person_id)
    if viewer is None or wishes.rhythm is News.OFF:
        await _pass_over(db, person_id, keys)
        return 0
    found = [part for one in keys if (part := await _read_on(db, viewer, wishes, *one))]
    last, row.digested_at = row.digested_at, clock.now()
    return await _send(db, viewer, found, f"{person_id}:digest:{clock.rfc3339(last)}")


async def _send(db: AsyncSession, viewer: Viewer, found: list[Part], dedupe_key: str) -> int:
    if not found:
        return 0
    shown = [part.shown() for part in found]
    await outbox.enqueue(
        db, recipient=viewer.email, locale=viewer.locale, template="digest",
        context={"waiting": parts.waiting_in(shown), "projects": shown},
        person_id=viewer.person_id, topic=Topic.NEWS, dedupe_key=dedupe_key,
    )  # fmt: skip
    return 1


async def _pass_over(db: AsyncSession, person_id: UUID, keys: list[tuple[UUID, str]]) -> None:
    for project_id, _ in keys:
        await wall.enter(db, project_id)
        told = select(NotifyCursor.seq).where(NotifyCursor.project_id == project_id).scalar_subquery()
        mine = (NotifyReader.project_id == project_id, NotifyReader.person_id == person_id)
        await db.execute(update(NotifyReader).where(*mine).values(seq=func.coalesce(told, 0)))


async def _read_on(db: AsyncSession, viewer: Viewer, wishes: Wishes, project_id: UUID, key: str) -> Part | None:
    """What a person was not told yet of a project; from now on it counts as told. None when there is nothing."""
    await wall.enter(db, project_id)
    mine = (NotifyReader.project_id == project_id, NotifyReader.person_id == viewer.person_id)
    try:
        scope = await readers.scope_of(db, viewer, key, of_tests=True)
    except NotFound:  # no member any more
        await db.execute(delete(NotifyReader).where(*mine))
        return None
    reader = await db.scalar(select(NotifyReader).where(*mine))
    # Not past the cursor: behind it, it is not settled yet what is told at once.
    until = await db.scalar(select(NotifyCursor.seq).where(NotifyCursor.project_id == project_id)) or 0
    if reader is None or until <= reader.seq:
        return None
    after, reader.seq = reader.seq, until
    await db.flush()
    return await parts.read(db, scope, wishes, after, until)
