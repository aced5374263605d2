"""Times as sources write them: which number is the day, what a month's name is, and what is no time at all."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from portal.connectors.losses import Loss, Losses
from portal.connectors.moments import Zoned, iso_day, order_of, parse
from portal.errors import Invalid

BERLIN = ZoneInfo("Europe/Berlin")
GUESS, NAMES = "a guess: no date decides it", "their months have names"


@pytest.mark.parametrize(
    ("texts", "order", "why"),
    [
        (["12/12/2023"], "day first", GUESS),
        (["13/12/2023"], "day first", "because of '13/12/2023' at line 1"),
        (["12/13/2023"], "month first", "because of '12/13/2023' at line 1"),
        (["01/02/2023", "14.02.23", "15/02/2023"], "day first", "because of '14.02.23' at line 2"),
        (["01/02/2023", "02-14-2023", "02/15/2023"], "month first", "because of '02-14-2023' at line 2"),
        ([" 12/13/2023 "], "month first", "because of ' 12/13/2023 ' at line 1"),
        (["3/Apr/23", "13/Apr/23", "2023-04-13"], "day first", NAMES),
        (["03/04/2023", "3/Apr/23"], "day first", GUESS),
        ([], "day first", NAMES),
    ],
)
def test_the_first_number_beyond_twelve_decides_which_one_is_the_day(texts, order, why):
    assert order_of([(f"line {at}", text) for at, text in enumerate(texts, 1)], None) == (order, why)


@pytest.mark.parametrize(("wanted", "order"), [(True, "day first"), (False, "month first")])
def test_the_mapping_file_decides_over_the_dates(wanted, order):
    assert order_of([("line 1", "03/04/2023")], wanted) == (order, "the mapping file says so")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("3/Apr/23", "2023-04-03T00:00:00"),
        (" 3 April 2023 ", "2023-04-03T00:00:00"),
        ("3-ABR-23", "2023-04-03T00:00:00"),
        ("3/апр./23", "2023-04-03T00:00:00"),
        ("03/04/2023", "2023-04-03T00:00:00"),
        ("2023-04-03T15:25:07+00:00", "2023-04-03T15:25:07+00:00"),
        ("3/Apr/23 15:25:07.123", "2023-04-03T15:25:07"),
        ("3/Apr/23, 3:25 PM", "2023-04-03T15:25:00"),
        ("3/Apr/23   3:25 p.m.", "2023-04-03T15:25:00"),
        ("3/Apr/23 12:05 AM", "2023-04-03T00:05:00"),
        ("3/Apr/23 12:05 PM", "2023-04-03T12:05:00"),
        ("3/Apr/68", "2068-04-03T00:00:00"),
        ("3/Apr/69", "1969-04-03T00:00:00"),
        ("3/Apr/99", "1999-04-03T00:00:00"),
        ("3/Apr/1968", "1968-04-03T00:00:00"),
    ],
)
def test_a_time_is_read_as_people_write_it(text, moment):
    assert parse(text, "day first", "line 2").isoformat() == moment


def test_where_the_month_comes_first_it_is_read_first():
    assert parse("03/04/2023 09:30", "month first", "line 2").isoformat() == "2023-03-04T09:30:00"


@pytest.mark.parametrize(
    "text",
    ["", "soon", "3/Flumph/23", "31/02/2023", "13/13/2023", "3/Apr/23 at noon", "3/Apr/23 25:00", "3/4", "x" * 99],
)
def test_what_is_no_time_is_refused_with_its_place_and_not_more_of_it_than_sixty_characters(text):
    with pytest.raises(Invalid) as refused:
        parse(text, "day first", "line 2")
    assert (refused.value.field, refused.value.value) == ("line 2", text[:60])
    assert refused.value.message.startswith(f"line 2: {text[:60]!r} is no date such as")


def test_an_iso_time_keeps_its_zone_and_loses_nothing():
    losses = Losses()
    assert Zoned(BERLIN, losses).iso(" 2023-04-03T12:00:00Z ", "QP-1") == datetime(2023, 4, 3, 12, tzinfo=UTC)
    assert losses.all() == ()


def test_a_time_without_a_zone_is_in_the_projects_and_that_is_said():
    losses = Losses()
    read = Zoned(BERLIN, losses).iso("2023-04-03T12:00:00", "QP-1")
    assert (read.isoformat(), read.tzinfo) == ("2023-04-03T12:00:00+02:00", BERLIN)
    assert losses.all() == (Loss("time without a zone", "changed", "read as Europe/Berlin", 1, ("QP-1",)),)


@pytest.mark.parametrize("value", [None, 7, "", "yesterday", "x" * 99])
def test_what_is_no_iso_time_is_refused_with_its_place(value):
    with pytest.raises(Invalid) as refused:
        Zoned(BERLIN, Losses()).iso(value, "QP-1, created")
    assert refused.value.field == "QP-1, created"
    assert refused.value.message.startswith(f"QP-1, created: {str(value)[:60]!r} is no time such as")


@pytest.mark.parametrize(("year", "believed"), [(1969, False), (1970, True), (2200, True), (2201, False)])
def test_a_year_that_nobody_tracked_work_in_is_a_mistake(year, believed):
    if believed:
        assert Zoned(BERLIN, Losses()).iso(f"{year}-06-01T00:00:00Z", "QP-1").year == year
        return
    with pytest.raises(Invalid, match=f"QP-1: the year {year} is a mistake"):
        Zoned(BERLIN, Losses()).iso(f"{year}-06-01T00:00:00Z", "QP-1")


@pytest.mark.parametrize(
    ("value", "day"),
    [("2023-04-03", date(2023, 4, 3)), ("2023-04-03T23:59:59Z", date(2023, 4, 3)), ("2023-04-3", None), (None, None),
     (20230403, date(2023, 4, 3)), ("", None)],
)  # fmt: skip
def test_a_day_is_the_beginning_of_an_iso_time_or_none(value, day):
    assert iso_day(value) == day
