"""Which row of a digest an event belongs to, and how many things a row tells of. No database."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.ledger.models import Audience
from portal.ledger.queries import EventRow
from portal.mailing import kinds

AT = datetime(2026, 5, 4, 9, tzinfo=UTC)
ADA, BEN = UUID(int=0xADA), UUID(int=0xBE)


def event(kind: str, *, actor: str = "staff:1", number: int | None = 7, seq: int = 5, **body: Any) -> EventRow:
    """Something that happened, to the thing that its kind names."""
    return EventRow(seq, AT, AT, actor, kind, kind.partition(".")[0], number, Audience.CLIENT, body)


def changed(**changes: Any) -> EventRow:
    """An item of which these fields changed, each as (before, after)."""
    return event("item.changed", changes={field: list(two) for field, two in changes.items()})


@pytest.mark.parametrize(
    ("before", "after", "row"),
    [
        ("doing", "done", "done"),
        ("todo", "done", "done"),
        ("todo", "doing", "started"),
        ("done", "todo", "reopened"),
        ("done", "doing", "reopened"),
        ("doing", "todo", "changed"),
        ("dropped", "todo", "changed"),
        ("dropped", "doing", "started"),
        ("done", "dropped", "removed"),
        ("todo", "dropped", "removed"),
    ],
)
def test_an_item_that_changes_its_column_is_told_by_where_it_came_to(before, after, row):
    assert kinds.what_of(changed(category=(before, after), title=("A", "B"))) == row


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"title": ("A", "B")}, "changed"),
        ({"title": ("A", "B"), "position": (1, 2)}, "changed"),
        ({"blocked_on": (None, "client")}, "blocked"),
        ({"blocked_on": ("client", None)}, "changed"),
        ({"category": ("doing", "done"), "blocked_on": ("client", None)}, "done"),
        ({"position": (1, 2)}, None),
        ({}, None),
    ],
)
def test_what_became_of_an_item_is_told_unless_its_order_alone_was_shuffled(changes, row):
    assert kinds.what_of(changed(**changes)) == row


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("item.added", "added"),
        ("item.opened", "added"),
        ("item.restored", "added"),
        ("item.removed", "removed"),
        ("item.closed", "removed"),
        ("decision.asked", "decisions"),
        ("delegation.given", "decisions"),
        ("design.published", "designs"),
        ("pin.added", "designs"),
        ("requirement.worded", "requirements"),
        ("change_request.raised", "changes"),
        ("contract.signed", "changes"),
        ("amendment.agreed", "changes"),
        ("milestone.moved", "milestones"),
        ("iteration.changed", "milestones"),
        ("invoice.issued", "invoices"),
        ("payment_plan.set", "invoices"),
        ("billing_account.set", "invoices"),
        ("member.joined", "members"),
        ("acceptance.signed", "other"),
        ("item.changed", None),  # nothing of it that the reader may see
        ("project.opened", None),
        ("test_round.reminded", None),
        ("test_result.recorded", None),
        ("test_result.undone", None),
        ("status.renamed", None),
        ("trace.linked", None),
    ],
)
def test_an_event_is_told_in_the_row_of_what_it_is_about(kind, row):
    assert kinds.what_of(event(kind)) == row


def test_the_rows_come_with_the_most_telling_first_whatever_happened_first():
    told = [
        event("member.joined", number=1), event("item.added", number=2), event("milestone.moved", number=3),
        changed(category=("doing", "done")), event("invoice.issued", number=4), event("decision.asked", number=5),
    ]  # fmt: skip
    rows = [one.what for one in kinds.counted((one, "A title") for one in told)]
    assert rows == ["decisions", "invoices", "done", "milestones", "added", "members"]


def test_a_thing_to_which_much_happened_is_counted_once():
    told = [event("design.published", seq=at, number=number) for at, number in enumerate((1, 1, 2, 1), start=1)]
    (row,) = kinds.counted((one, f"Design {one.subject_number}") for one in told)
    assert row.shown() == {"what": "designs", "count": 2, "titles": ["Design 1", "Design 2"], "more": False}


def test_two_things_of_one_row_and_one_number_are_two():
    (row,) = kinds.counted([(event("design.published", number=1), "A"), (event("pin.added", number=1), "B")])
    assert row.shown()["count"] == 2


def test_events_about_nothing_with_a_number_count_each():
    told = [event("billing_account.set", number=None, seq=seq) for seq in (1, 2)]
    (row,) = kinds.counted((one, "") for one in told)
    assert row.shown() == {"what": "invoices", "count": 2, "titles": [], "more": False}


def test_what_the_reader_may_not_know_any_more_is_not_counted():
    assert kinds.counted([(event("item.added"), None)]) == []


@given(st.integers(1, 12))
def test_a_row_names_five_titles_and_says_when_there_are_more(count):
    told = [(event("item.added", number=number), f"Item {number}") for number in range(count)]
    (row,) = kinds.counted(told)
    titles = [f"Item {number}" for number in range(min(count, 5))]
    assert row.shown() == {"what": "added", "count": count, "titles": titles, "more": count > 5}


@pytest.mark.parametrize(
    ("actor", "is_theirs"),
    [(f"person:{ADA}", True), (f"staff:{ADA}", True), (f"person:{BEN}", False), ("system", False), ("robot:1", False)],
)
def test_ones_own_act_is_known_whichever_side_one_is_of(actor, is_theirs):
    assert kinds.is_by(event("item.added", actor=actor), ADA) is is_theirs


@pytest.mark.parametrize(
    ("kind", "testers", "asks"),
    [
        ("test_round.opened", [ADA, BEN], True),
        ("test_round.testers_added", [ADA], True),
        ("test_round.reminded", [ADA], True),
        ("test_round.opened", [BEN], False),
        ("test_round.closed", [ADA], False),
    ],
)
def test_those_are_asked_to_test_whom_the_round_names(kind, testers, asks):
    assert kinds.asks_to_test(event(kind, testers=[f"person:{one}" for one in testers]), ADA) is asks


def test_a_round_that_names_nobody_asks_nobody():
    assert not kinds.asks_to_test(event("test_round.opened"), ADA)
