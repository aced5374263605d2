"""One project of a digest: read when the digest is made, and once more when it leaves, with the rights of each moment.

What lies in the outbox meanwhile is between which events it is, so a mail that leaves days late tells nothing that its
reader may not read any more, and asks for nothing that is settled.
"""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from portal import wall
from portal.access import Scope, Viewer
from portal.backlog import activity
from portal.backlog.activity import Happening
from portal.errors import NotFound
from portal.ledger import queries as ledger
from portal.ledger.models import Audience
from portal.ledger.queries import EventRow
from portal.mailing import kinds, readers, waits
from portal.mailing.waits import Waits
from portal.notify import outbox
from portal.notify.rules import Asked, News, Wishes

MOST_EVENTS = 1_000
"""Of one project in one digest; it says when there were more."""


@dataclass(slots=True)
class Part:
    """What somebody reads of one project's events after one and up to another."""

    scope: Scope
    after: int
    until: int
    counts: list[kinds.Count] = field(default_factory=list)
    waits: Waits = field(default_factory=lambda: Waits([], 0))
    is_cut: bool = False

    def shown(self) -> dict[str, Any]:
        """As the template reads it, with what is needed to read it anew."""
        return {
            "name": self.scope.project.name,
            "key": self.scope.key,
            "after": self.after,
            "until": self.until,
            "counts": [count.shown() for count in self.counts],
            "waiting": self.waits.listed,
            "in_all": self.waits.number,
            "is_cut": self.is_cut,
        }


def waiting_in(shown: list[dict[str, Any]]) -> int:
    """How much waits in the projects of a digest. One that an older release made counts what it lists."""
    return sum(part.get("in_all", len(part["waiting"])) for part in shown)


async def anew(db: AsyncSession, viewer: Viewer, wishes: Wishes, shown: dict[str, Any]) -> dict[str, Any] | None:
    """A project of a digest that is about to leave, as its reader may read it now; None when nothing of it is left."""
    await wall.leave(db)
    try:
        scope = await readers.scope_of(db, viewer, shown["key"], of_tests=shown.get("of_tests", True))
    except NotFound:
        return None
    if "until" not in shown:  # made by an older release: all of it or nothing
        return shown if set(shown["audiences"]) <= {one.value for one in scope.audiences} else None
    part = await read(db, scope, wishes, shown["after"], shown["until"])
    return part.shown() if part else None


async def read(db: AsyncSession, scope: Scope, wishes: Wishes, after: int, until: int) -> Part | None:
    """What somebody is told of a project, as they wish; None when there is nothing. Inside the project (wall.py)."""
    events, is_cut = await _events(db, scope, after, until)
    told_before = await _told_at_once(db, scope, events)
    untold = [event for event in events if event.seq not in told_before]
    if wishes.news is News.OFF:  # a digest of what waits alone
        untold = [event for event in untold if _asks(scope, event)]
    if not untold:
        return None
    part = Part(scope, after, until, is_cut=is_cut)
    # Of what a client is asked all that is still open is listed as waiting; staff are told of what needs no answer too.
    if scope.is_staff or (wishes.news is not News.OFF and not scope.is_tester_alone):
        happenings = await activity.told(db, scope, untold)
        part.counts = kinds.counted((one.event, _title(one)) for one in happenings)
    if wishes.asked is not Asked.OFF:
        part.waits = await waits.of_project(db, scope)
    has_asked = any(_asks(scope, event) for event in untold)
    return part if part.counts or (part.waits.number and has_asked) else None


async def _events(db: AsyncSession, scope: Scope, after: int, until: int) -> tuple[list[EventRow], bool]:
    """The events that concern somebody, oldest first, and whether there are more than fit."""
    audiences = [one for one in scope.audiences if one is not Audience.INTERNAL]
    found = await ledger.since(db, scope.project_id, audiences, after, MOST_EVENTS)
    if is_cut := len(found) >= MOST_EVENTS:  # what somebody is asked is not left out with the rest
        found += await ledger.since(db, scope.project_id, audiences, found[-1].seq, MOST_EVENTS, only=kinds.AT_ONCE)
    return [event for event in found if event.seq <= until and _concerns(scope, event)], is_cut


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
