"""Whether a plan's criteria are met, how many cases stand how, and whether a round's period is over. No database."""

from datetime import UTC, date, datetime

import pytest
import time_machine

from portal.acceptance import verdicts, waiting
from portal.acceptance.models import Outcome, TestPlan, TestPlanVersion, TestRound
from portal.acceptance.rounds import not_run
from portal.acceptance.standing import CriteriaView

PASSED, FAILED, BLOCKED, NOT_APPLICABLE = (
    Outcome.PASSED, Outcome.FAILED, Outcome.BLOCKED, Outcome.NOT_APPLICABLE,
)  # fmt: skip
CRITERIA = {"all_run": True, "most_failed": {"1": 0, "3": 2}}


def stands(counts: verdicts.Counts, criteria: dict | None = None) -> CriteriaView:
    """A plan with these criteria, of whose cases so many have each priority and verdict."""
    judged = verdicts.judge(CRITERIA if criteria is None else criteria, counts)
    return CriteriaView(TestPlan(), TestPlanVersion(), judged, counts)


@pytest.mark.parametrize(
    ("counts", "is_met"),
    [
        ({(1, PASSED): 3, (2, FAILED): 9, (3, FAILED): 2, (1, NOT_APPLICABLE): 1}, True),
        ({(1, PASSED): 3, (1, FAILED): 1}, False),
        ({(1, PASSED): 3, (3, FAILED): 3}, False),
        ({(1, PASSED): 3, (2, None): 1}, False),
        ({(1, PASSED): 3, (2, BLOCKED): 1}, False),
        ({}, True),
    ],
)
def test_a_plan_is_met_when_none_of_its_criteria_is_missed(counts, is_met):
    assert stands(counts).is_met is is_met


def test_a_plan_without_criteria_misses_none():
    assert stands({(1, FAILED): 5, (1, None): 5}, {}).is_met
    assert stands({(1, None): 5}, {"all_run": False}).is_met


@pytest.mark.parametrize(("outcome", "count"), [(PASSED, 5), (FAILED, 1), (None, 4), (BLOCKED, 0)])
def test_cases_are_counted_whatever_their_priority(outcome, count):
    found = stands({(1, PASSED): 2, (3, PASSED): 3, (2, FAILED): 1, (1, None): 4})
    assert found.count(outcome) == count


@pytest.mark.parametrize(
    ("ends_on", "zone", "is_over"),
    [
        (date(2026, 5, 3), "Europe/Berlin", True),
        (date(2026, 5, 4), "Europe/Berlin", False),
        (date(2026, 5, 4), "Pacific/Kiritimati", True),  # there it is the 5th already
        (date(2026, 5, 3), "Pacific/Pago_Pago", True),
        (None, "Europe/Berlin", False),
    ],
)
def test_a_period_is_over_when_its_last_day_has_passed_in_the_project(ends_on, zone, is_over):
    with time_machine.travel(datetime(2026, 5, 4, 12, tzinfo=UTC), tick=False):
        assert waiting.is_over(ends_on, zone) is is_over


def test_what_nobody_has_run_is_what_no_verdict_counts():
    assert not_run(TestRound(cases=10, passed=1, failed=2, blocked=3, not_applicable=1)) == 3
