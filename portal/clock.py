"""The only source of "now", and the rules of days."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present moment, aware, UTC."""
    return datetime.now(UTC)


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day of an aware moment in a zone. Days are half-open: midnight belongs to the new day."""
    return moment.astimezone(zone).date()


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day in a zone, as UTC; right across daylight-saving changes."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def rfc3339(moment: datetime) -> str:
    """An aware moment as RFC 3339 UTC with six fractional digits: one spelling, so that digests are stable."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
