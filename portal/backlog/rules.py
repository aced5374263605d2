"""What an item may look like. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from portal.backlog.models import HOUR_PLACES, POINT_PLACES, Item, ItemType, Waiting
from portal.errors import Invalid
from portal.projects.rules import check_among, check_audience, check_name, check_text

TITLE_LENGTH = 500
MOST_ESTIMATE = Decimal(100_000)
MOST_LABELS = 50
TEXTS = {"description", "acceptance_criteria"}
SHORT_TEXTS = {"priority": 60, "external_ref": 200, "external_key": 100, "external_url": 2000, "blocked_reason": 2000}
REFERENCES = {"status_id", "iteration_id", "milestone_id", "assignee_id", "parent_number", "position"}
FIELDS = (
    {"title", "type", "points", "hours", "labels", "audience", "blocked_on"} | TEXTS | SHORT_TEXTS.keys() | REFERENCES
)


def check_item(fields: Mapping[str, Any]) -> dict[str, Any]:
    """An item's fields, each checked; the command checks references. Raises Invalid naming the first at fault."""
    return {field: check_field(field, value) for field, value in fields.items()}


def check_field(field: str, value: Any) -> Any:
    """One field of an item, checked and in the type that the table keeps. Raises Invalid."""
    if field not in FIELDS:
        raise Invalid(f"An item has no field {field}.", field=field, value=value)
    if field == "title":
        return check_name(value, "title", length=TITLE_LENGTH)
    if field in TEXTS:
        return check_text(value, field)
    if field in SHORT_TEXTS:
        return None if value is None else check_name(value, field, length=SHORT_TEXTS[field]) if value else ""
    return _check_typed(field, value)


def _check_typed(field: str, value: Any) -> Any:
    match field:
        case "points":
            return estimate(value, field, POINT_PLACES)
        case "hours":
            return estimate(value, field, HOUR_PLACES)
        case "type":
            return check_among(ItemType, value, field)
        case "audience":
            return check_audience(value, "An item")
        case "blocked_on":
            return None if value is None else check_among(Waiting, value, field)
        case "labels":
            return _labels(value)
    return value


def check_block(item: Item) -> None:
    """Raises Invalid for an item that says on whom it waits and not why, or why and not on whom."""
    if (item.blocked_reason is None) != (item.blocked_on is None):
        raise Invalid(
            "A blocked item says why (blocked_reason) and on whom it waits (blocked_on); or neither.",
            field="blocked_reason",
            value=item.blocked_reason,
        )


def estimate(value: Any, field: str, places: int) -> Decimal | None:
    """An estimate: None, or a number from 0 to 100,000 with at most `places` decimals. Raises Invalid."""
    if value is None:
        return None
    number = Decimal(value)
    if not number.is_finite() or not 0 <= number <= MOST_ESTIMATE:
        raise Invalid(f"{field} must be between 0 and {MOST_ESTIMATE}.", field=field, value=str(value))
    if number != number.quantize(Decimal(1).scaleb(-places)):
        raise Invalid(f"{field} may have at most {places} decimal places.", field=field, value=str(value))
    return number


def _labels(value: Any) -> list[str]:
    labels = sorted({check_name(label, "labels", length=100) for label in value})
    if len(labels) > MOST_LABELS:
        raise Invalid(f"An item may have at most {MOST_LABELS} labels.", field="labels", value=len(labels))
    return labels
