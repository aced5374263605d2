"""When somebody is told: quiet hours, rhythms and defaults, by their own clock."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import Invalid
from portal.notify import rules
from portal.notify.rules import Asked, News, Topic, Wishes

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Kiritimati", "America/St_Johns", "Australia/Lord_Howe")


def wishes(asked=Asked.NOW, news=News.DAILY, quiet=None, zone=BERLIN):
    return Wishes(asked, news, quiet, zone)


def at(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def test_what_waits_comes_at_once_and_the_rest_daily_unless_somebody_chose_otherwise():
    found = rules.wishes(asked=None, news=None, quiet=(None, None), zone="UTC")
    assert (found.asked, found.news, found.quiet) == (Asked.NOW, News.DAILY, None)


@pytest.mark.parametrize(
    ("begin", "end", "moment", "loud"),
    [
        (time(22), time(7), "2026-11-24T21:59", "2026-11-24T21:59"),
        (time(22), time(7), "2026-11-24T22:00", "2026-11-25T07:00"),
        (time(22), time(7), "2026-11-25T06:59", "2026-11-25T07:00"),
        (time(22), time(7), "2026-11-25T07:00", "2026-11-25T07:00"),
        (time(12), time(13, 30), "2026-11-25T12:15", "2026-11-25T13:30"),
        (time(12), time(13, 30), "2026-11-25T11:59", "2026-11-25T11:59"),
        (time(22), time(7), "2026-03-28T23:00", "2026-03-29T07:00"),  # the night in which summer time begins
        (time(22), time(7), "2026-10-24T23:00", "2026-10-25T07:00"),  # and ends
    ],
)
def test_quiet_hours_hold_back_until_they_end(begin, end, moment, loud):
    assert wishes(quiet=(begin, end)).first_loud(at(moment)) == at(loud)


@given(
    moment=st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    quiet=st.tuples(st.times(), st.times()).filter(lambda two: two[0] != two[1]),
    zone=st.sampled_from(ZONES),
)
def test_nothing_is_held_back_for_more_than_a_day_or_sent_before_its_time(moment, quiet, zone):
    loud = wishes(quiet=quiet, zone=ZoneInfo(zone)).first_loud(moment)
    assert moment <= loud or (moment - loud) <= timedelta(hours=1)  # a quiet hour that the clock skips or repeats
    assert loud - moment <= timedelta(hours=25)


@pytest.mark.parametrize(
    ("news", "last", "now", "due"),
    [
        (News.DAILY, "2026-11-23T08:00", "2026-11-24T07:59", False),
        (News.DAILY, "2026-11-23T08:00", "2026-11-24T08:00", True),
        (News.DAILY, "2026-11-24T08:00", "2026-11-24T20:00", False),
        (News.DAILY, "2026-11-20T08:00", "2026-11-24T03:00", True),  # the portal was down for days
        (News.WEEKLY, "2026-11-23T08:00", "2026-11-30T07:59", False),
        (News.WEEKLY, "2026-11-23T08:00", "2026-11-30T08:00", True),
        (News.WEEKLY, "2026-11-22T08:00", "2026-11-25T12:00", True),
        (News.NOW, "2026-11-24T12:00", "2026-11-24T12:09", False),
        (News.NOW, "2026-11-24T12:00", "2026-11-24T12:10", True),
        (News.OFF, "2026-11-01T12:00", "2026-11-24T12:10", False),
    ],
)
def test_a_digest_is_due_by_its_rhythm(news, last, now, due):
    assert wishes(news=news).is_digest_due(at(now), at(last)) is due


def test_leaving_a_digest_that_carries_both_leaves_both():
    assert wishes(asked=Asked.DIGEST).without(Topic.NEWS) == (Asked.OFF, News.OFF)
    assert wishes().without(Topic.NEWS) == (Asked.NOW, News.OFF)
    assert wishes().without(Topic.ASKED) == (Asked.OFF, News.DAILY)


@pytest.mark.parametrize(("begin", "end"), [("", ""), ("  ", "")])
def test_no_quiet_hours_are_none(begin, end):
    assert rules.clean_quiet(begin, end) == (None, None)


@pytest.mark.parametrize(
    ("begin", "end"), [("22:00", ""), ("", "7"), ("24:00", "07:00"), ("07:00", "07:00"), ("٢٢:٠٠x", "1")]
)
def test_quiet_hours_that_are_none_are_refused(begin, end):
    with pytest.raises(Invalid):
        rules.clean_quiet(begin, end)
