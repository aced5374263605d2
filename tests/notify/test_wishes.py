"""When somebody is told: quiet hours, rhythms and defaults, by their own clock."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import Invalid
from portal.notify import rules
from portal.notify.models import NotifyPreference
from portal.notify.preferences import clean, wishes_of
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
        (News.WEEKLY, "2026-11-23T08:00", "2026-11-29T23:59", False),
        (News.NOW, "2026-11-24T12:00", "2026-11-24T12:09", False),
        (News.NOW, "2026-11-24T12:00", "2026-11-24T12:10", True),
        (News.OFF, "2026-11-01T12:00", "2026-11-24T12:10", False),
    ],
)
def test_a_digest_is_due_by_its_rhythm(news, last, now, due):
    assert wishes(news=news).is_digest_due(at(now), at(last)) is due


@pytest.mark.parametrize(("now", "due"), [("06:59", False), ("08:00", False), ("08:59", False), ("09:00", True)])
def test_a_digest_waits_until_quiet_hours_are_over(now, due):
    """At eight it would be due: it comes when the quiet hours from seven to nine end."""
    morning = wishes(quiet=(time(7), time(9)))
    assert morning.is_digest_due(at(f"2026-11-24T{now}"), at("2026-11-23T09:00")) is due


@pytest.mark.parametrize(
    ("asked", "news", "rhythm"),
    [
        (Asked.NOW, News.DAILY, News.DAILY),
        (Asked.DIGEST, News.WEEKLY, News.WEEKLY),
        (Asked.DIGEST, News.OFF, News.DAILY),  # a digest of what waits alone
        (Asked.NOW, News.OFF, News.OFF),
        (Asked.OFF, News.OFF, News.OFF),
        (Asked.OFF, News.NOW, News.NOW),
    ],
)
def test_a_digest_is_made_for_whoever_wishes_anything_in_one(asked, news, rhythm):
    chosen = wishes(asked, news)
    assert chosen.rhythm is rhythm
    assert chosen.wants(Topic.NEWS) is (rhythm is not News.OFF)
    assert chosen.wants(Topic.ASKED) is (asked is not Asked.OFF)


@pytest.mark.parametrize("asked", Asked)
@pytest.mark.parametrize("news", News)
@pytest.mark.parametrize("topic", Topic)
def test_who_left_a_list_wants_nothing_of_it_any_more(asked, news, topic):
    left = wishes(*wishes(asked, news).without(topic))
    if topic is Topic.NEWS or news is not News.OFF or asked is not Asked.DIGEST:
        assert not left.wants(topic)
    assert left.asked in (asked, Asked.OFF)
    assert left.news in (news, News.OFF)


def test_what_somebody_chose_is_their_wish_and_the_rest_is_as_by_default():
    row = NotifyPreference(asked="digest", news=None, quiet_from=time(22), quiet_until=time(7), time_zone=None)
    found = wishes_of(row, "Asia/Tokyo")
    assert found == Wishes(Asked.DIGEST, News.DAILY, (time(22), time(7)), ZoneInfo("Asia/Tokyo"))
    row.time_zone, row.quiet_until, row.news = "Europe/Berlin", None, "off"
    assert wishes_of(row, "Asia/Tokyo") == Wishes(Asked.DIGEST, News.OFF, None, BERLIN)
    assert wishes_of(None, "Asia/Tokyo") == Wishes(Asked.NOW, News.DAILY, None, ZoneInfo("Asia/Tokyo"))


FORM = {"asked": "now", "news": "weekly", "quiet_from": " 22:00 ", "quiet_until": "07:30", "time_zone": " Asia/Tokyo "}


def test_a_form_is_kept_as_the_table_has_it():
    assert clean(FORM) == {
        "asked": "now", "news": "weekly", "quiet_from": time(22), "quiet_until": time(7, 30), "time_zone": "Asia/Tokyo",
    }  # fmt: skip
    none = clean({"asked": "off", "news": "off"})
    assert (none["quiet_from"], none["quiet_until"], none["time_zone"]) == (None, None, None)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("asked", ""), ("asked", "weekly"), ("news", "digest"), ("quiet_from", ""), ("quiet_until", "25:00"),
        ("time_zone", "Mars/Olympus"),
    ],
)  # fmt: skip
def test_a_choice_that_is_none_is_refused_by_its_field(field, wrong):
    with pytest.raises(Invalid) as refused:
        clean(FORM | {field: wrong})
    assert refused.value.field == field


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
