"""What travels about rounds of testing, their cases and results, and about acceptances."""

from typing import Any

from api.shapes import Day, Moment, Outgoing
from portal.acceptance.case_pages import CasePage, DefectLine, ResultLine
from portal.acceptance.models import Acceptance, AcceptanceState, Outcome, Severity, TestRound, Why
from portal.acceptance.pages import RoundLine
from portal.acceptance.queries import TesterLine
from portal.acceptance.rounds import not_run


class RoundOut(Outgoing):
    """A round: what is tested, and what it came to so far, case by case."""

    number: int
    version: int
    build: str
    address: str
    build_hash: str
    starts_on: Day | None
    ends_on: Day | None
    opened_at: Moment
    closed_at: Moment | None
    cases: int
    passed: int
    failed: int
    blocked: int
    not_applicable: int
    not_run: int


class RoundList(Outgoing):
    """The rounds of a plan, the oldest first."""

    items: list[RoundOut]


class TesterOut(Outgoing):
    """A tester, and of how many cases they have said something."""

    person_id: str
    name: str
    done: int


class RoundFull(RoundOut):
    """A round with its testers."""

    testers: list[TesterOut]


class RoundCaseOut(Outgoing):
    """A case in a round: why it is asked, and its verdict so far."""

    number: int
    section: str
    title: str
    priority: int
    why: Why
    verdict: Outcome | None


class RoundCaseList(Outgoing):
    """A page of the cases that a round asks, in the plan's order."""

    items: list[RoundCaseOut]
    next: str | None


class ResultOut(Outgoing):
    """What one tester, or a machine (`source`), said of a case."""

    id: str
    person_id: str | None
    name: str | None
    source: str
    outcome: Outcome
    remark: str
    files: list[int]
    device: str
    at: Moment
    is_latest: bool
    undone_at: Moment | None


class DefectOut(Outgoing):
    """A defect: the item that a failed case made."""

    item_number: int
    round_number: int
    severity: Severity


class RoundCaseFull(RoundCaseOut):
    """A case in a round with all that was said of it, the newest first, and its defects."""

    results: list[ResultOut]
    defects: list[DefectOut]


class AcceptanceOut(Outgoing):
    """Whether what was tested is accepted; the decision has the answers, the protocol what was signed."""

    number: int
    plan_number: int
    version: int
    milestone_number: int | None
    part: str
    is_whole: bool
    state: AcceptanceState
    decision_number: int
    protocol_digest: str
    build_hash: str
    deemed_on: Day | None
    announced: int
    reservations: list[dict[str, Any]]
    asked_at: Moment
    settled_at: Moment | None


class AcceptanceList(Outgoing):
    """The acceptances of a plan, the newest first."""

    items: list[AcceptanceOut]


def round_fields(row: TestRound) -> dict[str, Any]:
    """What all shapes of a round have."""
    fields = {name: getattr(row, name) for name in RoundOut.model_fields if name != "not_run"}
    return fields | {"not_run": not_run(row)}


def round_full(row: TestRound, testers: list[TesterLine]) -> RoundFull:
    """A round with its testers."""
    named = [
        TesterOut(person_id=str(one.tester.person_id), name=one.name, done=one.tester.done) for one in testers
    ]  # fmt: skip
    return RoundFull(**round_fields(row), testers=named)


def round_case(line: RoundLine) -> dict[str, Any]:
    """A case of a round as JSON values."""
    return RoundCaseOut(**{name: getattr(line, name) for name in RoundCaseOut.model_fields}).shown()


def round_case_full(page: CasePage) -> RoundCaseFull:
    """A case of a round with its results and defects."""
    words = {name: getattr(page.case, name) for name in ("number", "section", "title", "priority")}
    return RoundCaseFull(
        **words, why=page.asked.why, verdict=page.asked.verdict, results=[_result(one) for one in page.results],
        defects=[defect_out(one) for one in page.defects],
    )  # fmt: skip


def _result(line: ResultLine) -> ResultOut:
    row = line.result
    same = ("source", "outcome", "remark", "device", "at", "is_latest", "undone_at")
    return ResultOut(
        **{name: getattr(row, name) for name in same}, id=str(row.id), name=line.name,
        person_id=str(row.person_id) if row.person_id else None, files=[one["number"] for one in row.files],
    )  # fmt: skip


def defect_out(line: DefectLine) -> DefectOut:
    """A defect."""
    return DefectOut(item_number=line.item_number, round_number=line.round_number, severity=line.severity)


def acceptance_out(row: Acceptance) -> AcceptanceOut:
    """An acceptance."""
    fields = {name: getattr(row, name) for name in AcceptanceOut.model_fields if name != "protocol_digest"}
    return AcceptanceOut(**fields, protocol_digest=row.protocol_digest.hex())
