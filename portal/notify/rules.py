"""When somebody is told of something: their wishes, their quiet hours, their digests. Pure."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, available_timezones

from portal.errors import Invalid

DIGEST_AT = time(8)
"""When digests leave, by the person's clock; later when that is a quiet hour."""
DIGEST_WEEKDAY = 0
"""Weekly digests leave on Mondays."""
TOGETHER = timedelta(minutes=10)
"""Who wishes all news at once gets what happens within so long in one mail."""


class Topic(StrEnum):
    """The two lists that a person can leave: what waits for them, and everything else."""

    ASKED = "asked"
    NEWS = "news"


class Asked(StrEnum):
    """When somebody hears of what waits for them."""

    NOW = "now"
    DIGEST = "digest"
    OFF = "off"


class News(StrEnum):
    """When somebody hears of everything else."""

    NOW = "now"
    DAILY = "daily"
    WEEKLY = "weekly"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one person wishes, with the defaults filled in. `quiet` is from–until by the clock of `zone`."""

    asked: Asked
    news: News
    quiet: tuple[time, time] | None
    zone: ZoneInfo

    @property
    def rhythm(self) -> News:
        """How often a digest is made. One for what waits alone (news are off) is made daily; OFF: none at all."""
        if self.news is News.OFF and self.asked is Asked.DIGEST:
            return News.DAILY
        return self.news

    def wants(self, topic: Topic) -> bool:
        """Whether mails of a topic may be sent at all."""
        return self.asked is not Asked.OFF if topic is Topic.ASKED else self.rhythm is not News.OFF

    def without(self, topic: Topic) -> tuple[Asked, News]:
        """The choices after leaving a list. A digest that carries both is one list: leaving it leaves both."""
        if topic is Topic.ASKED:
            return Asked.OFF, self.news
        return (Asked.OFF if self.asked is Asked.DIGEST else self.asked), News.OFF

    def first_loud(self, moment: datetime) -> datetime:
        """The moment itself, or the end of the quiet hours that it lies in."""
        if self.quiet is None:
            return moment
        begin, end = self.quiet
        local = moment.astimezone(self.zone)
        now = local.time().replace(tzinfo=None)
        if not (begin <= now < end if begin < end else now >= begin or now < end):
            return moment
        day = local.date() + timedelta(days=1 if now >= end else 0)
        return datetime.combine(day, end, tzinfo=self.zone).astimezone(moment.tzinfo)

    def is_digest_due(self, now: datetime, last: datetime) -> bool:
        """Whether a digest is to be made at `now`, when the last one was made at `last`."""
        if self.rhythm is News.OFF or self.first_loud(now) > now:
            return False
        if self.rhythm is News.NOW:
            return now - last >= TOGETHER
        return last < self._slot_before(now)

    def _slot_before(self, now: datetime) -> datetime:
        local = now.astimezone(self.zone)
        back = 0 if local.time().replace(tzinfo=None) >= DIGEST_AT else 1
        if self.rhythm is News.WEEKLY:
            back += (local.date() - timedelta(days=back)).weekday() - DIGEST_WEEKDAY
        return datetime.combine(local.date() - timedelta(days=back), DIGEST_AT, tzinfo=self.zone)


def wishes(*, asked: str | None, news: str | None, quiet: tuple[time | None, time | None], zone: str) -> Wishes:
    """A person's wishes from what they chose. Not chosen: what waits at once, all else daily; without quiet hours."""
    begin, end = quiet
    return Wishes(
        asked=Asked(asked) if asked else Asked.NOW,
        news=News(news) if news else News.DAILY,
        quiet=(begin, end) if begin is not None and end is not None else None,
        zone=ZoneInfo(zone),
    )


def clean_quiet(begin: str, end: str) -> tuple[time, time] | tuple[None, None]:
    """Quiet hours as two times of the day, or none when both are empty. Raises Invalid."""
    if not begin.strip() and not end.strip():
        return None, None
    first, last = _clock_time(begin, "quiet_from"), _clock_time(end, "quiet_until")
    if first == last:
        raise Invalid("Quiet hours end at another time than they begin.", field="quiet_until", value=end)
    return first, last


def _clock_time(text: str, field: str) -> time:
    try:
        return datetime.strptime(text.strip()[:5], "%H:%M").time()  # noqa: DTZ007 - a time of the day has no zone
    except ValueError:
        raise Invalid("A time of the day is written like 22:00.", field=field, value=text) from None


def clean_zone(text: str) -> str | None:
    """An IANA time zone, or None for an empty one. Raises Invalid."""
    zone = text.strip()
    if zone and zone not in available_timezones():
        raise Invalid("A time zone is written like Europe/Berlin.", field="time_zone", value=text)
    return zone or None


def clean_choice(kind: type[StrEnum], text: str, field: str) -> str:
    """One of an enumeration's values. Raises Invalid."""
    if text not in set(kind):
        raise Invalid(f"Choose one of {', '.join(kind)}.", field=field, value=text)
    return text
