"""How the contract stands, worked out from the original and its amendments alone: what a reader does by hand. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import accumulate

from portal.money import Money


def running(original: Money, nets: Iterable[Money]) -> list[Money]:
    """The total after each amendment, in their order."""
    return list(accumulate(nets, initial=original))[1:]


def agreed(original: Mapping[int, date], moves: Sequence[Mapping[int, date]]) -> dict[int, date]:
    """Each milestone's agreed day by its number: the original one, or that of the last amendment that moved it."""
    days = dict(original)
    for moved in moves:
        days |= moved
    return days
