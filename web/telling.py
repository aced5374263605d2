"""Events as a page tells them to its reader: a sentence, what it is about, and the fields that it changed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from portal import reasons
from portal.access import SYSTEM
from portal.backlog.activity import Happening
from portal.backlog.queries import AGENCY
from portal.ledger.queries import EventRow
from web import formats
from web.catalogues import catalogue
from web.catalogues import mark as _
from web.event_words import COUNTS, FIELDS, FIELDS_OF, MARKS, OTHERWISE, SENTENCES, STAFF_FIELDS
from web.words import words

Gettext = Callable[[str], str]

BY_CATEGORY = {"done": "item.finished", "doing": "item.started", "dropped": "item.dropped", "todo": "item.changed"}
LONG_TEXTS = {"description", "acceptance_criteria", "how_measured"}
WORDS_OF_REQUIREMENT = {"kind": "requirement_kind", "priority": "moscow"}
TITLED_BY = {"status": "name", "decision": "title", "design": "title", "requirement": "title",
             "change_request": "title", "invoice": "reference", "test_plan": "title", "file": "name"}  # fmt: skip
"""Which field of an event's body names what it is about, where its subject is read from nowhere else."""
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
        reason="" if hidden else _reason(event, teller),
        changes=changes,
        mark=MARKS.get(kind, ""),
        internal=event.audience == "internal",
    )


def actor_text(name: str | None, gettext: Gettext) -> str:
    """How somebody is named on a page; empty where nobody is."""
    known = {AGENCY: _("The team"), SYSTEM.actor: _("The portal")}
    return gettext(known[name]) if name in known else name or ""


def _reason(event: EventRow, teller: Teller) -> str:
    """Why: the change request behind it, or what somebody wrote; what the portal wrote, in the reader's language."""
    if title := event.body.get("change_request_title"):
        behind = {"number": event.body["change_request"], "title": title}
        return teller.gettext(_("Change request %(number)s: %(title)s")) % behind
    return reasons.translated(str(event.body.get("reason") or ""), teller.gettext)


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
    named = TITLED_BY.get(event.subject_kind)
    return happening.title or (str(event.body.get(named, "")) if named else "")


def _link(event: EventRow, teller: Teller) -> str:
    if event.subject_kind in LISTS:
        return f"/projects/{teller.key}/{LISTS[event.subject_kind]}"
    place = PLACES.get(event.subject_kind)
    if event.kind.startswith("acceptance."):
        return f"/projects/{teller.key}/tests/{event.subject_number}#acceptances"
    return f"/projects/{teller.key}/{place}/{event.subject_number}" if place and event.subject_number else ""
