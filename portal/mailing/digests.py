"""Digests: what happened since the last one in all projects of a person, with what waits for them on top.

Nothing is gathered beforehand: a digest reads the ledger when it is due, with the rights that the person has then.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock, wall
from portal.access import Scope, Viewer
from portal.apart import Run
from portal.backlog import activity
from portal.backlog.activity import Happening
from portal.db import Database
from portal.errors import NotFound
from portal.ledger import queries as ledger
from portal.ledger.models import Audience, ProjectLedger
from portal.ledger.queries import EventRow
from portal.mailing import kinds, readers, waits
from portal.mailing.waits import Waits
from portal.notify import outbox
from portal.notify.models import NotifyCursor, NotifyPreference, NotifyReader
from portal.notify.preferences import wishes_of
from portal.notify.rules import Asked, News, Topic, Wishes
from portal.projects import queries as projects

MOST_EVENTS = 1_000
"""Of one project in one digest; it says when there were more."""


@dataclass(slots=True)
class Part:
    """One project of a digest."""

    scope: Scope
    counts: list[kinds.Count] = field(default_factory=list)
    waits: Waits = field(default_factory=lambda: Waits([], 0))
    is_cut: bool = False
    has_asked: bool = False

    def shown(self) -> dict[str, Any]:
        """As the template reads it, with what must still hold when the mail leaves."""
        return {
            "name": self.scope.project.name,
            "key": self.scope.key,
            "audiences": [one.value for one in self.scope.audiences if one is not Audience.INTERNAL],
            "counts": [count.shown() for count in self.counts],
            "waiting": self.waits.listed,
            "in_all": self.waits.number,
            "of_tests": self.scope.is_tester_alone,
            "is_cut": self.is_cut,
        }


async def send_digests(database: Database) -> int:
    """Makes the digests that are due, one transaction each; returns how many mails. Raises SomeFailed."""
    moved = (
        select(NotifyReader.person_id)
        .join(ProjectLedger, ProjectLedger.id == NotifyReader.project_id)
        .where(or_(ProjectLedger.client_version > NotifyReader.seq, ProjectLedger.billing_version > NotifyReader.seq))
        .distinct()
        .execution_options(cross_project="who has anything untold in any project")
    )
    async with database.read() as db:
        people = (await db.scalars(moved)).all()
    run = Run()
    for person_id in people:
        with run.apart(person=person_id):
            run.done += await _digest_if_due(database, person_id)
    return run.end()


async def _digest_if_due(database: Database, person_id: UUID) -> int:
    async with database.read() as db:
        if not await _is_due(db, person_id):
            return 0
    async with database.write() as db:
        return await digest(db, person_id)


async def _is_due(db: AsyncSession, person_id: UUID) -> bool:
    row = await db.get(NotifyPreference, person_id)
    if row is None:
        return False
    wishes = wishes_of(row, await zone_of(db, person_id))
    return wishes.rhythm is News.OFF or wishes.is_digest_due(clock.now(), row.digested_at)


async def zone_of(db: AsyncSession, person_id: UUID) -> str:
    """The zone of a person who chose none: that of their first project."""
    keys = await _keys(db, person_id)
    zone = projects.PROJECT.c.time_zone
    first = select(zone).where(projects.PROJECT.c.id == keys[0][0]) if keys else None
    found = await db.scalar(first) if first is not None else None
    return found or "UTC"


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
    if row is None or not await _is_due(db, person_id):
        return 0
    wishes, keys = wishes_of(row, await zone_of(db, person_id)), await _keys(db, person_id)
    if viewer is None or wishes.rhythm is News.OFF:
        await _pass_over(db, person_id, keys)
        return 0
    parts = [part for one in keys if (part := await _read_on(db, viewer, wishes, *one))]
    last, row.digested_at = row.digested_at, clock.now()
    return await _send(db, viewer, wishes, parts, f"{person_id}:digest:{clock.rfc3339(last)}")


async def _send(db: AsyncSession, viewer: Viewer, wishes: Wishes, parts: list[Part], dedupe_key: str) -> int:
    if wishes.asked is not Asked.OFF:
        for part in parts:
            await wall.enter(db, part.scope.project_id)
            part.waits = await waits.of_project(db, part.scope)
    shown = [part.shown() for part in parts if part.counts or (part.waits.number and part.has_asked)]
    if not shown:
        return 0
    context = {"waiting": waiting_in(shown), "projects": shown}
    await outbox.enqueue(
        db, recipient=viewer.email, locale=viewer.locale, template="digest", context=context,
        person_id=viewer.person_id, topic=Topic.NEWS, dedupe_key=dedupe_key,
    )  # fmt: skip
    return 1


def waiting_in(shown: list[dict[str, Any]]) -> int:
    """How much waits in the projects of a digest. One that an older release made counts what it lists."""
    return sum(part.get("in_all", len(part["waiting"])) for part in shown)


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
    audiences = [one for one in scope.audiences if one is not Audience.INTERNAL]
    events = await ledger.since(db, project_id, audiences, reader.seq, MOST_EVENTS)
    if is_cut := len(events) >= MOST_EVENTS:  # what somebody is asked is not left out with the rest
        events += await ledger.since(db, project_id, audiences, events[-1].seq, MOST_EVENTS, only=kinds.AT_ONCE)
    reader.seq = until
    await db.flush()
    events = [event for event in events if event.seq <= until and _concerns(scope, event)]
    return await _part(db, scope, wishes, events, is_cut=is_cut)


async def _part(db: AsyncSession, scope: Scope, wishes: Wishes, events: list[EventRow], *, is_cut: bool) -> Part | None:
    untold = [event for event in events if wishes.news is not News.OFF or _asks(scope, event)]
    told_before = await _told_at_once(db, scope, untold)
    untold = [event for event in untold if event.seq not in told_before]
    if not untold:
        return None
    # Of what a client is asked all that is still open is listed as waiting; staff are told of what needs no answer too.
    is_counted = scope.is_staff or (wishes.news is not News.OFF and not scope.is_tester_alone)
    happenings = await activity.told(db, scope, untold) if is_counted else []
    return Part(
        scope=scope,
        counts=kinds.counted((one.event, _title(one)) for one in happenings),
        is_cut=is_cut,
        has_asked=any(_asks(scope, event) for event in untold),
    )


def _concerns(scope: Scope, event: EventRow) -> bool:
    """Staff hear of what the client did; what they themselves do they know. Who tests alone hears of that alone."""
    if kinds.is_by(event, scope.viewer.person_id):
        return False
    if scope.is_tester_alone:
        return kinds.asks_to_test(event, scope.viewer.person_id)
    return not scope.is_staff or event.actor.startswith("person:")


def _asks(scope: Scope, event: EventRow) -> bool:
    """Whether an event is one by which somebody is waited for, rather than news."""
    if scope.is_staff:
        return event.kind in kinds.FOR_STAFF
    return event.kind in kinds.FOR_CLIENT or kinds.asks_to_test(event, scope.viewer.person_id)


async def _told_at_once(db: AsyncSession, scope: Scope, events: list[EventRow]) -> set[int]:
    """Which of these events this person has had a mail about: one mail an event is the most."""
    keys = {
        kinds.key_of(scope.viewer.person_id, scope.project_id, event.seq): event.seq
        for event in events
        if event.kind in kinds.AT_ONCE
    }
    return {keys[key] for key in await outbox.known_of(db, keys.keys())} if keys else set()


def _title(happening: Happening) -> str | None:
    """The title of what an event is about; empty where it has none, None for an item that is not shown any more."""
    event = happening.event
    if event.subject_kind == "item":
        return happening.title
    if event.subject_kind in ("iteration", "milestone") and event.subject_number is not None:
        return happening.plan.get((event.subject_kind, event.subject_number), "")
    return str(event.body.get("title") or "")
