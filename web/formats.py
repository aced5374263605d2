"""Dates, times and numbers as people of each language write them. A page says the same day many times: kept."""

from copy import copy
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import cast
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, get_timezone_name
from babel.numbers import NumberPattern, format_decimal
from babel.units import format_unit

from portal.money import PRICE_PLACES, Money, places_of

NOTHING = "–"


PATTERNS: dict[str, dict[str, str]] = {
    "en": {"day": "d MMM y", "short": "d MMM", "long": "EEEE, d MMMM y", "moment": "d MMM y, HH:mm",
           "month": "MMM y"},
    "zh_CN": {"day": "y年M月d日", "short": "M月d日", "long": "y年M月d日 EEEE", "moment": "y年M月d日 HH:mm",
              "month": "y年M月"},
    "ru": {"day": "d MMM y", "short": "d MMM", "long": "EEEE, d MMMM y", "moment": "d MMM y, HH:mm",
           "month": "LLL y"},
}  # fmt: skip
"""Day before month and the hour in 24, so that a date reads the same on both sides of an ocean."""


@lru_cache(4096)
def day(value: date | None, locale: str, style: str = "day") -> str:
    """A calendar day; a dash for none. `style` is `day`, `short` (no year), `month` or `long` (with the weekday)."""
    return NOTHING if value is None else format_date(value, PATTERNS[locale][style], locale=locale)


@lru_cache(4096)
def moment(value: datetime | None, zone: str, locale: str) -> str:
    """A moment as date and minute on the project's clock."""
    if value is None:
        return NOTHING
    return format_datetime(value, PATTERNS[locale]["moment"], tzinfo=ZoneInfo(zone), locale=locale)


@lru_cache(64)
def zone_name(zone: str, locale: str) -> str:
    """What people call a time zone: `Germany Time`, `Московское время`."""
    return get_timezone_name(ZoneInfo(zone), width="long", locale=locale, zone_variant="generic", return_zone=False)


@lru_cache(4096)
def number(value: Decimal | int | None, locale: str) -> str:
    """A number with at most three places; a dash for none (no estimate is not zero)."""
    return NOTHING if value is None else format_decimal(value, "#,##0.###", locale=locale)


@lru_cache(4096)
def exact(value: Decimal, locale: str) -> str:
    """A number with all places that it has, up to six: a quantity, a rate."""
    return format_decimal(value, "#,##0.######", locale=locale)


@lru_cache(1024)
def money(minor: int, currency: str, locale: str) -> str:
    """An amount given in the currency's minor units, with all places that ISO 4217 gives it (CLDR gives some fewer)."""
    amount = Decimal(Money(minor, currency).amount)
    return _with_currency(amount, currency, locale, places_of(currency))


@lru_cache(1024)
def price(value: Decimal, currency: str, locale: str) -> str:
    """A price of one unit: the places of its currency, or as many more as it has."""
    return _with_currency(value, currency, locale, PRICE_PLACES)


def _with_currency(value: Decimal, currency: str, locale: str, most: int) -> str:
    pattern = _money_pattern(locale, places_of(currency), most)
    return str(pattern.apply(value, locale, currency=currency, currency_digits=False))


@lru_cache(16)
def _money_pattern(locale: str, least: int, most: int) -> NumberPattern:
    pattern = copy(Locale.parse(locale).currency_formats["standard"])
    pattern.frac_prec = (least, most)
    return cast(NumberPattern, pattern)


@lru_cache(1024)
def working_time(minutes: int, locale: str) -> str:
    """Working time in hours, to the quarter of an hour below ten of them: `2.5 hours`, `14 hours`."""
    hours = Decimal(minutes) / 60
    shown = round(hours * 4) / Decimal(4) if hours < 10 else Decimal(round(hours))
    return format_unit(shown, "duration-hour", length="long", locale=locale)
