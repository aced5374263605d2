"""Events as sentences. Only fields that are listed here are ever told: a new one is closed until somebody opens it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from portal.access import SYSTEM
from portal.backlog.activity import Happening
from portal.backlog.queries import AGENCY
from portal.ledger.queries import EventRow
from web import formats
from web.catalogues import catalogue
from web.words import words

Gettext = Callable[[str], str]


def _(message: str) -> str:
    """Marks a message for the catalogues; it is translated when the page's language is known."""
    return message


SENTENCES: Mapping[str, str] = {
    "project.opened": _("The project was opened"),
    "project.changed": _("The project's settings were changed"),
    "milestone.added": _("A milestone was planned"),
    "milestone.changed": _("A milestone was changed"),
    "iteration.added": _("An iteration was planned"),
    "iteration.changed": _("An iteration was changed"),
    "item.added": _("Added to the backlog"),
    "item.changed": _("Changed"),
    "item.removed": _("Removed from the backlog"),
    "item.restored": _("Brought back to the backlog"),
    "item.opened": _("Shown to the client from now on"),
    "item.closed": _("No longer shown to the client"),
    "item.finished": _("Done"),
    "item.started": _("Work began"),
    "item.reopened": _("Opened again"),
    "item.dropped": _("Dropped"),
    "item.blocked": _("Blocked"),
    "item.unblocked": _("No longer blocked"),
    "status.added": _("A board column was added"),
    "status.changed": _("A board column was changed"),
    "member.joined": _("Somebody joined the project"),
    "member.roles_changed": _("Somebody's roles were changed"),
    "member.removed": _("Somebody left the project"),
    "invitation.sent": _("Somebody was invited"),
    "import.finished": _("Items were imported"),
    "milestone.accepted": _("The client confirmed a milestone"),
    "milestone.deemed_accepted": _("A milestone counts as accepted, without a signature"),
    "decision.asked": _("A decision was asked for"),
    "decision.answered": _("A decision was answered"),
    "decision.withdrawn": _("A question was withdrawn"),
    "decision.superseded": _("A newer version took the place of a question"),
    "decision.question_asked": _("The client asked back"),
    "decision.question_answered": _("The team answered a question"),
    "decision.remarked": _("A remark on a decision"),
    "decision.reminded": _("A reminder of a decision was sent"),
    "decision.judged": _("A note among ourselves about a decision"),
    "delegation.given": _("Somebody delegated their decisions"),
    "delegation.ended": _("A delegation ended"),
    "change_request.raised": _("A change was asked for"),
    "change_request.changed": _("The words of a change request were corrected"),
    "change_request.priced": _("A change request was priced, as a draft"),
    "change_request.pricing_began": _("The team works out what a change costs"),
    "change_request.offered": _("The team made an offer for a change"),
    "change_request.accepted": _("A change was accepted"),
    "change_request.declined": _("A change was declined"),
    "change_request.changes_wanted": _("The client wants an offer changed"),
    "change_request.withdrawn": _("A change request was taken back"),
    "change_request.expired": _("The offer for a change has expired"),
    "contract.recorded": _("The contract was recorded"),
    "contract.changed": _("The contract was corrected"),
    "contract.amended": _("The contract was amended"),
    "billing_account.changed": _("How the project is billed was changed"),
    "payment_plan.set": _("It was set when the price is due"),
    "invoice.drafted": _("An invoice was drafted"),
    "invoice.not_drafted": _("The invoice of a confirmed milestone could not be drafted"),
    "invoice.draft_changed": _("The draft of an invoice was changed"),
    "invoice.draft_discarded": _("The draft of an invoice was thrown away"),
    "invoice.issued": _("An invoice was issued"),
    "invoice.credited": _("A credit note was issued"),
    "invoice.cancelled": _("An invoice was taken back by a credit note"),
    "invoice.payment_recorded": _("A payment came in"),
    "invoice.paid_back": _("Money was paid back"),
    "invoice.asked_about": _("The client asked about an invoice"),
    "invoice.disputed": _("The client disputed an invoice"),
    "invoice.answered": _("The team answered about an invoice"),
    "invoice.dispute_settled": _("A dispute about an invoice was settled"),
    "invoice.reminded": _("A reminder of an overdue invoice was sent"),
    "file.added": _("A file was added"),
    "file.opened": _("A file was shown to the client"),
    "design.added": _("A design was begun"),
    "design.changed": _("A design was changed"),
    "design.version_added": _("A version of a design was prepared"),
    "design.published": _("A version of a design was shown to the client"),
    "design.pinned": _("A remark was pinned to a design"),
    "design.pin_replied": _("A remark on a design was answered"),
    "design.pin_resolved": _("A remark on a design was settled"),
    "design.pin_reopened": _("A remark on a design was opened again"),
    "requirement.added": _("A requirement was written down"),
    "requirement.changed": _("A requirement was changed"),
    "requirement.revised": _("A new version of a requirement, not confirmed yet"),
    "requirement.published": _("A requirement was shown to the client"),
    "requirement.confirmed": _("A requirement was confirmed"),
    "requirement.changes_wanted": _("The client wants a requirement changed"),
    "requirement.declined": _("A requirement was declined"),
    "test_plan.added": _("A test plan was begun"),
    "test_plan.changed": _("A test plan was changed"),
    "test_plan.version_begun": _("The next version of a test plan was begun"),
    "test_plan.cases_added": _("Cases were added to a test plan"),
    "test_plan.case_changed": _("A case of a test plan was changed"),
    "test_plan.case_removed": _("A case was taken out of a test plan"),
    "test_plan.offered": _("A test plan was put to the client"),
    "test_round.opened": _("A round of testing was opened"),
    "test_round.testers_added": _("Testers were added to a round"),
    "test_round.reminded": _("Testers were reminded of the last day of a round"),
    "test_round.closed": _("A round of testing was closed"),
    "test_result.recorded": _("A test was run"),
    "test_result.undone": _("Results of tests were taken back"),
    "test_result.imported": _("Results of automatic tests came in"),
    "test_case.defect_raised": _("A failed test became a defect"),
    "acceptance.asked": _("Acceptance was asked for"),
    "acceptance.announced": _("It was announced from when silence counts as acceptance"),
    "acceptance.accepted": _("The client accepted what was tested"),
    "acceptance.accepted_with_reservations": _("The client accepted with reservations"),
    "acceptance.refused": _("The client refused acceptance"),
    "acceptance.deemed": _("It counts as accepted, without a signature: the period of the contract passed"),
    "acceptance.withdrawn": _("The question of acceptance was withdrawn"),
    "trace.linked": _("Two things were linked"),
    "trace.unlinked": _("A link was taken away"),
}
OTHERWISE = _("The record was updated")

