"""Times and days as sources write them. Pure."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from itertools import product
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale

from portal.connectors.losses import Losses
from portal.errors import Invalid

EARLIEST_YEAR, LATEST_YEAR = 1970, 2200
Order = Literal["day first", "month first"]

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "ru", "pl")

_NUMERIC = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?:,?\s+(.+))?")
_NAMED = re.compile(r"(\d{1,2})[/ .-]([^\W\d_]{2,12})\.?[/ .-](\d{4}|\d{2})(?:,?\s+(.+))?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?\s*([AaPp]\.?[Mm]\.?)?")


class Zoned:
    """Reads times; those without a zone are taken to be in `zone`, which is said once."""

    def __init__(self, zone: ZoneInfo, losses: Losses) -> None:
        self.zone = zone
        self.losses = losses

    def iso(self, value: object, where: str) -> datetime:
        """An ISO 8601 time. Raises Invalid naming the place."""
        moment = None
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value.strip())
            except ValueError:
                moment = None
        if moment is None:
            raise Invalid(f"{where}: {str(value)[:60]!r} is no time such as 2023-04-01T12:00:00Z.", field=where)
        return self.checked(moment, where)

    def checked(self, moment: datetime, where: str) -> datetime:
        """A time with its zone and a believable year. Raises Invalid naming the place."""
        if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
            raise Invalid(f"{where}: the year {moment.year} is a mistake.", field=where, value=moment.isoformat())
        if moment.tzinfo is None:
            self.losses.changed("time without a zone", where, f"read as {self.zone.key}")
            moment = moment.replace(tzinfo=self.zone)
        return moment


@lru_cache(maxsize=1)
def _months() -> dict[str, int]:
    """The names of months, short and long, in the languages that trackers are used in."""
    names: dict[str, int] = {}
    for language, kind, width in product(LANGUAGES, ("format", "stand-alone"), ("abbreviated", "wide")):
        for number, name in Locale(language).months[kind][width].items():
            names.setdefault(name.casefold().rstrip("."), number)
    return names


def order_of(values: Iterable[tuple[str, str]], wanted: bool | None) -> tuple[Order, str]:
    """Whether the days or the months come first in these (place, text) of a file, and why.

    Decided over all values: one day above 12 decides. Raises Invalid when they contradict each other.
    """
    numeric = False
    day_first: str | None = None
    month_first: str | None = None
    for where, text in values:
        found = _NUMERIC.fullmatch(text.strip())
        numeric = numeric or found is not None
        if found and int(found[1]) > 12:
            day_first = day_first or f"{text!r} at {where}"
        if found and int(found[3]) > 12:
            month_first = month_first or f"{text!r} at {where}"
    if day_first and month_first:
        raise Invalid(
            f"The dates contradict each other: {day_first} begins with the day, {month_first} with the month.",
            field="dates",
        )
    if wanted is not None:
        return ("day first" if wanted else "month first"), "the mapping file says so"
    if month_first:
        return "month first", f"because of {month_first}"
    why = "a guess: no date decides it" if numeric else "their months have names"
    return "day first", f"because of {day_first}" if day_first else why


def parse(text: str, order: Order, where: str) -> datetime:
    """A time of a CSV cell, without a zone unless it is ISO with one. Raises Invalid naming the place."""
    text = text.strip()
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return _parsed(text, order)
    except (ValueError, KeyError):
        raise Invalid(
            f"{where}: {text[:60]!r} is no date such as 2023-07-20 15:25 or 20/Jul/23 3:25 PM.",
            field=where,
            value=text[:60],
        ) from None


def _parsed(text: str, order: Order) -> datetime:
    if found := _NAMED.fullmatch(text):
        day, month = int(found[1]), _months()[found[2].casefold()]
        year, clock = found[3], found[4]
    elif found := _NUMERIC.fullmatch(text):
        first, second = int(found[1]), int(found[3])
        day, month = (first, second) if order == "day first" else (second, first)
        year, clock = found[4], found[5]
    else:
        raise ValueError
    full = int(year) if len(year) == 4 else 2000 + int(year) - (100 if int(year) >= 69 else 0)
    hour, minute, second = _clock(clock)
    return datetime(full, month, day, hour, minute, second)  # noqa: DTZ001 the zone is added by the caller


def _clock(text: str | None) -> tuple[int, int, int]:
    if text is None:
        return 0, 0, 0
    found = _CLOCK.fullmatch(text)
    if not found:
        raise ValueError
    hour, half = int(found[1]), (found[4] or "").lower()[:1]
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return hour, int(found[2]), int(found[3] or 0)


def iso_day(value: object) -> date | None:
    """An ISO day, or None for what is none."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
