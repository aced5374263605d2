"""What results add up to: the verdict of a case, whether criteria are met, and how bad the defects are. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from portal.acceptance.models import Outcome, Severity, VerdictRule
from portal.errors import Invalid

PRIORITIES = (1, 2, 3)
MOST_LIMIT = 100_000
DEFAULT_CRITERIA: Mapping[str, Any] = {"all_run": True, "most_failed": {"1": 0}}
WORST = tuple(Outcome)
"""From best to worst."""
SETTLED = frozenset({Outcome.PASSED, Outcome.NOT_APPLICABLE})
"""What is not asked again by itself."""
Counts = Mapping[tuple[int, Outcome | None], int]
"""How many cases of a priority have a verdict; None: not run."""


class What(StrEnum):
    """What a criterion asks for."""

    ALL_RUN = "all_run"
    MOST_FAILED = "most_failed"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion and how it stands. `actual` is how many cases are against it, `limit` how many may be.

    For `all_run`, those that were not run or could not be (blocked); for `most_failed`, the failed ones of `priority`.
    """

    what: What
    priority: int | None
    limit: int
    actual: int

    @property
    def is_met(self) -> bool:
        """Whether nothing is missing."""
        return self.actual <= self.limit


@dataclass(frozen=True, slots=True)
class Found:
    """A defect as the chart counts it: in which round it was found, and when it was done, if it is."""

    round_number: int
    severity: Severity
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class RoundDefects:
    """Of one round: how many defects of each severity were found in it, and were open at its end."""

    round_number: int
    found: Mapping[Severity, int]
    open: Mapping[Severity, int]


def verdict(rule: VerdictRule, latest: Sequence[Outcome]) -> Outcome | None:
    """The verdict of a case by each tester's latest result, the newest last; None without any.

    A majority that is tied is decided for the worst of those tied.
    """
    if not latest:
        return None
    if rule is VerdictRule.LATEST:
        return latest[-1]
    if rule is VerdictRule.WORST_OF_LATEST:
        return max(latest, key=WORST.index)
    counts = Counter(latest)
    return max(counts, key=lambda outcome: (counts[outcome], WORST.index(outcome)))


def check_criteria(given: Mapping[str, Any]) -> dict[str, Any]:
    """The criteria as they are kept: {"all_run": bool, "most_failed": {"1": 0}}. Raises Invalid naming the field."""
    for field in given.keys() - {"all_run", "most_failed"}:
        raise Invalid("Criteria are all_run and most_failed.", field=f"criteria.{field}", value=field)
    all_run, most = given.get("all_run", False), given.get("most_failed", {})
    if not isinstance(all_run, bool):
        raise Invalid("all_run is true or false.", field="criteria.all_run", value=all_run)
    if not isinstance(most, Mapping):
        raise Invalid("most_failed says how many of each priority.", field="criteria.most_failed", value=str(most))
    return {"all_run": all_run, "most_failed": {key: _limit(key, value) for key, value in sorted(most.items())}}


def _limit(key: Any, value: Any) -> int:
    field = f"criteria.most_failed.{key}"
    if key not in {str(one) for one in PRIORITIES}:
        raise Invalid("A priority is 1, 2 or 3.", field=field, value=key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_LIMIT:
        raise Invalid("How many may fail is a number from 0 on.", field=field, value=value)
    return value


def judge(criteria: Mapping[str, Any], counts: Counts) -> list[Criterion]:
    """Each criterion of a plan with how it stands. A plan without criteria has none that could be missing."""
    judged = []
    if criteria.get("all_run"):
        waiting = sum(count for (_, outcome), count in counts.items() if outcome in (None, Outcome.BLOCKED))
        judged.append(Criterion(What.ALL_RUN, None, 0, waiting))
    for key, limit in criteria.get("most_failed", {}).items():
        judged.append(Criterion(What.MOST_FAILED, int(key), limit, counts.get((int(key), Outcome.FAILED), 0)))
    return judged


def severity_over_rounds(rounds: Sequence[tuple[int, datetime | None]], defects: Sequence[Found]) -> list[RoundDefects]:
    """For the chart: of each round, given by number and when it was closed, what it found and what was open at its end.

    A round that still runs counts what is open now.
    """
    return [
        RoundDefects(
            round_number=number,
            found=_by_severity([one for one in defects if one.round_number == number]),
            open=_by_severity([one for one in defects if one.round_number <= number and _is_open(one, closed_at)]),
        )
        for number, closed_at in rounds
    ]


def _is_open(defect: Found, at: datetime | None) -> bool:
    return defect.done_at is None or (at is not None and defect.done_at > at)


def _by_severity(defects: Sequence[Found]) -> dict[Severity, int]:
    counts = Counter(one.severity for one in defects)
    return {severity: counts[severity] for severity in Severity}
