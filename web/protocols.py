"""An acceptance protocol as the page of its decision shows it: what was kept, read back word for word."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance import standing
from portal.acceptance.models import Acceptance, Outcome
from portal.access import Scope
from portal.decisions.models import Decision, DecisionKind

MOST_CASES = 300
"""Cases that the page lists, those first that did not pass; the PDF has all."""
MOST_RESULTS = 20
"""Of each case."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """The protocol that a decision is about. `kept` is the document; `left` says how many cases only the PDF lists."""

    row: Acceptance
    kept: Mapping[str, Any]
    cases: Sequence[Mapping[str, Any]]
    left: int
    counts: Sequence[tuple[Outcome | None, int]]


async def protocol_of(db: AsyncSession, scope: Scope, decision: Decision) -> Protocol | None:
    """The protocol that is decided about; None for every other kind of decision."""
    if decision.kind is not DecisionKind.ACCEPTANCE:
        return None
    row = await standing.acceptance(db, scope, decision.subject_number)
    kept = json.loads(row.protocol)
    cases = kept["cases"]
    shown = listed(cases)
    tested = [one["verdict"] for one in cases if not one["is_automatic"]]
    counts = [(outcome, tested.count(outcome.value if outcome else None)) for outcome in (*Outcome, None)]
    return Protocol(row, kept, [_case(one) for one in shown], len(cases) - len(shown), counts)


def listed(cases: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The cases that the page lists: all of them in the plan's order, or, of too many, those first that people test and
    that did not pass. Of what machines run, none has a verdict."""
    if len(cases) <= MOST_CASES:
        return cases
    return sorted(cases, key=lambda one: (one["verdict"] == "passed", one["is_automatic"]))[:MOST_CASES]


def _case(one: Mapping[str, Any]) -> Mapping[str, Any]:
    results = [said | {"at": datetime.fromisoformat(said["at"])} for said in one["results"][:MOST_RESULTS]]
    more = one["left_out"] + len(one["results"]) - len(results)
    return {**one, "results": results, "more": more}
