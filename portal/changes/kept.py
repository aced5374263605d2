"""Kept rows as the rules know them: lines, amounts, milestones' days."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from portal.changes.models import ChangeAlternative, ChangeLine, Contract, ContractLine
from portal.changes.pricing import Line
from portal.diff import plain
from portal.money import Money


def money(row: Contract | ChangeAlternative, minor: int) -> Money:
    """An amount of a contract or an alternative."""
    return Money(minor, row.currency)


def money_of(row: Contract, minor: int | None) -> Money | None:
    """An amount that a contract may lack."""
    return None if minor is None else Money(minor, row.currency)


def dated(kept: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Milestones' days as they are kept, with dates for texts."""
    return [{"number": one["number"], "on": date.fromisoformat(one["on"])} for one in kept]


def days_of(kept: Sequence[Mapping[str, Any]]) -> dict[int, date]:
    """Milestones' days as they are kept, by number."""
    return {one["number"]: date.fromisoformat(one["on"]) for one in kept}


def line_of(row: ContractLine | ChangeLine, currency: str) -> Line:
    """A kept line as the rules know it."""
    return Line(
        row.text, row.quantity, row.unit, row.unit_price, row.tax_category, row.tax_rate, Money(row.net_minor, currency)
    )


def line_columns(line: Line) -> dict[str, Any]:
    """A line under the names of the tables' columns."""
    return {
        "text": line.text, "quantity": line.quantity, "unit": line.unit, "unit_price": line.unit_price,
        "tax_category": line.tax_category, "tax_rate": line.tax_rate, "net_minor": line.net.minor,
    }  # fmt: skip


def line_told(line: Line) -> dict[str, str]:
    """A line as it was given: every number as text."""
    return {
        "text": line.text, "quantity": plain(line.quantity), "unit": line.unit, "unit_price": plain(line.unit_price),
        "tax_category": line.tax_category.value, "tax_rate": plain(line.tax_rate),
    }  # fmt: skip
