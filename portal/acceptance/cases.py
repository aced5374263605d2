"""What a test case may look like, what of it is tested, and how acceptance criteria become cases. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from portal.acceptance.models import TestCase
from portal.errors import Invalid
from portal.ledger import canonical
from portal.projects.rules import check_name, check_text

MOST_CASES = 5_000
MOST_STEPS = 100
LONGEST = 20_000
TITLE_LENGTH = 300
SHORT = {"title": TITLE_LENGTH, "section": 200, "external_ref": 200}
TEXTS = ("precondition", "expected", "criterion")
NUMBERS = ("requirement_number", "item_number")
EMPTY: Mapping[str, Any] = {
    "section": "", "precondition": "", "steps": [], "expected": "", "priority": 2, "is_automatic": False,
    "requirement_number": None, "item_number": None, "criterion": "", "external_ref": None,
}  # fmt: skip
FIELDS = (*EMPTY, "title")
TESTED = ("title", "precondition", "steps", "expected", "criterion")
"""What a tester goes by: when one of these changes, the case is asked again."""

_LIST_LINE = re.compile(r"\s{0,9}(?:[-*+]|\d{1,4}[.)])\s+(?:\[[ xX]\]\s+)?(.*\S)\s*$")


def check_case(given: Mapping[str, Any]) -> dict[str, Any]:
    """A case's fields, each checked. Raises Invalid naming the first at fault."""
    return {field: check_field(field, value) for field, value in given.items()}


def check_field(field: str, value: Any) -> Any:
    """One field of a case as it is kept. Raises Invalid."""
    if field not in FIELDS:
        raise Invalid(f"A test case has no field {field}.", field=field, value=value)
    if field in SHORT:
        empty = None if field == "external_ref" else ""
        return check_name(value, field, length=SHORT[field]) if value or field == "title" else empty
    if field in TEXTS:
        return check_text(value, field, length=LONGEST).strip()
    if field == "steps":
        return _steps(value)
    if field == "priority":
        return _within(value, field, 1, 3)
    if field in NUMBERS:
        return None if value is None else _within(value, field, 1, 2**31 - 1)
    return bool(value)


def _within(value: Any, field: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Invalid(f"{field} is a number from {low} to {high}.", field=field, value=value)
    return value


def _steps(value: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    if len(value) > MOST_STEPS:
        raise Invalid(f"A case has at most {MOST_STEPS} steps.", field="steps", value=len(value))
    steps = []
    for at, step in enumerate(value):
        for field in step.keys() - {"action", "expected"}:
            raise Invalid("A step has an action and what is expected.", field=f"steps[{at}].{field}", value=field)
        action, expected = (
            check_text(step.get(part, ""), f"steps[{at}].{part}", length=LONGEST).strip()
            for part in ("action", "expected")
        )
        if not action and not expected:
            raise Invalid("A step says something.", field=f"steps[{at}]", value="")
        steps.append({"action": action, "expected": expected})
    return steps


def digest(case: Mapping[str, Any] | TestCase) -> bytes:
    """SHA-256 of what is tested."""
    values = case if isinstance(case, Mapping) else {field: getattr(case, field) for field in TESTED}
    return canonical.digest_of(canonical.document_text({field: values[field] for field in TESTED}))


def criteria_in(markdown: str) -> list[str]:
    """The acceptance criteria in a Markdown text: each entry of its lists; the whole text where there is no list.

    Lines that go on with an entry belong to it; what stands before the first entry introduces them, and is none.
    """
    found: list[str] = []
    for line in markdown.splitlines():
        entry = _LIST_LINE.match(line.rstrip())  # of blanks behind a dash, each beginning would be tried to the end
        if entry:
            found.append(entry[1].strip())
        elif found and line.strip() and line[0].isspace():
            found[-1] += " " + line.strip()
    if not found and markdown.strip():
        found.append(" ".join(markdown.split()))
    return found


def from_criterion(criterion: str, **more: Any) -> dict[str, Any]:
    """The draft of a case that checks a criterion."""
    line = " ".join(criterion.split())
    title = line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 2].rstrip() + " …"
    return {"title": title, "expected": line[:LONGEST], "criterion": kept_criterion(criterion), **more}


def kept_criterion(criterion: str) -> str:
    """A criterion as its case keeps it, by which it is known again: without blanks around it, at most so long."""
    return criterion.strip()[:LONGEST].rstrip()
