"""Parts of a price: shares that sum to the whole to the last minor unit. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from math import floor

from portal.errors import Invalid
from portal.money import Money

WHOLE = Decimal(100)
PERCENT_PLACES = 4


def split(whole: Money, percents: Sequence[Decimal]) -> list[Money]:
    """The whole in shares of these percents, which sum to 100. No minor unit is lost or made.

    Each share is rounded down, and the units that remain go one each to the largest remainders, the first of equals
    first (Hamilton's method). Raises Invalid for percents that are not the whole.
    """
    summed = sum(percents, Decimal(0))
    if summed != WHOLE or any(one <= 0 for one in percents):
        total = format(summed.normalize(), "f")
        raise Invalid("The shares must be positive and come to 100 percent.", field="percent", value=total)
    exact = [whole.minor * one / WHOLE for one in percents]
    floors = [floor(one) for one in exact]  # a discount's too: `//` of decimals rounds towards nought
    by_remainder = sorted(range(len(exact)), key=lambda at: (floors[at] - exact[at], at))
    for at in by_remainder[: whole.minor - sum(floors)]:
        floors[at] += 1
    return [Money(one, whole.currency) for one in floors]


def split_each(wholes: Sequence[Money], percents: Sequence[Decimal]) -> list[tuple[Money, ...]]:
    """Several wholes, each in the same shares: for every share what it has of each whole. Raises as `split` does."""
    return list(zip(*(split(one, percents) for one in wholes), strict=True))


def check_whole(whole: Money, parts: Sequence[Money], field: str = "items") -> None:
    """Raises Invalid when parts given as amounts do not sum to the whole."""
    summed = sum(one.minor for one in parts)
    if summed != whole.minor:
        given, right = Money(summed, whole.currency).amount, whole.amount
        raise Invalid(f"The parts come to {given}, not to the {right} that were agreed.", field=field, value=given)
