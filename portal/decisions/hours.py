"""How long somebody waited, in the working time of the project. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from portal.projects.calendar import Calendar, days_between


def working_minutes(
    start: datetime, end: datetime, zone: ZoneInfo, calendar: Calendar, day_starts: int, day_ends: int
) -> int:
    """Full minutes between two moments that fall into working time.

    `day_starts` and `day_ends` are minutes after local midnight. A day on which the clocks change counts by what
    really passed. 0 when the end is not after the start.
    """
    if end <= start:
        return 0
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    passed = timedelta()
    for day in days_between(first, last):
        if calendar.is_working(day):
            opens, closes = _moment(day, day_starts, zone), _moment(day, day_ends, zone)
            passed += max(timedelta(), min(end, closes) - max(start, opens))
    return int(passed.total_seconds() // 60)


def _moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    local = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return local.replace(tzinfo=zone).astimezone(UTC)
