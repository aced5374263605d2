"""Days are the project's days, whatever the clocks of its zone do, and no later edit reaches an earlier one.

The rules are held against a naive reading of the spans: how did the item stand just before the next day began?
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.backlog import burndown, spans
from portal.backlog.burndown import NOTHING, PROJECT, Amounts, Movements, Series, add, day_in, diff, movements
from portal.backlog.models import Category, SeriesKind
from portal.backlog.spans import Change, Facts, Span
from portal.clock import start_of_day
from portal.ledger.models import Audience
from portal.projects.models import Unit

IDS = (UUID(int=1), UUID(int=2))
SERIES: tuple[Series, ...] = (PROJECT, *((kind, one) for kind in list(SeriesKind)[1:] for one in IDS))


class Place(NamedTuple):
    zone: ZoneInfo
    around: datetime
    """A moment at which its clocks are changed."""


PLACES = [
    Place(ZoneInfo("Europe/Berlin"), datetime(2026, 3, 29, 1, tzinfo=UTC)),
    Place(ZoneInfo("Europe/Berlin"), datetime(2026, 10, 25, 1, tzinfo=UTC)),
    Place(ZoneInfo("America/Sao_Paulo"), datetime(2018, 11, 4, 3, tzinfo=UTC)),
    Place(ZoneInfo("America/Sao_Paulo"), datetime(2018, 2, 18, 2, tzinfo=UTC)),
    Place(ZoneInfo("Asia/Shanghai"), datetime(2026, 1, 1, 0, tzinfo=UTC)),
    Place(ZoneInfo("Pacific/Apia"), datetime(2011, 12, 30, 10, tzinfo=UTC)),
    Place(ZoneInfo("America/St_Johns"), datetime(2010, 11, 7, 2, 31, tzinfo=UTC)),
]


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("Europe/Berlin", "2026-06-01T21:59:59.999999", "2026-06-01"),
        ("Europe/Berlin", "2026-06-01T22:00:00", "2026-06-02"),
        ("Europe/Berlin", "2026-03-28T22:59:59", "2026-03-28"),
        ("Europe/Berlin", "2026-03-28T23:00:00", "2026-03-29"),
        ("Europe/Berlin", "2026-03-29T21:59:59", "2026-03-29"),
        ("Europe/Berlin", "2026-10-25T00:30:00", "2026-10-25"),
        ("Europe/Berlin", "2026-10-25T01:30:00", "2026-10-25"),
        ("America/Sao_Paulo", "2018-11-04T02:59:59", "2018-11-03"),
        ("America/Sao_Paulo", "2018-11-04T03:00:00", "2018-11-04"),
        ("America/Sao_Paulo", "2018-02-18T01:30:00", "2018-02-17"),
        ("America/Sao_Paulo", "2018-02-18T02:30:00", "2018-02-17"),
        ("America/Sao_Paulo", "2018-02-18T03:00:00", "2018-02-18"),
        ("Asia/Shanghai", "2025-12-31T16:00:00", "2026-01-01"),
        ("Pacific/Apia", "2011-12-30T09:59:59", "2011-12-29"),
        ("Pacific/Apia", "2011-12-30T10:00:00", "2011-12-31"),
        ("America/St_Johns", "2010-11-07T02:29:59", "2010-11-06"),
        ("America/St_Johns", "2010-11-07T02:30:30", "2010-11-07"),
        ("America/St_Johns", "2010-11-07T02:31:30", "2010-11-07"),
        ("America/St_Johns", "2010-11-07T03:31:00", "2010-11-07"),
    ],
)
def test_a_day_is_half_open_whatever_the_clocks_do(zone: str, moment: str, day: str) -> None:
    assert day_in(datetime.fromisoformat(moment).replace(tzinfo=UTC), ZoneInfo(zone)) == date.fromisoformat(day)


def test_a_day_that_a_zone_skipped_has_no_movement() -> None:
    apia = ZoneInfo("Pacific/Apia")
    born = datetime(2011, 12, 29, 12, tzinfo=UTC)
    known = spans.record([], START, born)
    for hours in range(1, 72):
        known = spans.record(known, START._replace(points=Decimal(hours)), born + timedelta(hours=hours))
    days = {day for _, day, _ in movements(known, apia)}
    assert date(2011, 12, 30) not in days
    assert {date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1)} <= days


START = Facts(Decimal(2), None, Category.TODO, IDS[0], None, Audience.CLIENT)
VALUES = {
    "points": st.sampled_from([None, Decimal(0), Decimal(1), Decimal("2.5")]),
    "hours": st.sampled_from([None, Decimal(4)]),
    "category": st.sampled_from(Category),
    "iteration": st.sampled_from([None, *IDS]),
    "milestone": st.sampled_from([None, *IDS]),
    "audience": st.sampled_from([Audience.CLIENT, Audience.INTERNAL]),
    "present": st.booleans(),
}


def changes_around(place: Place) -> st.SearchStrategy[Change]:
    near = st.one_of(st.integers(-180, 180), st.integers(-4320, 4320)).map(
        lambda minutes: place.around + timedelta(minutes=minutes)
    )
    return st.sampled_from(sorted(VALUES)).flatmap(lambda field: st.builds(Change, near, st.just(field), VALUES[field]))


class Story(NamedTuple):
    place: Place
    lives: list[list[Span]]
    late: Change


def lived(place: Place, changes: list[Change]) -> list[Span]:
    return spans.from_changes(place.around - timedelta(days=4), START, changes)


stories = st.sampled_from(PLACES).flatmap(
    lambda place: st.builds(
        Story,
        st.just(place),
        st.lists(
            st.lists(changes_around(place), max_size=10).map(lambda some: lived(place, some)), min_size=1, max_size=3
        ),
        changes_around(place),
    )
)


def days_of(place: Place) -> Iterator[date]:
    first = day_in(place.around, place.zone) - timedelta(days=6)
    return (first + timedelta(days=count) for count in range(12))


def total_of(story: Story) -> Movements:
    total: Movements = {}
    for one in story.lives:
        add(total, movements(one, story.place.zone))
    return total


def stood(life: list[Span], day: date, zone: ZoneInfo, series: Series, staff: bool) -> Facts | None:
    """The naive reading: the item just before the next day began, if it counted in the series."""
    facts = spans.at(life, start_of_day(day + timedelta(days=1), zone) - timedelta(microseconds=1))
    kind, one = series
    member = (
        facts
        and {SeriesKind.PROJECT: None, SeriesKind.ITERATION: facts.iteration, SeriesKind.MILESTONE: facts.milestone}[
            kind
        ]
        == one
    )
    hidden = facts and not staff and facts.audience is not Audience.CLIENT
    return facts if facts and member and not hidden and facts.present and facts.category != "dropped" else None


def naive(was: Facts | None, now: Facts | None) -> Amounts:
    """A day's movement of points, spelled out."""
    old = (was and was.points) or Decimal(0)
    new = (now and now.points) or Decimal(0)
    was_done = old if was and was.category == "done" else Decimal(0)
    is_done = new if now and now.category == "done" else Decimal(0)
    reopened = was_done if was and now and was.category == "done" and now.category != "done" else Decimal(0)
    return Amounts(
        added=new if not was else Decimal(0),
        removed=old if not now else Decimal(0),
        reestimated=new - old if was and now else Decimal(0),
        done=is_done - was_done + reopened,
        reopened=reopened,
        unestimated=(now is not None and now.points is None) - (was is not None and was.points is None),
    )


