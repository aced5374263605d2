"""Numbers, amounts and days as a page writes them in its language."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal import money
from portal.billing.words import LANGUAGES
from portal.money import Money


@dataclass(frozen=True, slots=True)
class Figures:
    """How a language of `LANGUAGES` writes figures. Amounts carry their currency's code: a sign can mean several."""

    language: str

    @property
    def locale(self) -> str:
        """The locale whose rules are used."""
        return LANGUAGES[self.language][2]

    def number(self, value: Decimal, least: int, most: int) -> str:
        """A number with at least and at most so many places."""
        from babel.numbers import format_decimal

        pattern = "#,##0" + ("." + "0" * least + "#" * (most - least) if most else "")
        return str(format_decimal(value, pattern, locale=self.locale)).replace("-", "−")

    def plain(self, amount: Money) -> str:
        """An amount with all places of its currency, without its code."""
        places = money.places_of(amount.currency)
        return self.number(Decimal(amount.amount), places, places)

    def amount(self, amount: Money) -> str:
        """An amount with its currency: `1,234.50 EUR`."""
        return f"{self.plain(amount)}\u00a0{amount.currency}"

    def percent(self, rate: Decimal) -> str:
        """A rate: `19%`, `19 %`."""
        return self.number(rate, 0, 4) + ("\u00a0%" if self.language in ("de", "ru") else "%")

    def day(self, day: date) -> str:
        """A day: `26 November 2026`."""
        from babel.dates import format_date

        return str(format_date(day, "long", locale=self.locale))

    def period(self, starts_on: date | None, ends_on: date | None) -> str:
        """From a day to another, or the one that is given: `1 – 26 Nov 2026`."""
        from babel.dates import format_interval

        if starts_on and ends_on:
            return str(format_interval(starts_on, ends_on, "yMMMd", locale=self.locale))
        return "".join(self.day(one) for one in (starts_on, ends_on) if one)
