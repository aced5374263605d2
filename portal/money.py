"""Money: a whole number of a currency's smallest units with its ISO 4217 code. Exact decimals beside it; never a float.

Rounding happens in two places, both here and both "half up" as EN 16931 has it, away from zero, so that a line and its
reversal cancel out to the cent: a line's net (quantity times unit price), and the tax on a sum of nets.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from portal.errors import Invalid


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


WITHOUT_MINOR_UNIT = _codes("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF")
WITH_THREE_PLACES = _codes("BHD IQD JOD KWD LYD OMR TND")
WITH_TWO_PLACES = _codes(
    """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP
    CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS
    KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD
    PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP
    TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"""
)
"""ISO 4217's minor units, written down: the tables that format numbers (CLDR) differ from it for a dozen currencies.
Codes of funds, metals and currencies that are withdrawn are left out: nobody is paid in them."""
CURRENCIES = WITHOUT_MINOR_UNIT | WITH_TWO_PLACES | WITH_THREE_PLACES

MOST_MINOR = 10**15 - 1
"""The largest amount, in minor units; both databases and every JSON reader keep it exactly."""
QUANTITY_PLACES = 4
PRICE_PLACES = 6
RATE_PLACES = 4
MOST_QUANTITY = Decimal(1_000_000)
MOST_PRICE = Decimal(10**9)
MOST_RATE = Decimal(100)

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?", re.ASCII)
_EXACT = Context(prec=60)
"""Wide enough for any product of what is accepted, so that only the written rounding rounds."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency. Sums and differences of two currencies are a fault of the program: ValueError."""

    minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} cannot be added up")

    @property
    def amount(self) -> str:
        """The amount as plain text with all places of its currency: `1234.50`, `-3`, `0.125`."""
        places = places_of(self.currency)
        digits = str(abs(self.minor)).rjust(places + 1, "0")
        whole, part = (digits[:-places], "." + digits[-places:]) if places else (digits, "")
        return ("-" if self.minor < 0 else "") + whole + part

    def shown(self) -> dict[str, str]:
        """How the API writes it: `{"amount": "1234.50", "currency": "EUR"}`."""
        return {"amount": self.amount, "currency": self.currency}


def places_of(currency: str) -> int:
    """How many decimal places a currency has: 0, 2 or 3. The caller has checked the code."""
    return 0 if currency in WITHOUT_MINOR_UNIT else 3 if currency in WITH_THREE_PLACES else 2


def check_currency(code: Any, field: str = "currency") -> str:
    """An ISO 4217 code that is in use. Raises Invalid."""
    if not isinstance(code, str) or code not in CURRENCIES:
        raise Invalid(f"{field} must be an ISO 4217 code such as EUR.", field=field, value=code)
    return code


def parse(text: Any, currency: str, field: str = "amount") -> Money:
    """An amount from text, in a currency that was checked: plain digits, a point, no more places than it has.

    Raises Invalid naming `field` for a float, NaN, an exponent, a sign or separator that does not belong, too many
    places or digits.
    """
    places = places_of(currency)
    value = decimal(text, field, places=places, least=None, most=Decimal(MOST_MINOR).scaleb(-places))
    return Money(int(value.scaleb(places, _EXACT)), currency)


def decimal(
    text: Any, field: str, *, places: int, most: Decimal, least: Decimal | None = Decimal(0)
) -> Decimal:  # fmt: skip
    """An exact decimal from text, between `least` (None: the negative of `most`) and `most`. Raises Invalid."""
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        right = "a decimal as text in plain digits, such as 1234.50"
        raise Invalid(f"{field} must be {right}.", field=field, value=str(text)[:40])
    value = Decimal(text)
    if -value.as_tuple().exponent > places:  # type: ignore[operator]  # a finite number's exponent is an int
        most_places = f"at most {places} decimal places" if places else "no decimal places"
        raise Invalid(f"{field} may have {most_places}.", field=field, value=text)
    lowest = -most if least is None else least
    if not lowest <= value <= most:
        raise Invalid(f"{field} must be between {lowest:f} and {most:f}.", field=field, value=text)
    return abs(value) if value == 0 else value


def line_net(quantity: Decimal, unit_price: Decimal, currency: str, field: str = "quantity") -> Money:
    """A line's net: the exact product, rounded once, half up, to the currency's minor unit (EN 16931, BT-131).

    Raises Invalid for an amount too large to be kept.
    """
    return _rounded(_EXACT.multiply(quantity, unit_price), currency, field)


def tax_on(net: Money, rate: Decimal) -> Money:
    """The tax on a sum of nets of one category and rate (percent), rounded half up (EN 16931, BR-CO-17)."""
    exact = _EXACT.multiply(Decimal(net.minor).scaleb(-places_of(net.currency)), rate.scaleb(-2))
    return _rounded(exact, net.currency, "tax_rate")


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of amounts of one currency; nothing at all is nought."""
    summed = Money(0, currency)
    for one in amounts:
        summed += one
    return summed


def check_most(money: Money, field: str) -> Money:
    """An amount that can be kept. Raises Invalid."""
    if abs(money.minor) > MOST_MINOR:
        raise Invalid(f"{field} comes to more than can be kept.", field=field, value=money.amount)
    return money


def _rounded(value: Decimal, currency: str, field: str) -> Money:
    minor = value.scaleb(places_of(currency), _EXACT).to_integral_value(ROUND_HALF_UP)
    return check_most(Money(int(minor), currency), field)
