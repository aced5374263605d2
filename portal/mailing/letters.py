"""What a mail about one event says, and how such a mail is sent with the ways that lead back from it."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.backlog import activity
from portal.backlog.queries import AGENCY
from portal.decisions.models import Decision, DecisionKind
from portal.ledger.queries import EventRow
from portal.mailing import kinds
from portal.mailing.readers import Reader
from portal.notify import links, outbox
from portal.notify.rules import Topic
from portal.settings import Settings

LONGEST_WORDS = 1_000


async def of_event(db: AsyncSession, scope: Scope, event: EventRow, decision: Decision | None) -> dict[str, Any]:
    """The context of the template `decision` for one reader. Names are those that this reader may read; no amounts."""
    happening = (await activity.told(db, scope, [event]))[0]
    due_on = decision.due_on if decision else None
    return {
        "kind": event.kind.partition(".")[2],
        "project": scope.project.name,
        "key": scope.key,
        "seq": event.seq,
        "audience": event.audience.value,
        "number": decision.number if decision else None,
        "title": decision.title if decision else str(event.body.get("title") or f"#{event.subject_number}"),
        "about": decision.kind.value if decision else event.subject_kind,
        "version": decision.subject_version if decision else None,
        "due_on": due_on.isoformat() if due_on and event.kind in kinds.FOR_CLIENT else None,
        "is_due": due_on == scope.today,
        "holds_up": decision.holds_up if decision and event.kind in kinds.FOR_CLIENT else "",
        "by": happening.actor if happening.actor != AGENCY and event.actor != "system" else None,
        "words": _words(event),
        "outcome": event.body.get("outcome"),
        "path": _path(scope, event, decision),
        "is_staff": scope.is_staff,
        "takes_reply": decision is not None and not scope.is_staff,
    }


def _words(event: EventRow) -> str:
    """What somebody wrote: an answer's comment, a question, a reason."""
    text = next((str(event.body[name]) for name in ("text", "comment", "wanted", "reason") if event.body.get(name)), "")
    return text if len(text) <= LONGEST_WORDS else text[:LONGEST_WORDS].rstrip() + " …"


def _path(scope: Scope, event: EventRow, decision: Decision | None) -> str:
    if decision is not None and decision.kind is DecisionKind.DESIGN and event.kind in kinds.FOR_CLIENT:
        # Exactly the version that is asked about, with its viewer and pins; the way to the answer is on that page.
        return f"/projects/{scope.key}/designs/{decision.subject_number}/versions/{decision.subject_version}"
    if decision is not None:
        return f"/projects/{scope.key}/decisions/{decision.number}"
    place = "invoices" if event.subject_kind == "invoice" else "changes"
    return f"/projects/{scope.key}/{place}/{event.subject_number}"


async def enqueue(
    db: AsyncSession, settings: Settings, reader: Reader, template: str, context: dict[str, Any], dedupe_key: str
) -> None:
    """Puts a mail about what a reader is asked into the outbox, to leave when their quiet hours allow. Its link, and
    the place of its answer, are good for this person alone.
    """
    viewer = reader.viewer
    assert viewer.person_id is not None  # readers are people
    mail_id = await outbox.enqueue(
        db, recipient=viewer.email, locale=viewer.locale, template=template, context=context,
        person_id=viewer.person_id, topic=Topic.ASKED, dedupe_key=dedupe_key,
        not_before=reader.wishes.first_loud(clock.now()),
    )  # fmt: skip
    links.add_link(db, settings, mail_id, viewer.person_id, context["path"])
    if context["takes_reply"]:
        links.add_reply(db, settings, mail_id, viewer.person_id, reader.scope.project_id, context["number"])
