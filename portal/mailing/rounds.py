"""Mails about rounds of testing, to those who test: what is asked, until when, and the way to their round."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance import pages, waiting
from portal.acceptance.pages import RoundHead
from portal.access import ProjectFacts, Scope
from portal.errors import NotFound
from portal.ledger.queries import EventRow
from portal.mailing import kinds, letters, readers
from portal.notify import outbox
from portal.notify.rules import Asked
from portal.projects.models import ProjectStatus
from portal.settings import Settings

TEMPLATE = "round"


async def tell(db: AsyncSession, settings: Settings, project: ProjectFacts, event: EventRow) -> int:
    """Mails a round's event to the testers whom it names, each once, as long as they have cases left and wish to hear
    at once; returns how many mails."""
    named = {
        kinds.key_of(one.viewer.person_id, project.id, event.seq): one
        for one in await readers.of_project(db, project, with_testers=True)
        if one.wishes.asked is Asked.NOW and kinds.asks_to_test(event, one.viewer.person_id)
    }
    for known in await outbox.known_of(db, named.keys()):
        del named[known]
    number, round_number = event.subject_number or 0, int(event.body["round"])
    mails = 0
    for dedupe_key, reader in named.items():
        if head := await to_test(db, reader.scope, number, round_number):
            await letters.enqueue(db, settings, reader, TEMPLATE, _context(reader.scope, event, head), dedupe_key)
            mails += 1
    return mails


async def to_test(db: AsyncSession, scope: Scope, number: int, round_number: int) -> RoundHead | None:
    """The round, while it runs and this viewer has cases left in it; else None."""
    try:
        head = await pages.round_head(db, scope, number, round_number)
    except NotFound:
        return None
    return head if head.may_enter and head.left and scope.project.status != ProjectStatus.ARCHIVED else None


async def holds(db: AsyncSession, scope: Scope, context: dict[str, Any]) -> dict[str, Any] | None:
    """The context of a mail that is about to leave, with the cases that are left by now; None when none are."""
    head = await to_test(db, scope, context["plan"], context["round"])
    return context | {"left": head.left, "is_last_day": head.round.ends_on == scope.today} if head else None


def _context(scope: Scope, event: EventRow, head: RoundHead) -> dict[str, Any]:
    row = head.round
    return {
        "kind": event.kind.partition(".")[2], "project": scope.project.name, "key": scope.key, "seq": event.seq,
        "audience": event.audience.value, "number": None, "plan": head.plan.number, "round": row.number,
        "title": head.plan.title, "cases": row.cases, "left": head.left, "build": row.build, "address": row.address,
        "starts_on": row.starts_on.isoformat() if row.starts_on else None,
        "ends_on": row.ends_on.isoformat() if row.ends_on else None, "is_last_day": row.ends_on == scope.today,
        "path": path_of(scope, head.plan.number, row.number), "is_staff": False, "takes_reply": False,
    }  # fmt: skip


def path_of(scope: Scope, number: int, round_number: int) -> str:
    """Where a round is."""
    return f"/projects/{scope.key}/tests/{number}/rounds/{round_number}"


async def waits(db: AsyncSession, scope: Scope) -> list[dict[str, Any]]:
    """The rounds that wait for this tester, as a digest lists them."""
    return [
        {
            "title": one.title,
            "path": path_of(scope, one.plan_number, one.round_number),
            "due_on": one.ends_on.isoformat() if one.ends_on else None,
            "is_test": True,
        }
        for one in await waiting.to_test(db, scope)
    ]
