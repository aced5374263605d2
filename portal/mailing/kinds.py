"""What an event is to the people who are told: something for them to do, or news. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from portal.backlog.activity import QUIET
from portal.ledger.queries import EventRow

FOR_CLIENT = frozenset({"decision.asked", "decision.reminded", "decision.question_answered"})
"""Told to those of the client who can decide, as soon as they wish."""
FOR_FINANCE = frozenset({"invoice.asked_about", "invoice.disputed"})
"""Told to the agency's finance too, where they took part in the project."""
FOR_STAFF = frozenset({"decision.answered", "decision.question_asked", "change_request.raised"}) | FOR_FINANCE
"""Told to the agency's managers."""
FOR_TESTERS = frozenset({"test_round.opened", "test_round.testers_added", "test_round.reminded"})
"""Told to those whom they name: the testers of a round."""
AT_ONCE = FOR_CLIENT | FOR_STAFF | FOR_TESTERS

NO_NEWS = frozenset({"project.opened", "test_round.reminded"})
"""Nothing that anybody else would like to read of."""

MOST_TITLES = 5
ORDER = (
    "decisions", "invoices", "done", "started", "blocked", "reopened", "designs", "requirements", "changes",
    "milestones", "added", "removed", "changed", "members", "other",
)  # fmt: skip
"""The rows of a digest, the most telling first."""
_BY_SUBJECT = {
    "decision": "decisions", "delegation": "decisions", "design": "designs", "pin": "designs",
    "requirement": "requirements", "change_request": "changes", "contract": "changes", "amendment": "changes",
    "milestone": "milestones", "invoice": "invoices", "payment_plan": "invoices", "billing_account": "invoices",
    "iteration": "milestones", "member": "members",
}  # fmt: skip
_BY_CATEGORY = {"done": "done", "doing": "started", "todo": "changed", "dropped": "removed"}
_ITEM = {
    "item.added": "added", "item.opened": "added", "item.restored": "added", "item.removed": "removed",
    "item.closed": "removed",
}  # fmt: skip


@dataclass(slots=True)
class Count:
    """How many things something happened to, and the titles of the first few."""

    what: str
    subjects: set[object] = field(default_factory=set)
    titles: list[str] = field(default_factory=list)

    def add(self, subject: object, title: str) -> None:
        """Counts a thing, once."""
        if subject not in self.subjects:
            self.subjects.add(subject)
            if title and title not in self.titles:
                self.titles.append(title)

    def shown(self) -> dict[str, object]:
        """As the template reads it."""
        count = len(self.subjects)
        return {
            "what": self.what,
            "count": count,
            "titles": self.titles[:MOST_TITLES],
            "more": count > len(self.titles[:MOST_TITLES]) and bool(self.titles),
        }


def key_of(person_id: UUID | None, project_id: UUID, seq: int) -> str:
    """Names the one mail that a person may get about an event."""
    return f"{person_id}:{project_id}:{seq}"


def asks_to_test(event: EventRow, person_id: UUID | None) -> bool:
    """Whether an event asks somebody to test."""
    return event.kind in FOR_TESTERS and f"person:{person_id}" in event.body.get("testers", ())


def is_by(event: EventRow, person_id: UUID | None) -> bool:
    """Whether somebody did it themselves: nobody is told of their own act."""
    return event.actor.partition(":")[2] == str(person_id)


def what_of(event: EventRow) -> str | None:
    """The row of a digest that an event belongs to; None for what is not worth telling (an order was shuffled)."""
    if event.kind in NO_NEWS or event.subject_kind in ("status", "trace") or event.kind in QUIET:
        return None
    if event.subject_kind != "item":
        return _BY_SUBJECT.get(event.subject_kind, "other")
    if event.kind in _ITEM:
        return _ITEM[event.kind]
    changes = event.body.get("changes")
    if not isinstance(changes, dict) or not set(changes) - {"position"}:
        return None
    if "category" in changes:
        before, after = changes["category"]
        return "reopened" if before == "done" and after in ("todo", "doing") else _BY_CATEGORY.get(after, "changed")
    if "blocked_on" in changes:
        return "blocked" if changes["blocked_on"][1] else "changed"
    return "changed"


def counted(told: Iterable[tuple[EventRow, str | None]]) -> list[Count]:
    """Events with the titles of what they are about, as the rows of a digest.

    A title of None means that the reader may not know the thing any more: then it is not counted either.
    """
    counts: dict[str, Count] = {}
    for event, title in told:
        what = what_of(event)
        if what is None or title is None:
            continue
        subject = (event.subject_kind, event.subject_number) if event.subject_number is not None else event.seq
        counts.setdefault(what, Count(what)).add(subject, title)
    return [counts[what] for what in ORDER if what in counts]
