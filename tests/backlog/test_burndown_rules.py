"""What moves a burndown, told apart: scope added, cut and re-estimated, work done and re-opened."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from portal.backlog import burndown, spans
from portal.backlog.burndown import PROJECT, Amounts, Movements, Series, add, diff, movements
from portal.backlog.models import BurnDay, Category, SeriesKind
from portal.backlog.spans import Change, Facts, Span
from portal.ledger.models import Audience
from portal.projects.models import Unit

BERLIN = ZoneInfo("Europe/Berlin")
ONE, TWO = UUID(int=1), UUID(int=2)
SPRINT_1: Series = (SeriesKind.ITERATION, ONE)
SPRINT_2: Series = (SeriesKind.ITERATION, TWO)
LAUNCH: Series = (SeriesKind.MILESTONE, TWO)
TODO = Facts(Decimal(3), None, Category.TODO, ONE, None, Audience.CLIENT)
DONE = TODO._replace(category=Category.DONE)
GONE = TODO._replace(present=False)


def noon(day: int) -> datetime:
    return datetime(2026, 3, day, 11, tzinfo=UTC)


def life(*states: tuple[int, Facts]) -> list[Span]:
    known: list[Span] = []
    for day, facts in states:
        known = spans.record(known, facts, noon(day))
    return known


def on(
    moved: Movements,
    day: int,
    series: Series = SPRINT_1,
    unit: Unit = Unit.POINTS,
    audience: Audience = Audience.CLIENT,
) -> Amounts:
    movement = moved.get((series, date(2026, 3, day), audience), burndown.NOTHING)
    return movement.of(unit)


def amounts(added: int = 0, removed: int = 0, reestimated: int = 0, done: int = 0, reopened: int = 0) -> Amounts:
    return Amounts(*map(Decimal, (added, removed, reestimated, done, reopened)))


CASES = [
    ("a new item adds to the scope", [], TODO, amounts(added=3)),
    ("an item that arrives done", [], DONE, amounts(added=3, done=3)),
    ("an item that arrives dropped is no scope", [], TODO._replace(category=Category.DROPPED), amounts()),
    ("work begun is not work done", [TODO], TODO._replace(category=Category.DOING), amounts()),
    ("work done", [TODO], DONE, amounts(done=3)),
    ("work re-opened", [DONE], TODO, amounts(reopened=3)),
    ("a larger estimate is no new scope", [TODO], TODO._replace(points=Decimal(8)), amounts(reestimated=5)),
    ("a smaller estimate is no work done", [TODO], TODO._replace(points=Decimal(1)), amounts(reestimated=-2)),
    ("an estimate taken away", [TODO], TODO._replace(points=None), Amounts(reestimated=Decimal(-3), unestimated=1)),
    ("a done item re-estimated", [DONE], DONE._replace(points=Decimal(5)), amounts(reestimated=2, done=2)),
    ("done at another size", [TODO], DONE._replace(points=Decimal(5)), amounts(reestimated=2, done=5)),
    ("re-opened at another size", [DONE], TODO._replace(points=Decimal(5)), amounts(reestimated=2, reopened=3)),
    ("an item deleted", [TODO], GONE, amounts(removed=3)),
    ("a done item deleted takes its work with it", [DONE], GONE, amounts(removed=3, done=-3)),
    ("an item dropped is cut, not done", [TODO], TODO._replace(category=Category.DROPPED), amounts(removed=3)),
    ("a dropped item taken up", [TODO._replace(category=Category.DROPPED)], TODO, amounts(added=3)),
    ("an item brought back", [TODO, GONE], TODO, amounts(added=3)),
    ("a done item brought back", [DONE, GONE], DONE, amounts(added=3, done=3)),
    ("an item moved in", [TODO._replace(iteration=TWO)], TODO, amounts(added=3)),
    ("an item moved out", [TODO], TODO._replace(iteration=None), amounts(removed=3)),
    ("a done item moved out", [DONE], DONE._replace(iteration=TWO), amounts(removed=3, done=-3)),
    ("an item hidden from the client", [TODO], TODO._replace(audience=Audience.INTERNAL), amounts(removed=3)),
    ("an item shown to the client", [TODO._replace(audience=Audience.INTERNAL)], TODO, amounts(added=3)),
    ("a change of what no burndown counts", [TODO], TODO._replace(milestone=TWO), amounts()),
]


@pytest.mark.parametrize(("before", "after", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_moves_as_the_client_sees_it(before: Sequence[Facts], after: Facts, expected: Amounts) -> None:
    moved = movements(life(*enumerate([*before, after], 2)), BERLIN)
    assert on(moved, 2 + len(before)) == expected


def test_items_are_counted_whatever_their_estimate() -> None:
    moved = movements(life((2, TODO._replace(points=None)), (3, DONE._replace(points=None))), BERLIN)
    assert on(moved, 2, unit=Unit.COUNT) == amounts(added=1)
    assert on(moved, 3, unit=Unit.COUNT) == amounts(done=1)
    assert on(moved, 2) == Amounts(unestimated=1)
    assert on(moved, 3) == amounts()


def test_an_item_without_an_estimate_is_not_an_item_of_nought() -> None:
    moved = movements(life((2, TODO._replace(points=Decimal(0))), (3, TODO._replace(points=None))), BERLIN)
    assert on(moved, 2) == amounts()
    assert on(moved, 3) == Amounts(unestimated=1)


def test_hours_move_beside_points() -> None:
    moved = movements(life((2, TODO._replace(hours=Decimal("1.5"))), (3, DONE._replace(hours=Decimal(4)))), BERLIN)
    assert on(moved, 2, unit=Unit.HOURS).added == Decimal("1.5")
    assert on(moved, 3, unit=Unit.HOURS) == Amounts(reestimated=Decimal("2.5"), done=Decimal(4))
    assert on(moved, 3) == amounts(done=3)


def test_what_came_and_went_within_a_day_moves_nothing() -> None:
    known = spans.record(life((2, TODO)), DONE, noon(3))
    assert (
        movements(spans.record(known, TODO, noon(3).replace(hour=15)), BERLIN).keys()
        == movements(life((2, TODO)), BERLIN).keys()
    )


def test_leftovers_moved_at_the_end_of_an_iteration_leave_it_and_enter_the_next() -> None:
    moved = movements(life((2, TODO), (13, TODO._replace(iteration=TWO)), (16, DONE._replace(iteration=TWO))), BERLIN)
    assert on(moved, 13, SPRINT_1) == amounts(removed=3)
    assert on(moved, 13, SPRINT_2) == amounts(added=3)
    assert on(moved, 16, SPRINT_1) == amounts(), "what is done later is not done in the iteration that it left"
    assert on(moved, 16, SPRINT_2) == amounts(done=3)
    assert on(moved, 13, PROJECT) == amounts(), "for the project, nothing moved"


def test_an_iteration_and_a_milestone_of_the_same_id_are_two_series() -> None:
    moved = movements(
        life((2, TODO._replace(iteration=TWO)), (4, TODO._replace(iteration=None, milestone=TWO))), BERLIN
    )
    assert on(moved, 4, SPRINT_2) == amounts(removed=3)
    assert on(moved, 4, LAUNCH) == amounts(added=3)


@pytest.mark.parametrize(
    ("iteration", "milestone", "series"),
    [
        (None, None, {PROJECT}),
        (ONE, None, {PROJECT, SPRINT_1}),
        (None, TWO, {PROJECT, LAUNCH}),
        (ONE, TWO, {PROJECT, SPRINT_1, LAUNCH}),
    ],
)
def test_an_item_moves_its_project_and_what_it_is_part_of(
    iteration: UUID | None, milestone: UUID | None, series: set[Series]
) -> None:
    moved = movements(life((2, TODO._replace(iteration=iteration, milestone=milestone))), BERLIN)
    assert {one for one, _, _ in moved} == series


def test_an_item_that_no_client_sees_may_change_its_audience_and_moves_nothing() -> None:
    internal, billing = (TODO._replace(audience=one) for one in (Audience.INTERNAL, Audience.BILLING))
    moved = movements(life((2, internal), (3, billing)), BERLIN)
    assert {day for _, day, _ in moved} == {date(2026, 3, 2)}


def test_an_internal_item_moves_nothing_that_a_client_sees() -> None:
    moved = movements(life((2, TODO._replace(audience=Audience.INTERNAL))), BERLIN)
    assert {audience for _, _, audience in moved} == {Audience.INTERNAL}


def test_for_staff_nothing_moves_when_an_item_is_shown_to_the_client() -> None:
    moved = movements(life((2, TODO._replace(audience=Audience.INTERNAL)), (5, TODO)), BERLIN)
    client, internal = on(moved, 5), on(moved, 5, audience=Audience.INTERNAL)
    assert client == amounts(added=3)
    assert [one + other for one, other in zip(client, internal, strict=True)] == list(amounts())


def test_a_deleted_item_may_change_its_audience_unseen() -> None:
    hidden = GONE._replace(audience=Audience.INTERNAL)
    moved = movements(life((2, TODO), (3, GONE), (4, hidden), (5, hidden._replace(present=True))), BERLIN)
    assert on(moved, 3) == amounts(removed=3)
    assert not [place for place in moved if place[1] == date(2026, 3, 4)]
    assert on(moved, 5, audience=Audience.INTERNAL) == amounts(added=3)
    assert on(moved, 5) == amounts()


def test_a_late_fact_costs_only_the_days_on_which_it_differs() -> None:
    known = life((2, TODO), (9, DONE))
    late = spans.insert_late(known, Change(noon(5), "points", Decimal(5)))
    cost = diff(movements(known, BERLIN), movements(late, BERLIN))
    assert {day.day for _, day, _ in cost} == {5, 9}
    assert on(cost, 5) == amounts(reestimated=2)
    assert on(cost, 9) == amounts(done=2)


def test_adding_what_was_taken_leaves_nothing_behind() -> None:
    moved = movements(life((2, TODO), (9, DONE)), BERLIN)
    total = dict(moved)
    add(total, diff(moved, {}))
    assert total == {}
    add(total, dict.fromkeys(moved, burndown.NOTHING))
    assert total == {}


def test_a_movement_fills_the_columns_of_its_table() -> None:
    [movement] = set(movements(life((2, DONE._replace(hours=Decimal("0.5")))), BERLIN).values())
    row = burndown.columns(movement)
    keys = {"project_id", "series_kind", "series_id", "day", "audience"}
    assert row.keys() == {column.key for column in BurnDay.__table__.columns} - keys
    assert (row["items_added"], row["points_done"], row["hours_added"]) == (1, 3, Decimal("0.5"))
    assert isinstance(row["items_added"], int)
