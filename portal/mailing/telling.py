"""Reads each project's events once, and puts the mails that cannot wait into the outbox.

The cursor moves in the transaction that enqueues: after a crash both are there, or neither. One mail of a person and
an event is all that the outbox takes (its `dedupe_key`), whatever reads the events twice.
"""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import SYSTEM, ProjectFacts, Scope, StaffRole
from portal.access.models import Membership
from portal.apart import Run
from portal.db import Database
from portal.decisions import delegations, queries
from portal.decisions.models import Decision, DecisionState
from portal.errors import NotFound, PortalError
from portal.ledger import queries as ledger
from portal.ledger.models import Audience, ProjectLedger
from portal.ledger.queries import EventRow
from portal.mailing import kinds, letters, readers, rounds
from portal.notify import outbox, preferences
from portal.notify.models import NotifyCursor, NotifyReader
from portal.notify.rules import Asked
from portal.people.models import StaffStanding
from portal.projects import queries as projects
from portal.settings import Settings

EVENTS_AT_ONCE = 500
BATCHES_AT_ONCE = 400
TEMPLATE = "decision"


async def tell_people(database: Database, settings: Settings) -> int:
    """Tells what happened since the last time in every project, one transaction each; returns how many mails. Raises
    SomeFailed."""
    behind = select(ProjectLedger.id, ProjectLedger.key).outerjoin(
        NotifyCursor, NotifyCursor.project_id == ProjectLedger.id
    )
    # All of them: one that cannot be told stays, so a bound would shut others out.
    behind = behind.where(ProjectLedger.version > func.coalesce(NotifyCursor.seq, 0)).order_by(ProjectLedger.key)
    async with database.read() as db:
        waiting = (await db.execute(behind.execution_options(cross_project="what is untold in any project"))).all()
    run = Run()
    for project_id, key in waiting:
        with run.apart(project=key):
            run.done += await _catch_up(database, settings, project_id, key)
    return run.end()


async def _catch_up(database: Database, settings: Settings, project_id: UUID, key: str) -> int:
    """Tells a project's events to the end, some in each transaction: an import brings many, and nobody waits for it."""
    told = 0
    for _ in range(BATCHES_AT_ONCE):
        async with database.write(project_id) as db:
            mails, is_done = await tell_project(db, settings, project_id, key)
        told += mails
        if is_done:
            break
    return told


async def tell_project(db: AsyncSession, settings: Settings, project_id: UUID, key: str) -> tuple[int, bool]:
    """Tells a project's next events; returns how many mails were put into the outbox, and whether those were all."""
    cursor = await _cursor(db, project_id)
    events = await ledger.since(db, project_id, tuple(Audience), cursor.seq, EVENTS_AT_ONCE)
    if not events:
        return 0, True
    mails = 0
    try:
        project = (await projects.scope_for(db, SYSTEM, key)).project
    except NotFound:  # a ledger that no project hangs on: nobody can be told of it
        pass
    else:
        await _follow(db, project_id, events, cursor.seq)
        mails = await _tell(db, settings, project, [event for event in events if event.kind in kinds.AT_ONCE])
    cursor.seq = events[-1].seq
    await db.flush()
    return mails, len(events) < EVENTS_AT_ONCE


async def _cursor(db: AsyncSession, project_id: UUID) -> NotifyCursor:
    """The project's cursor, held until the transaction ends."""
    statement = select(NotifyCursor).where(NotifyCursor.project_id == project_id).with_for_update()
    found = await db.scalar(statement)
    if found is not None:
        return found
    with suppress(IntegrityError):  # another process begins at this moment: then we wait for it to end
        async with db.begin_nested():
            db.add(NotifyCursor(project_id=project_id, seq=0))
    return (await db.scalars(statement)).one()


async def _follow(db: AsyncSession, project_id: UUID, events: Sequence[EventRow], seq: int) -> None:
    """Members, and staff who did something, are told from here on; who joined just now, from that moment on."""
    known = set(await db.scalars(select(NotifyReader.person_id).where(NotifyReader.project_id == project_id)))
    members = set(await db.scalars(select(Membership.person_id).where(Membership.project_id == project_id)))
    acted = {UUID(event.actor.removeprefix("staff:")) for event in events if event.actor.startswith("staff:")}
    staff = set(await db.scalars(select(StaffStanding.person_id).where(StaffStanding.person_id.in_(acted - known))))
    joined = {event.body.get("person"): event.seq for event in events if event.kind == "member.joined"}
    for person_id in sorted(members | staff):
        if person_id not in known:
            since = joined.get(f"person:{person_id}", seq)
            db.add(NotifyReader(project_id=project_id, person_id=person_id, seq=since))
            await preferences.known(db, person_id)
    await db.flush()


async def _tell(db: AsyncSession, settings: Settings, project: ProjectFacts, events: Sequence[EventRow]) -> int:
    if not events:
        return 0
    everybody = await readers.of_project(db, project)
    mails = 0
    for event in events:
        if event.kind in kinds.FOR_TESTERS:
            mails += await rounds.tell(db, settings, project, event)
            continue
        subject = await _subject(db, project, event)
        wanted = {kinds.key_of(one.viewer.person_id, project.id, event.seq): one for one in everybody}
        for known in await outbox.known_of(db, wanted.keys()):
            del wanted[known]
        for dedupe_key, reader in wanted.items():
            if reader.wishes.asked is Asked.NOW and await is_told(db, reader.scope, event, subject):
                context = await letters.of_event(db, reader.scope, event, subject)
                await letters.enqueue(db, settings, reader, TEMPLATE, context, dedupe_key)
                mails += 1
    return mails


async def _subject(db: AsyncSession, project: ProjectFacts, event: EventRow) -> Decision | None:
    if event.subject_kind != "decision" or event.subject_number is None:
        return None
    statement = select(Decision).where(Decision.project_id == project.id, Decision.number == event.subject_number)
    return await db.scalar(statement)


async def is_told(db: AsyncSession, scope: Scope, event: EventRow, decision: Decision | None) -> bool:
    """Whether somebody is to hear at once of an event, by what they are in the project now."""
    if event.audience not in scope.audiences or kinds.is_by(event, scope.viewer.person_id):
        return False
    if event.kind in kinds.FOR_CLIENT:
        return decision is not None and await can_answer(db, scope, decision)
    if not event.actor.startswith("person:"):  # staff may write down what the client wishes: that waits for nobody
        return False
    asked_it = decision is not None and decision.asked_by == scope.viewer.actor
    concerned = readers.MANAGERS | ({StaffRole.FINANCE} if event.kind in kinds.FOR_FINANCE else set())
    return scope.is_staff and (bool(scope.viewer.staff & concerned) or asked_it)


async def can_answer(db: AsyncSession, scope: Scope, decision: Decision) -> bool:
    """Whether somebody of the client can answer a decision now: it is open, and an answer of theirs is missing."""
    if decision.state is not DecisionState.ASKED or scope.is_staff:
        return False
    named, answers = await queries.people_and_answers(db, scope, decision.number)
    try:
        return bool((await delegations.standing(db, scope, decision, named, answers)).left)
    except PortalError:
        return False
