"""When the rest may be finished: from what was finished, over working days, and never made up."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.backlog import forecast
from portal.backlog.forecast import Finish, Pace, Reason
from portal.projects.calendar import Calendar

MONDAY = date(2026, 6, 1)
WEEKDAYS = Calendar()


def history(weeks: int, *a_week: int) -> list[tuple[date, Decimal]]:
    """The same amounts done on Monday, Tuesday, … of each of the weeks before MONDAY."""
    start = MONDAY - timedelta(weeks=weeks)
    return [
        (start + timedelta(weeks=week, days=day), Decimal(amount))
        for week in range(weeks)
        for day, amount in enumerate(a_week)
    ]


def test_steady_work_gives_one_day() -> None:
    pace = forecast.pace_of_days(history(8, 2, 2, 2, 2, 2), WEEKDAYS, MONDAY)
    assert pace == Pace(Decimal(2), Decimal(2), Decimal(2))
    friday = date(2026, 6, 5)
    assert forecast.finish(Decimal(8), pace, WEEKDAYS, MONDAY) == Finish(friday, friday, friday, None)


def test_uneven_work_gives_a_range_in_order() -> None:
    uneven = [(day, amount * (1 + (day.toordinal() // 14) % 3)) for day, amount in history(12, 1, 0, 3, 0, 1)]
    pace = forecast.pace_of_days(uneven, WEEKDAYS, MONDAY)
    assert isinstance(pace, Pace)
    assert pace.slow < pace.likely < pace.fast
    when = forecast.finish(Decimal(60), pace, WEEKDAYS, MONDAY)
    days = [when.earliest, when.likely, when.latest]
    assert None not in days
    assert days == sorted(set(days), key=str)


def test_work_done_on_days_off_counts() -> None:
    weekends = forecast.pace_of_days(history(8, 0, 0, 0, 0, 0, 5, 5), WEEKDAYS, MONDAY)
    assert weekends == Pace(Decimal(2), Decimal(2), Decimal(2))


def test_reopened_work_is_taken_off() -> None:
    pace = forecast.pace_of_days(history(8, 4, 0, -2, 0, 3), WEEKDAYS, MONDAY)
    assert pace == Pace(Decimal(1), Decimal(1), Decimal(1))


SLOWING = [*history(4, 2, 2, 2, 2, 2)[:10], *((day, Decimal(0)) for day, _ in history(2, 0, 0, 0, 0, 0))]
"""Two busy weeks, then two without anything: the last stretch is the slowest."""


def test_today_is_not_over_and_does_not_count() -> None:
    pace = forecast.pace_of_days(SLOWING, WEEKDAYS, MONDAY)
    assert pace == Pace(Decimal("0.2"), Decimal(1), Decimal("1.8"))
    assert forecast.pace_of_days([*SLOWING, (MONDAY, Decimal(90))], WEEKDAYS, MONDAY) == pace


@pytest.mark.parametrize("ago", [1, 2, 3], ids=["Sunday", "Saturday", "Friday"])
def test_the_days_just_before_today_count(ago: int) -> None:
    busier = [*SLOWING, (MONDAY - timedelta(days=ago), Decimal(90))]
    assert forecast.pace_of_days(busier, WEEKDAYS, MONDAY) == Pace(Decimal("0.4"), Decimal("1.2"), Decimal(2))


def test_what_was_long_ago_does_not_count() -> None:
    recent = history(12, 2, 2, 2, 2, 2)
    old = [(MONDAY - timedelta(weeks=40), Decimal(500))]
    assert forecast.pace_of_days([*old, *recent], WEEKDAYS, MONDAY) == Pace(Decimal(2), Decimal(2), Decimal(2))


@pytest.mark.parametrize("weeks", [12, 13])
def test_twelve_weeks_count_to_their_first_day(weeks: int) -> None:
    """All weeks but the last ten had 20 a day, those 2. Of the 51 stretches of twelve weeks the first ten touch the
    first two weeks and come to 200, 182, … 38; one in ten is faster than the sixth of them, which comes to 110."""
    busy = [
        (day, amount * (10 if day < MONDAY - timedelta(weeks=10) else 1)) for day, amount in history(weeks, *[2] * 5)
    ]
    assert forecast.pace_of_days(busy, WEEKDAYS, MONDAY) == Pace(Decimal(2), Decimal(2), Decimal(11))


@pytest.mark.parametrize(
    ("done", "reason"),
    [
        ([], Reason.TOO_LITTLE_HISTORY),
        (history(3, 5, 5, 5, 5, 5), Reason.TOO_LITTLE_HISTORY),
        ([(MONDAY - timedelta(weeks=9), Decimal(0))], Reason.NO_PROGRESS),
        ([(MONDAY - timedelta(weeks=30), Decimal(50))], Reason.NO_PROGRESS),
        (history(8, 2, 0, 0, 0, -2), Reason.NO_PROGRESS),
    ],
    ids=["nothing", "three weeks", "never", "not lately", "all of it re-opened"],
)
def test_no_forecast_is_made_up(done: list[tuple[date, Decimal]], reason: Reason) -> None:
    pace = forecast.pace_of_days(done, WEEKDAYS, MONDAY)
    assert pace is reason
    assert forecast.finish(Decimal(10), pace, WEEKDAYS, MONDAY) == Finish(None, None, None, reason)


def test_the_first_forecast_comes_after_nineteen_working_days() -> None:
    first = MONDAY - timedelta(weeks=4)
    assert forecast.pace_of_days([(first, Decimal(9))], WEEKDAYS, MONDAY - timedelta(days=3)) is not (
        Reason.TOO_LITTLE_HISTORY
    )
    assert forecast.pace_of_days([(first, Decimal(9))], WEEKDAYS, MONDAY - timedelta(days=4)) is (
        Reason.TOO_LITTLE_HISTORY
    )


def test_what_is_finished_needs_no_forecast() -> None:
    assert forecast.finish(Decimal(0), Reason.NO_PROGRESS, WEEKDAYS, MONDAY).reason is Reason.FINISHED


def test_a_pace_that_leads_too_far_gives_no_date() -> None:
    crawl = Pace(Decimal(0), Decimal("0.001"), Decimal(5))
    when = forecast.finish(Decimal(100), crawl, WEEKDAYS, MONDAY)
    assert when == Finish(date(2026, 6, 29), None, None, Reason.TOO_FAR)


def test_the_furthest_day_that_is_given_is_five_years_off() -> None:
    everyday, one = Calendar(weekdays=127), Pace(Decimal(1), Decimal(1), Decimal(1))
    furthest = MONDAY + timedelta(days=5 * 366)
    assert forecast.finish(Decimal(5 * 366), one, everyday, MONDAY).likely == furthest
    assert forecast.finish(Decimal(5 * 366 + 1), one, everyday, MONDAY).reason is Reason.TOO_FAR


def test_a_slow_stretch_without_progress_leaves_the_latest_day_open() -> None:
    when = forecast.finish(Decimal(10), Pace(Decimal(0), Decimal(2), Decimal(5)), WEEKDAYS, MONDAY)
    assert when == Finish(date(2026, 6, 3), date(2026, 6, 8), None, None)


def test_days_off_put_the_end_off() -> None:
    holidays = Calendar(days_off=frozenset(MONDAY + timedelta(days=day) for day in range(1, 8)))
    pace = Pace(Decimal(1), Decimal(1), Decimal(1))
    assert forecast.finish(Decimal(1), pace, holidays, MONDAY).likely == date(2026, 6, 9)


@given(
    st.lists(st.tuples(st.integers(1, 120), st.integers(-5, 20)), max_size=60),
    st.integers(1, 500),
)
def test_a_range_is_always_in_order_and_in_the_future(done: list[tuple[int, int]], remaining: int) -> None:
    rows = [(MONDAY - timedelta(days=ago), Decimal(amount)) for ago, amount in done]
    pace = forecast.pace_of_days(rows, WEEKDAYS, MONDAY)
    when = forecast.finish(Decimal(remaining), pace, WEEKDAYS, MONDAY)
    assert (when.likely is None) == (when.reason is not None)
    days = [day for day in (when.earliest, when.likely, when.latest) if day]
    assert days == sorted(days)
    assert all(day > MONDAY and WEEKDAYS.is_working(day) for day in days)
