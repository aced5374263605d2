"""How long somebody waited, in the working time of the project. Pure."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from portal.clock import day_of
from portal.projects.calendar import Calendar, days_between

MINUTE = timedelta(minutes=1)


def working_minutes(
    start: datetime, end: datetime, zone: ZoneInfo, calendar: Calendar, day_starts: int, day_ends: int
) -> int:
    """Full minutes between two moments that fall into working time.

    `day_starts` and `day_ends` are minutes after local midnight. A day on which the clocks change counts by what
    really passed. 0 when the end is not after the start.
    """
    return minutes_of_each([start], end, zone, calendar, day_starts, day_ends)[0]


def minutes_of_each(
    starts: Sequence[datetime], end: datetime, zone: ZoneInfo, calendar: Calendar, day_starts: int, day_ends: int
) -> list[int]:
    """`working_minutes` from each of many moments to one end, in their order. The days are walked once for all."""

    def worked(day: date, start: datetime) -> timedelta:
        if not calendar.is_working(day):
            return timedelta()
        opens, closes = _moment(day, day_starts, zone), _moment(day, day_ends, zone)
        return max(timedelta(), min(end, closes) - max(start, opens))

    earliest = min(starts, default=end)
    after, total = dict[date, timedelta](), timedelta()
    for day in reversed([*days_between(day_of(earliest, zone), day_of(end, zone))]):
        after[day] = total
        total += worked(day, earliest)
    days = ((start, day_of(start, zone)) for start in starts)
    passed = (worked(day, start) + after.get(day, timedelta()) for start, day in days)
    return [one // MINUTE for one in passed]


def _moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    local = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return local.replace(tzinfo=zone).astimezone(UTC)