def plus(*many: Amounts) -> Amounts:
    return Amounts(*(sum(column) for column in zip(*many, strict=True)))


@given(stories, st.booleans())
def test_each_day_moves_by_the_difference_between_two_ends_of_day(story: Story, staff: bool) -> None:
    total = total_of(story)
    zone = story.place.zone
    audiences = list(Audience)[:2] if staff else [Audience.CLIENT]
    for series in SERIES:
        for day in days_of(story.place):
            kept = plus(*(total.get((series, day, one), NOTHING).of(Unit.POINTS) for one in audiences))
            expected = [
                naive(stood(life, day - timedelta(days=1), zone, series, staff), stood(life, day, zone, series, staff))
                for life in story.lives
            ]
            assert kept == plus(*expected)


@given(stories)
def test_items_and_hours_follow_the_rule_of_points(story: Story) -> None:
    for life in story.lives:
        counted = [span._replace(facts=span.facts._replace(points=Decimal(1))) for span in life]
        timed = [span._replace(facts=span.facts._replace(points=span.facts.hours)) for span in life]
        assert in_unit(Unit.COUNT, life, story) == in_unit(Unit.POINTS, counted, story)
        assert in_unit(Unit.HOURS, life, story) == in_unit(Unit.POINTS, timed, story)


def in_unit(unit: Unit, life: list[Span], story: Story) -> dict[burndown.Place, Amounts]:
    moved = movements(life, story.place.zone)
    return {place: movement.of(unit) for place, movement in moved.items() if any(movement.of(unit))}


@given(stories)
def test_no_later_edit_changes_an_earlier_day(story: Story) -> None:
    zone = story.place.zone
    life = story.lives[0]
    moment = max(story.late.at, life[-1].valid_from)
    edited = spans.record(life, life[-1].facts._replace(**{story.late.field: story.late.value}), moment)
    assert before(day_in(moment, zone), movements(edited, zone)) == before(day_in(moment, zone), movements(life, zone))


@given(stories)
def test_a_late_fact_changes_no_day_before_its_own(story: Story) -> None:
    zone = story.place.zone
    life = story.lives[0]
    late = spans.insert_late(life, story.late)
    day = day_in(story.late.at, zone)
    assert before(day, movements(late, zone)) == before(day, movements(life, zone))


def before(day: date, moved: Movements) -> Movements:
    return {place: movement for place, movement in moved.items() if place[1] < day}


@given(stories)
def test_keeping_the_days_up_gives_what_a_rebuild_gives(story: Story) -> None:
    zone = story.place.zone
    kept: Movements = {}
    lives: list[list[Span]] = []
    for life in story.lives:
        known: list[Span] = []
        for span in life:
            grown = spans.record(known, span.facts, span.valid_from)
            add(kept, diff(movements(known, zone), movements(grown, zone)))
            known = grown
        late = spans.insert_late(known, story.late)
        add(kept, diff(movements(known, zone), movements(late, zone)))
        lives.append(late)
    assert kept == total_of(story._replace(lives=lives))
    assert burndown.NOTHING not in kept.values()
