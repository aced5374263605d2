"""The life of an item: contiguous, half-open, and changed only from the moment of a change on."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.backlog import spans
from portal.backlog.models import Category
from portal.backlog.spans import Change, Facts, Span
from portal.errors import Invalid
from portal.ledger.models import Audience

NEW = Facts(None, None, Category.TODO, None, None, Audience.CLIENT)
SPRINTS = (UUID(int=1), UUID(int=2))


def hour(count: int) -> datetime:
    return datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=count)


def life(*states: tuple[int, Facts]) -> list[Span]:
    ends = [hour(start) for start, _ in states[1:]]
    return [Span(hour(start), end, facts) for (start, facts), end in zip(states, [*ends, None], strict=True)]


SIZED = NEW._replace(points=Decimal(3))
STARTED = SIZED._replace(category=Category.DOING)
DONE = SIZED._replace(category=Category.DONE)
GONE = SIZED._replace(present=False)


def test_an_item_is_born_with_one_open_span() -> None:
    assert spans.record([], NEW, hour(0)) == life((0, NEW))


def test_a_change_closes_the_last_span_and_opens_the_next() -> None:
    assert spans.record(life((0, NEW)), SIZED, hour(5)) == life((0, NEW), (5, SIZED))


def test_a_change_that_changes_nothing_leaves_no_span() -> None:
    assert spans.record(life((0, NEW)), NEW, hour(5)) == life((0, NEW))


def test_two_changes_of_one_moment_are_one() -> None:
    assert spans.record(life((0, NEW), (5, SIZED)), STARTED, hour(5)) == life((0, NEW), (5, STARTED))


def test_a_change_taken_back_in_its_own_moment_never_was() -> None:
    assert spans.record(life((0, NEW), (5, SIZED)), NEW, hour(5)) == life((0, NEW))


def test_a_clock_that_runs_behind_does_not_rewrite_what_is_recorded() -> None:
    assert spans.record(life((0, NEW), (5, SIZED)), DONE, hour(4)) == life((0, NEW), (5, DONE))


def test_a_late_estimate_holds_until_the_estimate_was_next_changed() -> None:
    known = life((0, NEW), (4, NEW._replace(category=Category.DOING)), (8, DONE))
    late = spans.insert_late(known, Change(hour(2), "points", Decimal(5)))
    five = NEW._replace(points=Decimal(5))
    assert late == life((0, NEW), (2, five), (4, five._replace(category=Category.DOING)), (8, DONE))


def test_a_late_fact_that_was_already_known_changes_nothing() -> None:
    known = life((0, NEW), (4, SIZED))
    assert spans.insert_late(known, Change(hour(6), "points", Decimal("3.0"))) == known


def test_a_late_fact_after_the_last_change_holds_until_now() -> None:
    late = spans.insert_late(life((0, SIZED)), Change(hour(6), "category", Category.DONE))
    assert late == life((0, SIZED), (6, DONE))


def test_a_late_fact_of_the_moment_of_a_change_corrects_it() -> None:
    late = spans.insert_late(life((0, NEW), (4, SIZED)), Change(hour(4), "points", Decimal(8)))
    assert late == life((0, NEW), (4, SIZED._replace(points=Decimal(8))))


@pytest.mark.parametrize(
    ("known", "older"),
    [
        (life((4, SIZED), (6, DONE)), life((1, SIZED), (6, DONE))),
        (life((4, SIZED)), life((1, SIZED))),
        (life((4, GONE), (6, SIZED)), life((1, SIZED), (4, GONE), (6, SIZED))),
    ],
    ids=["of two spans", "of one", "first known when it was gone"],
)
def test_an_item_may_turn_out_to_be_older(known: list[Span], older: list[Span]) -> None:
    assert spans.insert_late(known, Change(hour(1), "present", True)) == older


def test_nothing_else_is_known_before_an_item_existed() -> None:
    with pytest.raises(Invalid, match="before it existed") as refusal:
        spans.insert_late(life((4, SIZED)), Change(hour(1), "points", Decimal(2)))
    assert refusal.value.field == "at"


def test_an_imported_history_may_come_in_any_order() -> None:
    changes = [Change(hour(9), "category", Category.DONE), Change(hour(2), "points", Decimal(3))]
    assert spans.from_changes(hour(0), NEW, changes) == life((0, NEW), (2, SIZED), (9, DONE))


def test_imported_changes_of_one_moment_collapse_into_their_last_state() -> None:
    moved = [Change(hour(2), "iteration", None), Change(hour(2), "iteration", SPRINTS[0])]
    initial = NEW._replace(iteration=SPRINTS[1])
    assert spans.from_changes(hour(0), initial, moved) == life((0, initial), (2, NEW._replace(iteration=SPRINTS[0])))


def test_imported_changes_before_the_creation_count_from_it() -> None:
    assert spans.from_changes(hour(3), NEW, [Change(hour(1), "points", Decimal(3))]) == life((3, SIZED))


def test_what_was_true_at_a_moment_is_half_open() -> None:
    known = life((2, NEW), (5, SIZED))
    assert spans.at(known, hour(2) - timedelta(microseconds=1)) is None
    assert spans.at(known, hour(2)) == NEW
    assert spans.at(known, hour(5) - timedelta(microseconds=1)) == NEW
    assert spans.at(known, hour(5)) == SIZED


@pytest.mark.parametrize(
    "broken",
    [
        [],
        [Span(hour(0), hour(1), NEW)],
        [Span(hour(0), hour(1), NEW), Span(hour(2), None, SIZED)],
        [Span(hour(1), hour(1), NEW), Span(hour(1), None, SIZED)],
        [Span(hour(0), hour(1), NEW), Span(hour(1), hour(2), SIZED)],
        [Span(hour(0), None, NEW), Span(hour(1), None, SIZED)],
    ],
    ids=["empty", "closed", "gap", "no length", "closed later", "open twice"],
)
def test_what_is_no_life_is_refused(broken: list[Span]) -> None:
    with pytest.raises(Invalid):
        spans.check(broken)


@pytest.mark.parametrize("sound", [life((0, NEW)), life((0, NEW), (1, SIZED)), life((0, NEW), (1, SIZED), (7, DONE))])
def test_a_life_goes_on_without_a_gap_and_its_end_is_open(sound: list[Span]) -> None:
    spans.check(sound)


VALUES = {
    "points": st.sampled_from([None, Decimal(0), Decimal(1), Decimal("2.5")]),
    "hours": st.sampled_from([None, Decimal(4)]),
    "category": st.sampled_from(Category),
    "iteration": st.sampled_from([None, *SPRINTS]),
    "milestone": st.sampled_from([None, *SPRINTS]),
    "audience": st.sampled_from([Audience.CLIENT, Audience.INTERNAL]),
    "present": st.booleans(),
}
changes = st.sampled_from(sorted(VALUES)).flatmap(
    lambda field: st.builds(Change, st.integers(0, 40).map(hour), st.just(field), VALUES[field])
)
histories = st.lists(changes, max_size=12)


@given(histories)
def test_an_imported_history_says_at_each_moment_what_its_latest_changes_said(history: list[Change]) -> None:
    known = spans.from_changes(hour(0), NEW, history)
    spans.check(known)
    for count in range(41):
        expected = NEW
        for change in sorted(history, key=lambda one: one.at):
            if change.at <= hour(count):
                expected = expected._replace(**{change.field: change.value})
        assert spans.at(known, hour(count)) == expected


@given(histories, changes)
def test_a_late_fact_changes_one_field_from_its_moment_to_that_fields_next_change(
    history: list[Change], late: Change
) -> None:
    known = spans.from_changes(hour(0), NEW, history)
    corrected = spans.insert_late(known, late)
    spans.check(corrected)
    holds = False
    replaced = getattr(spans.at(known, late.at), late.field)
    for count in range(41):
        old, new = spans.at(known, hour(count)), spans.at(corrected, hour(count))
        assert old is not None
        holds = hour(count) == late.at or (holds and getattr(old, late.field) == replaced)
        assert new == (old._replace(**{late.field: late.value}) if holds else old)


@given(histories, st.lists(st.integers(0, 9), max_size=4))
def test_live_changes_leave_every_earlier_moment_alone(history: list[Change], waits: list[int]) -> None:
    known = spans.from_changes(hour(0), NEW, history)
    moment = known[-1].valid_from
    for wait in waits:
        moment += timedelta(hours=wait)
        grown = spans.record(known, DONE._replace(points=Decimal(wait)), moment)
        spans.check(grown)
        before = [hour(count) for count in range(80) if hour(count) < moment]
        assert [spans.at(grown, one) for one in before] == [spans.at(known, one) for one in before]
        assert spans.at(grown, moment) == DONE._replace(points=Decimal(wait))
        known = grown
