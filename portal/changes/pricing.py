"""What a price is made of: lines, their nets, the taxes on them, and alternatives. Pure.

Arithmetic as in EN 16931: a line's net is quantity times unit price rounded once; the net of all is their sum; tax is
worked out once for each category and rate on the sum of its nets, never line by line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portal import money
from portal.changes.models import DAY_PLACES, TaxCategory
from portal.errors import Invalid
from portal.money import Money
from portal.projects.rules import check_name, check_text

UNITS = frozenset({"HUR", "MIN", "DAY", "WEE", "MON", "QAN", "ANN", "C62", "EA", "LS", "E48", "KMT"})
"""Codes of UN/ECE Recommendation 20 that work is sold in."""
KEYS = "ABCDE"
"""What alternatives are called, in their order; so many there may be."""
MOST_LINES = 100
MOST_DAYS = Decimal(10_000)
LINE_FIELDS = frozenset({"text", "quantity", "unit", "unit_price", "tax_category", "tax_rate"})
UNTAXED = frozenset(TaxCategory) - {TaxCategory.STANDARD, TaxCategory.CANARY_ISLANDS, TaxCategory.CEUTA_AND_MELILLA}
"""Categories in which no tax is charged (EN 16931, BR-Z-05, BR-E-05, BR-AE-05, BR-IC-05, BR-G-05, BR-O-05)."""


@dataclass(frozen=True, slots=True)
class Line:
    """Work at a price. A negative quantity takes something away; a price is never negative (EN 16931, BR-27)."""

    text: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    tax_category: TaxCategory
    tax_rate: Decimal
    net: Money


@dataclass(frozen=True, slots=True)
class Tax:
    """The tax of one category and rate."""

    category: TaxCategory
    rate: Decimal
    net: Money
    tax: Money


@dataclass(frozen=True, slots=True)
class Sums:
    """What lines come to."""

    net: Money
    taxes: tuple[Tax, ...]
    gross: Money


def lines(given: Sequence[Mapping[str, Any]], currency: str, place: str = "lines") -> tuple[Line, ...]:
    """The lines that somebody wrote, numbers as text. Raises Invalid naming the place (`lines[3].quantity`)."""
    if len(given) > MOST_LINES:
        raise Invalid(f"At most {MOST_LINES} lines.", field=place, value=len(given))
    return tuple(_line(one, currency, f"{place}[{at}]") for at, one in enumerate(given))


def _line(given: Mapping[str, Any], currency: str, place: str) -> Line:
    for field in LINE_FIELDS - given.keys():
        raise Invalid(f"A line needs its {field}.", field=f"{place}.{field}")
    for field in given.keys() - LINE_FIELDS:
        raise Invalid(f"A line has no field {field}.", field=f"{place}.{field}", value=given[field])
    quantity = money.decimal(
        given["quantity"], f"{place}.quantity", places=money.QUANTITY_PLACES, most=money.MOST_QUANTITY, least=None
    )
    price = money.decimal(
        given["unit_price"], f"{place}.unit_price", places=money.PRICE_PLACES, most=money.MOST_PRICE
    )  # fmt: skip
    category = _category(given["tax_category"], f"{place}.tax_category")
    return Line(
        text=check_name(given["text"], f"{place}.text", length=500),
        quantity=_not_nought(quantity, f"{place}.quantity"),
        unit=_unit(given["unit"], f"{place}.unit"),
        unit_price=price,
        tax_category=category,
        tax_rate=_rate(given["tax_rate"], category, f"{place}.tax_rate"),
        net=money.line_net(quantity, price, currency, f"{place}.quantity"),
    )


def _not_nought(quantity: Decimal, field: str) -> Decimal:
    if not quantity:
        raise Invalid("A line of nothing says nothing: leave it out.", field=field, value="0")
    return quantity


def _unit(code: Any, field: str) -> str:
    if code not in UNITS:
        right = ", ".join(sorted(UNITS))
        raise Invalid(f"unit must be one of UN/ECE Recommendation 20: {right}.", field=field, value=code)
    return str(code)


def _category(code: Any, field: str) -> TaxCategory:
    try:
        return TaxCategory(code)
    except ValueError:
        right = ", ".join(TaxCategory)
        raise Invalid(f"tax_category must be one of {right}.", field=field, value=code) from None


def _rate(text: Any, category: TaxCategory, field: str) -> Decimal:
    rate = money.decimal(text, field, places=money.RATE_PLACES, most=money.MOST_RATE)
    if rate and category in UNTAXED:
        raise Invalid(f"In category {category} no tax is charged: the rate is 0.", field=field, value=text)
    if not rate and category is TaxCategory.STANDARD:
        raise Invalid("Category S needs a rate above 0; without tax take Z, E, AE, K, G or O.", field=field, value=text)
    return rate


def sums(priced: Sequence[Line], currency: str) -> Sums:
    """Net, tax by category and rate, and gross. Raises Invalid where the sum is too large to be kept."""
    groups: dict[tuple[TaxCategory, Decimal], list[Money]] = {}
    for line in priced:
        groups.setdefault((line.tax_category, line.tax_rate), []).append(line.net)
    taxes = tuple(
        Tax(category, rate, net := money.total(nets, currency), money.tax_on(net, rate))
        for (category, rate), nets in sorted(groups.items())
    )
    net = money.check_most(money.total((line.net for line in priced), currency), "lines")
    gross = money.check_most(net + money.total((one.tax for one in taxes), currency), "lines")
    return Sums(net, taxes, gross)


def days(text: Any, field: str = "days") -> Decimal | None:
    """Days of work from text; None for none said. Raises Invalid."""
    return None if text is None else money.decimal(text, field, places=DAY_PLACES, most=MOST_DAYS)


def key_of(position: int) -> str:
    """What the alternative at a position is called. Raises Invalid for one too many."""
    if position >= len(KEYS):
        raise Invalid(f"At most {len(KEYS)} alternatives.", field="alternatives", value=position + 1)
    return KEYS[position]


def check_priced(free: bool, priced: Sequence[Any], place: str) -> None:
    """Raises Invalid for an alternative that is said to be free and has a price as well."""
    if free and priced:
        raise Invalid("What is free has no lines; leave out one of both.", field=f"{place}.free", value=True)


def words(value: str, field: str) -> str:
    """A longer text, Markdown. Raises Invalid."""
    return check_text(value.strip(), field, length=20_000)