FIELDS: Mapping[str, str] = {
    "status": _("Status"),
    "points": _("Points"),
    "hours": _("Hours"),
    "title": _("Title"),
    "type": _("Type"),
    "priority": _("Priority"),
    "iteration": _("Iteration"),
    "milestone": _("Milestone"),
    "assignee": _("Assigned to"),
    "labels": _("Labels"),
    "blocked_reason": _("Blocked because"),
    "description": _("Description"),
    "acceptance_criteria": _("Acceptance criteria"),
    "name": _("Title"),
    "goal": _("Goal"),
    "starts_on": _("Starts on"),
    "ends_on": _("Ends on"),
    "promised_on": _("Promised"),
    "agreed_on": _("Agreed"),
    "expected_on": _("Expected"),
    "done_on": _("Done"),
    "closed_at": _("Closed"),
}
STAFF_FIELDS: Mapping[str, str] = {"audience": _("Shown to"), "parent_number": _("Part of")}
FIELDS_OF: Mapping[str, Mapping[str, str]] = {
    "requirement": {
        "kind": _("Kind"), "metric": _("What is measured"), "target": _("Target"),
        "how_measured": _("How it is measured"),
    },
}  # fmt: skip
"""Fields that are told of one kind of subject alone."""
WORDS_OF_REQUIREMENT = {"kind": "requirement_kind", "priority": "moscow"}
LONG_TEXTS = {"description", "acceptance_criteria", "how_measured"}
BY_CATEGORY = {"done": "item.finished", "doing": "item.started", "dropped": "item.dropped", "todo": "item.changed"}
COUNTS: Mapping[str, str] = {
    "cases": _("Cases"),
    "passed": _("Passed"),
    "failed": _("Failed"),
    "blocked": _("Blocked"),
    "not_applicable": _("Not applicable"),
    "not_run": _("Not run"),
}
"""What a round of testing came to."""
MARKS = {
    "acceptance.asked": "ask",
    "acceptance.accepted": "done",
    "acceptance.accepted_with_reservations": "done",
    "acceptance.refused": "ask",
    "test_case.defect_raised": "ask",
    "requirement.confirmed": "done",
    "requirement.changes_wanted": "ask",
    "decision.asked": "ask",
    "item.finished": "done",
    "item.blocked": "ask",
    "item.reopened": "ask",
}

PLACES = {"item": "items", "milestone": "milestones", "decision": "decisions", "design": "designs",
          "requirement": "requirements", "change_request": "changes", "invoice": "invoices",
          "test_plan": "tests"}  # fmt: skip
"""Subjects with a page of their own, and where it is."""
LISTS = {"contract": "contract", "payment_plan": "invoices", "billing_account": "invoices"}
"""Subjects that there is one of, and the page that shows them."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that an event changed, as text.

    `before` is empty where there was nothing; both are where only the fact is told.
    """

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Told:
    """An event as a page prints it."""

    seq: int
    at: datetime
    when: str
    sentence: str
    subject: str
    link: str
    by: str
    reason: str
    changes: tuple[Change, ...]
    mark: str
    internal: bool


@dataclass(frozen=True, slots=True)
class Teller:
    """What is needed to tell events to one viewer: the project's key and zone, which side, and the language."""

    key: str
    zone: str
    is_staff: bool
    locale: str

    @property
    def gettext(self) -> Gettext:
        """The language's translation of a message."""
        return catalogue(self.locale).gettext


