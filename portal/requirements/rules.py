"""What a requirement may look like. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.errors import Invalid
from portal.projects.rules import check_among, check_audience, check_name, check_text
from portal.requirements.models import Priority, RequirementKind

TITLE_LENGTH = 160
DESCRIPTION_LENGTH = 20_000
CRITERION_LENGTH = 2_000
MOST_CRITERIA = 50
MEASURE_LENGTH = 300
REFERENCE_LENGTH = 200


def check_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A requirement's fields, each checked; `measure` becomes its three parts. Raises Invalid naming the field."""
    checked: dict[str, Any] = {}
    for field, value in fields.items():
        checked |= _measure(value) if field == "measure" else {field: _check(field, value)}
    return checked


def _measure(value: Mapping[str, str] | None) -> dict[str, str]:
    given = value or {}
    for part in given.keys() - {"metric", "target", "how_measured"}:
        raise Invalid(f"A measure has no {part}.", field=f"measure.{part}", value=given[part])
    return {part: _measured(part, given.get(part, "")) for part in ("metric", "target", "how_measured")}


def _measured(part: str, value: str) -> str:
    if part == "how_measured":
        return check_text(value.strip(), f"measure.{part}", length=CRITERION_LENGTH)
    return check_name(value, f"measure.{part}", length=MEASURE_LENGTH) if value.strip() else ""


def _check(field: str, value: Any) -> Any:
    match field:
        case "title":
            return check_name(value, field, length=TITLE_LENGTH)
        case "description":
            return check_text(value, field, length=DESCRIPTION_LENGTH)
        case "external_ref":
            return check_name(value, field, length=REFERENCE_LENGTH) if value else None
        case "kind":
            return check_among(RequirementKind, value, field)
        case "priority":
            return None if value is None else check_among(Priority, value, field)
        case "criteria":
            return _criteria(value)
        case "audience":
            return check_audience(value, "A requirement")
    raise Invalid(f"A requirement has no field {field}.", field=field, value=value)


def _criteria(value: Sequence[str]) -> list[str]:
    if len(value) > MOST_CRITERIA:
        raise Invalid(f"A requirement has at most {MOST_CRITERIA} criteria.", field="criteria", value=len(value))
    criteria = [check_text(one.strip(), f"criteria[{at}]", length=CRITERION_LENGTH) for at, one in enumerate(value)]
    for at, one in enumerate(criteria):
        if not one:
            raise Invalid("A criterion says something.", field=f"criteria[{at}]", value=value[at])
    return criteria
