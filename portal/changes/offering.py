"""What an offer holds: alternatives with price and impact, checked, and what of them is put to the client. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal import money
from portal.backlog import rules as items
from portal.backlog.models import POINT_PLACES
from portal.changes import kept, pricing, terms
from portal.changes.models import ChangeRequest, Contract
from portal.changes.pricing import Line, Sums
from portal.changes.queries import Option
from portal.diff import plain
from portal.errors import Invalid
from portal.projects.rules import check_name

FIELDS = frozenset(
    {"title", "free", "lines", "days", "quality", "milestones", "items_added", "items_changed"}
)  # fmt: skip
ITEM_FIELDS = frozenset({"title", "type", "points", "hours", "description", "milestone"})
"""What of an item an offer can set; a milestone by its number."""
ESTIMATES = frozenset({"points", "hours"})
MOST_ITEMS = 50


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to do it, checked. Items' fields are JSON, as they are kept."""

    key: str
    title: str
    free: bool
    lines: tuple[Line, ...]
    sums: Sums
    days: Decimal | None
    quality: str
    milestones: Mapping[int, date]
    items_added: tuple[dict[str, Any], ...]
    items_changed: tuple[dict[str, Any], ...]


def alternatives(given: Sequence[Mapping[str, Any]], currency: str) -> tuple[Alternative, ...]:
    """The alternatives that somebody wrote. Raises Invalid naming the place (`alternatives[1].lines[0].unit`)."""
    return tuple(_alternative(one, currency, at) for at, one in enumerate(given))


def _alternative(given: Mapping[str, Any], currency: str, at: int) -> Alternative:
    place = f"alternatives[{at}]"
    for field in given.keys() - FIELDS:
        raise Invalid(f"An alternative has no field {field}.", field=f"{place}.{field}", value=given[field])
    if "title" not in given:
        raise Invalid("An alternative needs a title.", field=f"{place}.title")
    lines = pricing.lines(given.get("lines", ()), currency, f"{place}.lines")
    free = bool(given.get("free", False))
    pricing.check_priced(free, lines, place)
    return Alternative(
        key=pricing.key_of(at),
        title=check_name(given["title"], f"{place}.title"),
        free=free,
        lines=lines,
        sums=pricing.sums(lines, currency),
        days=pricing.days(given.get("days"), f"{place}.days"),
        quality=pricing.words(given.get("quality", ""), f"{place}.quality"),
        milestones=terms.dates(given.get("milestones", ()), f"{place}.milestones"),
        items_added=_added(given.get("items_added", ()), f"{place}.items_added"),
        items_changed=_changed(given.get("items_changed", ()), f"{place}.items_changed"),
    )


def _added(given: Sequence[Mapping[str, Any]], place: str) -> tuple[dict[str, Any], ...]:
    _check_most(given, place)
    found = tuple(_item(one, f"{place}[{at}]") for at, one in enumerate(given))
    for at, one in enumerate(found):
        if "title" not in one:
            raise Invalid("An item needs a title.", field=f"{place}[{at}].title")
    return found


def _changed(given: Sequence[Mapping[str, Any]], place: str) -> tuple[dict[str, Any], ...]:
    _check_most(given, place)
    found = [_one_changed(one, f"{place}[{at}]") for at, one in enumerate(given)]
    if len({one["number"] for one in found}) != len(found):
        raise Invalid("Name each item once.", field=place, value=len(found))
    return tuple(found)


def _one_changed(given: Mapping[str, Any], place: str) -> dict[str, Any]:
    removed = bool(given.get("removed", False))
    fields = _item({field: value for field, value in given.items() if field not in ("number", "removed")}, place)
    if removed == bool(fields):
        raise Invalid("Say what changes of the item, or that it is removed.", field=place, value=None)
    return {"number": given["number"], "fields": fields, "removed": removed}


def _check_most(given: Sequence[Any], place: str) -> None:
    if len(given) > MOST_ITEMS:
        raise Invalid(f"At most {MOST_ITEMS} items.", field=place, value=len(given))


def _item(given: Mapping[str, Any], place: str) -> dict[str, Any]:
    for field in given.keys() - ITEM_FIELDS:
        raise Invalid(f"An offer sets no {field} of an item.", field=f"{place}.{field}", value=given[field])
    for field in given.keys() & ESTIMATES:
        if given[field] is not None:
            money.decimal(given[field], f"{place}.{field}", places=POINT_PLACES, most=items.MOST_ESTIMATE)
    try:
        checked = items.check_item({field: value for field, value in given.items() if field != "milestone"})
    except Invalid as fault:
        raise Invalid(fault.message, field=f"{place}.{fault.field}", value=fault.value) from None
    return {field: plain(value) for field, value in ({**given} | checked).items()}


def is_unpriced(option: Option) -> bool:
    """Whether nobody has said what an alternative costs. It is read for somebody who may see money."""
    return option.price is None or not (option.price.free or option.price.lines)


def misfits(options: Sequence[Option], contract: Contract) -> list[str]:
    """Which alternatives would bring the contract to less than nothing, or to more than can be kept."""
    highest = max(contract.total_minor, contract.ceiling_minor or 0)
    return [
        option.key
        for option in options
        if option.price
        and (contract.total_minor + option.price.sums.net.minor < 0
             or highest + option.price.sums.net.minor > money.MOST_MINOR)
    ]  # fmt: skip


def content(
    request: ChangeRequest, options: Sequence[Option], valid_until: date, contract: Contract
) -> dict[str, Any]:  # fmt: skip
    """All that the client decides on: what is wanted, and each alternative with its price to the cent, which a retainer
    costs each `period`."""
    return {
        "number": request.number,
        "title": request.title,
        "description": request.wanted,
        "reason": request.reason,
        "files": request.files,
        "valid_until": valid_until.isoformat(),
        "currency": contract.currency,
        **({"period": contract.period.value} if contract.period else {}),
        "alternatives": [_offered(option) | _priced(option) for option in options],
    }


def impact(options: Sequence[Option]) -> list[dict[str, Any]]:
    """The alternatives without a trace of money, for whoever may not see it."""
    return [_offered(option) for option in options]


def _offered(option: Option) -> dict[str, Any]:
    return {
        "key": option.key,
        "title": option.title,
        "days": plain(option.days),
        "milestones": [{"number": at, "name": name, "on": day.isoformat()} for at, name, day in option.milestones],
        "items_added": option.shown_added,
        "items_changed": option.shown_changed,
        "quality": option.quality,
    }


def _priced(option: Option) -> dict[str, Any]:
    price = option.price
    assert price is not None  # an offer is made by somebody who may see money
    taxes = [
        {"category": one.category.value, "rate": plain(one.rate), "net": one.net.amount, "tax": one.tax.amount}
        for one in price.sums.taxes
    ]
    lines = [kept.line_told(line) | {"net": line.net.amount} for line in price.lines]
    total = {"net": price.sums.net.amount, "gross": price.sums.gross.amount, "taxes": taxes}
    return {"free": price.free, "lines": lines, **total}
