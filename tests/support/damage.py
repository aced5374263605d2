"""Documents damaged at random: what our own rules still let pass, the official ones must let pass too."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from random import Random
from types import UnionType
from typing import Any, get_args, get_type_hints

from portal.billing import rules
from portal.billing.document import InvoiceDocument
from tests.support.invoices import ISSUED

_POOL: dict[Any, Sequence[Any]] = {
    str: ["", "x", " ", "0", "A" * 60, "é", "a\nb", "a  b", "\u00a0x\u00a0", "\u200b", "-", "<x>", "1,5", "#SUR#note"],
    Decimal: [
        *map(Decimal, (0, 1, -1, 100, 19, 999999)),
        *map(Decimal, ("0.5", "0.01", "0.005", "1E+2", "0.0001", "33.33")),
    ],
    bool: [True, False],
    date: [ISSUED + timedelta(days=days) for days in (-400, -30, -1, 0, 1, 30, 400)],
}
_KEPT = ("look", "language")
"""What no e-invoice knows of."""


def survivors(documents: Sequence[InvoiceDocument], count: int, seed: int) -> Iterator[InvoiceDocument]:
    """So many different documents that were damaged in up to four places and still break no rule of ours."""
    at, seen = Random(seed), set(documents)
    while count:
        one = at.choice(documents)
        for _ in range(at.randint(1, 4)):
            one = _damaged(one, at)
        if one not in seen and not rules.problems(one):
            seen.add(one)
            count -= 1
            yield one


def _damaged(thing: Any, at: Random) -> Any:
    """The thing with one of its fields changed, or one of those within it."""
    hints = get_type_hints(type(thing))
    names = [one.name for one in fields(thing) if one.name not in _KEPT]
    for name in at.sample(names, len(names)):
        value = getattr(thing, name)
        if is_dataclass(value) and at.random() < 0.7:
            return replace(thing, **{name: _damaged(value, at)})
        if isinstance(value, tuple):
            if value:
                return replace(thing, **{name: _rearranged(value, at)})
        elif choices := _choices(hints[name]):
            return replace(thing, **{name: at.choice(choices)})
    return thing


def _rearranged(values: tuple[Any, ...], at: Random) -> tuple[Any, ...]:
    """One of them damaged, the first left out, or the first twice."""
    place, chance = at.randrange(len(values)), at.random()
    if chance < 0.7:
        one = values[place]
        changed = _damaged(one, at) if is_dataclass(one) else at.choice(_POOL[str])
        return (*values[:place], changed, *values[place + 1 :])
    return values[1:] if chance < 0.85 else (*values, values[0])


def _choices(hint: Any) -> list[Any]:
    if isinstance(hint, UnionType):
        (inner,) = (one for one in get_args(hint) if one is not type(None))
        return [None, *_choices(inner)]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return list(hint)
    return list(_POOL.get(hint, ()))
