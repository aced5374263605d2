"""Which days are worked: the days of the week, public holidays, and a project's own days. Pure.

Days off flatten the ideal line and stretch a forecast; they never hide what was done on them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from portal.errors import Invalid
from portal.projects.models import MONDAY_TO_FRIDAY

ONE_DAY = timedelta(days=1)
MOST_DAYS = 36_525
"""The longest stretch that is walked day by day: a century."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working days of a project. Bit 0 of `weekdays` is Monday; `region` as in `check_region`.

    What the project says itself (`days_off`, `days_on`) wins over public holidays, and those over the week.
    """

    weekdays: int = MONDAY_TO_FRIDAY
    region: str | None = None
    days_off: frozenset[date] = frozenset()
    days_on: frozenset[date] = frozenset()

    def is_working(self, day: date) -> bool:
        """Whether the project works on a day."""
        if day in self.days_on:
            return True
        if day in self.days_off:
            return False
        public = _public(self.region, day.year) if self.region else _NONE
        return day not in public.free and (bool(self.weekdays >> day.weekday() & 1) or day in public.made_up)

    def working_days(self, first: date, last: date) -> list[date]:
        """The working days from `first` to `last`, both included. Raises Invalid for more than a century."""
        return [day for day in days_between(first, last) if self.is_working(day)]

    def after(self, day: date, count: int, *, horizon: int) -> date | None:
        """The `count`-th working day after `day` (`day` itself for 0), or None beyond `horizon` calendar days."""
        end = day + timedelta(days=min(horizon, (date.max - day).days))
        while count > 0 and day < end:
            day += ONE_DAY
            count -= self.is_working(day)
        return day if count <= 0 else None


def of(weekdays: int, region: str | None, days_off: Iterable[str] = (), days_on: Iterable[str] = ()) -> Calendar:
    """The calendar of a project as it is stored: a mask of weekdays, a region, ISO dates off and on.

    Raises Invalid for a week without a working day, an unknown region or a date that is none.
    """
    if not 1 <= weekdays <= 0b1111111:
        raise Invalid("At least one day of the week must be a working day.", field="working_days", value=weekdays)
    region = check_region(region) if region else None
    return Calendar(weekdays, region, _dates(days_off, "days_off"), _dates(days_on, "days_on"))


def check_region(region: str) -> str:
    """A region whose public holidays are known: an ISO 3166 country (`DE`), or `DE-BY` for a part of it.

    Raises Invalid, naming the parts of the country that are known.
    """
    country, dash, part = region.partition("-")
    parts = _parts(country) if len(country) == 2 else None  # the library knows some by three letters too
    if parts is None:
        raise Invalid(
            "No public holidays are known for that country; give its two ISO 3166 letters, such as DE, or none.",
            field="holidays",
            value=region,
        )
    if dash and part not in parts:
        right = ", ".join(parts) or "none"
        raise Invalid(f"{country} has no such part; known parts: {right}.", field="holidays", value=region)
    return region


def days_between(first: date, last: date) -> Iterator[date]:
    """Each calendar day from `first` to `last`, both included. Raises Invalid for more than a century."""
    count = (last - first).days + 1
    if count > MOST_DAYS:
        raise Invalid("The last day is more than a century after the first.", field="last", value=last.isoformat())
    return (first + timedelta(days=step) for step in range(count))


@lru_cache(maxsize=512)
def _parts(country: str) -> tuple[str, ...] | None:
    """The known parts of a country, or None where the country is unknown. The first call loads the library, once."""
    import holidays

    try:
        return tuple(holidays.country_holidays(country).subdivisions)
    except NotImplementedError:
        return None


class _Public(NamedTuple):
    free: frozenset[date]
    made_up: frozenset[date]
    """Days of a weekend that are worked to make up for a bridge day, as in China or Russia."""


_NONE = _Public(frozenset(), frozenset())


@lru_cache(maxsize=512)
def _public(region: str, year: int) -> _Public:
    """A region's public holidays in a year. The library knows nothing outside its own range of years: no holidays."""
    import holidays

    country, _, part = region.partition("-")
    known = holidays.country_holidays(country, subdiv=part or None, years=year)
    return _Public(frozenset(known), frozenset(getattr(known, "weekend_workdays", ())))


def _dates(values: Iterable[str], field: str) -> frozenset[date]:
    return frozenset(_date(value, field) for value in values)


def _date(value: str, field: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Invalid(f"{field} must be ISO dates such as 2026-12-24.", field=field, value=value) from None
