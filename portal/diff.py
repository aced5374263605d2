"""What a command changed, told the same way in every room: field by field, from and to."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from portal.clock import rfc3339


def plain(value: Any) -> Any:
    """A value as an event's body keeps it: JSON without floats; decimals and dates as text."""
    match value:
        case None | bool() | int():
            return value
        case StrEnum():
            return value.value
        case Decimal():
            return format(value.normalize(), "f")
        case datetime():
            return rfc3339(value)
        case date() | UUID():
            return str(value)
        case list() | tuple():
            return [plain(one) for one in value]
    return str(value)


def apply_changes(row: Any, wanted: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Sets the fields of a row to what is wanted; returns {field: [before, after]} of those that differ."""
    changes = {}
    for field, value in wanted.items():
        before = getattr(row, field)
        if before != value:
            setattr(row, field, value)
            changes[field] = [plain(before), plain(value)]
    return changes
