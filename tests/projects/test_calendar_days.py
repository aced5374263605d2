"""Which days a project works."""

from datetime import date

import pytest

from portal.errors import Invalid
from portal.projects import calendar
from portal.projects.calendar import Calendar

FRIDAY, SATURDAY, MONDAY = date(2026, 5, 29), date(2026, 5, 30), date(2026, 6, 1)


@pytest.mark.parametrize(
    ("region", "day", "works"),
    [
        (None, date(2026, 1, 1), True),
        ("DE", date(2026, 1, 1), False),
        ("DE", date(2026, 1, 6), True),
        ("DE-BY", date(2026, 1, 6), False),
        ("BR", date(2026, 9, 7), False),
        ("US", date(2026, 7, 3), False),
        ("CN", date(2025, 10, 6), False),
        ("CN", date(2025, 9, 28), True),
        ("DE", date(2025, 9, 28), False),
        ("RU", date(2024, 4, 29), False),
        ("RU", date(2024, 4, 27), True),
    ],
    ids=[
        "no region, no holiday",
        "new year",
        "Epiphany is no holiday in all of Germany",
        "but in Bavaria",
        "Brazil's independence day",
        "a holiday on Saturday is kept on Friday in the US",
        "golden week",
        "a Sunday worked in China to make up for it",
        "the same Sunday elsewhere",
        "a bridge day in Russia",
        "and the Saturday that makes up for it",
    ],
)
def test_public_holidays_follow_the_region(region: str | None, day: date, works: bool) -> None:
    assert calendar.of(0b0011111, region).is_working(day) is works


def test_the_week_is_a_mask_from_monday() -> None:
    sunday_to_thursday = Calendar(weekdays=0b1001111)
    week = [date(2026, 6, day) for day in range(1, 8)]
    assert [sunday_to_thursday.is_working(day) for day in week] == [True, True, True, True, False, False, True]


def test_the_projects_own_days_win() -> None:
    own = calendar.of(0b0011111, "DE", days_off=["2026-06-02"], days_on=["2026-05-30", "2026-05-25"])
    assert not own.is_working(date(2026, 6, 2))
    assert own.is_working(SATURDAY)
    assert own.is_working(date(2026, 5, 25)), "Whit Monday is a holiday, but the project said that it works"


def test_working_days_have_both_ends() -> None:
    assert Calendar().working_days(FRIDAY, MONDAY) == [FRIDAY, MONDAY]
    assert Calendar().working_days(MONDAY, FRIDAY) == []


@pytest.mark.parametrize(("count", "day"), [(0, FRIDAY), (1, MONDAY), (5, date(2026, 6, 5)), (6, date(2026, 6, 8))])
def test_the_nth_working_day_after_a_day(count: int, day: date) -> None:
    assert Calendar().after(FRIDAY, count, horizon=100) == day


def test_a_day_beyond_the_horizon_is_not_given() -> None:
    assert Calendar().after(FRIDAY, 10, horizon=14) == date(2026, 6, 12)
    assert Calendar().after(FRIDAY, 10, horizon=13) is None
    assert Calendar().after(date(9999, 12, 30), 10, horizon=1000) is None


@pytest.mark.parametrize(
    "region", ["ZZ", "de", "De", "ÄÖ", "Germany", "DEU", "", "-BY", "DE-XX", "DE-", "DE-BY-BY", "../DE"]
)
def test_an_unknown_region_is_refused(region: str) -> None:
    with pytest.raises(Invalid) as refusal:
        calendar.check_region(region)
    assert (refusal.value.field, refusal.value.value) == ("holidays", region)


def test_a_wrong_part_of_a_country_is_answered_with_the_right_ones() -> None:
    with pytest.raises(Invalid, match="BB, BE, BW, BY"):
        calendar.check_region("DE-XX")
    with pytest.raises(Invalid, match="SG has no such part; known parts: none"):
        calendar.check_region("SG-01")


def test_years_that_the_library_does_not_know_have_no_holidays() -> None:
    assert calendar.of(0b1111111, "DE").is_working(date(1800, 12, 25))
    assert calendar.of(0b1111111, "DE").is_working(date(9999, 12, 25))


@pytest.mark.parametrize(("mask", "worked"), [(0b0000001, [1]), (0b1111111, [1, 2, 3, 4, 5, 6, 7])])
def test_a_week_has_one_working_day_to_seven(mask: int, worked: list[int]) -> None:
    week = calendar.of(mask, None).working_days(date(2026, 6, 1), date(2026, 6, 7))
    assert [day.day for day in week] == worked


@pytest.mark.parametrize("mask", [0, 128, -1])
def test_a_week_needs_a_working_day(mask: int) -> None:
    with pytest.raises(Invalid, match="working day"):
        calendar.of(mask, None)


def test_a_day_off_is_an_iso_date() -> None:
    with pytest.raises(Invalid) as refusal:
        calendar.of(0b0011111, None, days_off=["24.12.2026"])
    assert (refusal.value.field, refusal.value.value) == ("days_off", "24.12.2026")


def test_more_than_a_century_is_not_walked() -> None:
    assert len(list(calendar.days_between(date(1926, 5, 29), date(2026, 5, 28)))) == 36_525
    with pytest.raises(Invalid, match="century"):
        calendar.days_between(date(1926, 5, 29), date(2026, 5, 29))
    with pytest.raises(Invalid, match="century"):
        Calendar().working_days(date(1, 1, 1), date(9999, 12, 31))