def _changes(event: EventRow) -> dict[str, list[Any]]:
    changes = event.body.get("changes", {})
    return changes if isinstance(changes, dict) else {}


def tell(happening: Happening, teller: Teller) -> Told | None:
    """One event for its reader; None when nothing of it is worth telling (an order that was shuffled).

    Of an item that the reader may not know of any more, only the bare fact is told.
    """
    event, gettext = happening.event, teller.gettext
    kind = _kind_told(event)
    hidden = event.subject_kind == "item" and happening.title is None
    changes = () if hidden else tuple(_told_changes(happening, teller))
    if event.kind == "item.changed" and not changes and not hidden:
        return None
    return Told(
        seq=event.seq,
        at=event.at,
        when=formats.moment(event.at, teller.zone, teller.locale),
        sentence=gettext(SENTENCES.get(kind, OTHERWISE)),
        subject=gettext(_("An item that is no longer shown")) if hidden else _subject(happening, teller),
        link="" if hidden else _link(event, teller),
        by=actor_text(happening.actor, gettext),
        reason="" if hidden else str(event.body.get("reason") or ""),
        changes=changes,
        mark=MARKS.get(kind, ""),
        internal=event.audience == "internal",
    )


def actor_text(name: str | None, gettext: Gettext) -> str:
    """How somebody is named on a page; empty where nobody is."""
    known = {AGENCY: _("The team"), SYSTEM.actor: _("The portal")}
    return gettext(known[name]) if name in known else name or ""


def _kind_told(event: EventRow) -> str:
    """The event's kind, told apart by what it changed most."""
    if event.kind != "item.changed":
        return event.kind
    changes = _changes(event)
    if "category" in changes:
        before, after = changes["category"]
        return "item.reopened" if before == "done" and after in ("todo", "doing") else BY_CATEGORY[after]
    if "blocked_on" in changes:
        return "item.blocked" if changes["blocked_on"][1] else "item.unblocked"
    return event.kind


def _told_changes(happening: Happening, teller: Teller) -> Iterable[Change]:
    if happening.event.kind == "test_round.closed":
        counts = ((label, happening.event.body.get(field)) for field, label in COUNTS.items())
        yield from (Change(teller.gettext(label), "", str(count)) for label, count in counts if count)
    known = {**FIELDS, **FIELDS_OF.get(happening.event.subject_kind, {}), **(STAFF_FIELDS if teller.is_staff else {})}
    for field, (before, after) in _changes(happening.event).items():
        if field not in known:
            continue
        label = teller.gettext(known[field])
        if field in LONG_TEXTS:
            yield Change(label, "", "")
        elif field != "assignee" or any(happening.names.get(one) for one in (before, after) if one):
            was = "" if before in (None, "", []) else _value(field, before, happening, teller)
            yield Change(label, was, _value(field, after, happening, teller))


def _value(field: str, value: Any, happening: Happening, teller: Teller) -> str:
    if value is None or value in ("", []):
        return formats.NOTHING
    if field == "assignee":
        return actor_text(happening.names.get(value), teller.gettext) or formats.NOTHING
    if field in ("iteration", "milestone"):
        return happening.plan.get((field, value), str(value))
    if happening.event.subject_kind == "requirement" and field in WORDS_OF_REQUIREMENT:
        return words(teller.locale)[WORDS_OF_REQUIREMENT[field]].get(value, str(value))
    return _plain_value(field, value, teller)


def _plain_value(field: str, value: Any, teller: Teller) -> str:
    if field in ("points", "hours"):
        return formats.number(Decimal(value), teller.locale)
    if field.endswith("_on"):
        return formats.day(date.fromisoformat(value), teller.locale)
    if field == "closed_at":
        return formats.moment(datetime.fromisoformat(value), teller.zone, teller.locale)
    if field in ("type", "audience"):
        return words(teller.locale)[field].get(value, value)
    return ", ".join(value) if isinstance(value, list) else str(value)


def _subject(happening: Happening, teller: Teller) -> str:
    event = happening.event
    if event.subject_kind == "trace":
        kinds = words(teller.locale)["trace_kind"]
        ends = [event.body.get(end, {}) for end in ("from", "to")]
        return " – ".join(f"{kinds.get(end.get('kind'), '')} {end.get('number', '')}".strip() for end in ends)
    if event.subject_kind in ("iteration", "milestone") and event.subject_number is not None:
        return happening.plan.get((event.subject_kind, event.subject_number), "")
    named = {
        "status": "name",
        "decision": "title",
        "design": "title",
        "requirement": "title",
        "change_request": "title",
        "invoice": "reference",
        "test_plan": "title",
        "file": "name",
    }.get(event.subject_kind)
    return happening.title or (str(event.body.get(named, "")) if named else "")


def _link(event: EventRow, teller: Teller) -> str:
    if event.subject_kind in LISTS:
        return f"/projects/{teller.key}/{LISTS[event.subject_kind]}"
    place = PLACES.get(event.subject_kind)
    if event.kind.startswith("acceptance."):
        return f"/projects/{teller.key}/tests/{event.subject_number}#acceptances"
    return f"/projects/{teller.key}/{place}/{event.subject_number}" if place and event.subject_number else ""
