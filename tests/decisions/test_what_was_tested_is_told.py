"""Criteria and results that an acceptance is about, in the reader's language. No database."""

from typing import Any

import pytest

from portal.decisions import parts
from portal.decisions.parts import Part
from portal.decisions.readable import verdicts

AT = "2026-05-04T09:00:00.000000Z"
ALL_RUN = {"what": "all_run", "priority": None, "limit": 0, "actual": 0, "is_met": True}
FEW_FAILED = {"what": "most_failed", "priority": 2, "limit": 3, "actual": 1, "is_met": True}
RESULT = {"case": 4, "title": "One pays", "outcome": "failed", "said": [], "defects": []}
ADA = {"name": "Ada", "is_machine": False, "outcome": "passed", "at": AT}
RUSSIAN = {
    "Failed": "Не пройден",
    "Passed": "Пройден",
    "Met": "Выполнено",
    "Results": "Результаты",
    "Defects": "Дефекты",
}


def part_of(name: str, *values: Any, words: dict[str, str] | None = None) -> Part:
    """The one part that a list of these becomes, in English or in these words."""
    (found,) = parts.parts_of({name: list(values)}, lambda text: (words or {}).get(text, text), "ru" if words else "en")
    return found


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (ALL_RUN, ("Every case was run, none is blocked", "Met")),
        (ALL_RUN | {"actual": 2, "is_met": False}, ("Every case was run, none is blocked", "Missing: 2")),
        (FEW_FAILED, ("At most 3 failed cases of priority 2", "Met: 1")),
        (FEW_FAILED | {"actual": 4, "is_met": False}, ("At most 3 failed cases of priority 2", "Missing: 4")),
    ],
)
def test_a_criterion_is_told_with_how_it_stands(given: dict[str, Any], told: tuple[str, str]) -> None:
    assert part_of("criteria", given) == Part("Acceptance criteria", "facts", rows=(told,))


@pytest.mark.parametrize(
    ("more", "stands"),
    [
        ({}, "Failed"),
        ({"outcome": None}, "Not run"),
        ({"defects": [12, 13]}, "Failed – Defects: 12, 13"),
        (
            {"said": [ADA, ADA | {"is_machine": True, "outcome": "failed"}]},
            "Failed – Ada: Passed, 4 May 2026, 09:00:00 UTC; Ada (automatic): Failed, 4 May 2026, 09:00:00 UTC",
        ),
    ],
)
def test_a_case_is_told_with_who_said_what_and_when(more: dict[str, Any], stands: str) -> None:
    assert part_of("results", RESULT | more).rows == (("4. One pays", stands),)


def test_what_was_tested_is_told_in_the_readers_language() -> None:
    told = part_of("results", RESULT | {"said": [ADA], "defects": [7]}, words=RUSSIAN)
    assert told.label == "Результаты"
    assert told.rows == (("4. One pays", "Не пройден – Ada: Пройден, 4 мая 2026, 09:00:00 UTC – Дефекты: 7"),)


@pytest.mark.parametrize(
    "other", [FEW_FAILED | {"what": "most_blocked"}, ALL_RUN | {"priority": 77}, RESULT | {"said": [{"who": "Ada"}]}]
)
def test_whatever_only_looks_like_it_is_shown_with_all_that_is_in_it(other: dict[str, Any]) -> None:
    shown = " ".join(cell for row in part_of("criteria", other).rows for cell in row)
    assert all(str(value) in shown for value in ("most_blocked", "77", "Ada") if value in str(other))


def test_what_was_tested_is_accepted_and_all_else_approved() -> None:
    assert [verdicts(str, "acceptance")[one] for one in ("approved", "approved_with_remarks", "declined")] == [
        "Accepted", "Accepted with reservations", "Refused",
    ]  # fmt: skip
    assert [verdicts(str, "design")[one] for one in ("approved", "declined")] == ["Approved", "Declined"]
