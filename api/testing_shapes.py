"""What travels about test plans and their cases; of rounds and acceptances it is in round_shapes.py."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from api.shapes import Incoming, Line, Moment, Number, Outgoing, absent
from portal.acceptance.cases import LONGEST, MOST_STEPS, TITLE_LENGTH
from portal.acceptance.models import (
    Outcome,
    PlanState,
    TestCase,
    VerdictRule,
)
from portal.acceptance.plans import LONGEST_DESCRIPTION
from portal.acceptance.queries import PlanLine, PlanView
from portal.acceptance.standing import CriteriaView
from portal.acceptance.verdicts import What

Text = Annotated[str, Field(max_length=LONGEST, description="Markdown.")]
Title = Annotated[str, Field(min_length=1, max_length=TITLE_LENGTH)]
RULE = "How several testers' latest results of a case become its verdict."
CRITERIA = 'When it counts as passed: `{"all_run": true, "most_failed": {"1": 0, "2": 3}}`.'
CASE: dict[str, Any] = {
    "title": "One pays by card", "precondition": "Something is in the basket.",
    "steps": [{"action": "Pay", "expected": "A receipt"}], "expected": "The order is there.", "priority": 1,
    "external_ref": "shop.pay.card",
}  # fmt: skip


class CriteriaIn(Incoming):
    """What is asked of the results: that all cases were run, and how many of each priority may fail at most."""

    all_run: bool = absent()
    most_failed: Annotated[dict[str, Annotated[int, Field(ge=0, le=100_000)]], Field(max_length=3)] = absent()


class TestPlanFields(Incoming):
    """What can be said of a plan. Words, subject and `is_gate` stay from the first offer on."""

    description: Annotated[str, Field(max_length=LONGEST_DESCRIPTION, description="Markdown.")] = absent()
    milestone_number: Number | None = absent()
    change_number: Number | None = absent()
    is_gate: Annotated[bool, Field(description="A go/no-go: a refusal blocks what comes after its milestone.")] = (
        absent()
    )
    rule: Annotated[VerdictRule, Field(strict=False, description=RULE)] = absent()
    criteria: Annotated[CriteriaIn, Field(description=CRITERIA)] = absent()

    def plan(self) -> dict[str, Any]:
        """The same for the room."""
        given = self.given()
        return given | ({"criteria": given["criteria"].given()} if "criteria" in given else {})


class TestPlanNew(TestPlanFields):
    """A plan to be added: for a milestone, a change request, or neither."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"title": "Acceptance of the beta", "milestone_number": 1, "rule": "worst_of_latest",
                          "criteria": {"all_run": True, "most_failed": {"1": 0, "2": 3}}}]
        }
    )  # fmt: skip

    title: Line


class TestPlanPatch(TestPlanFields):
    """Changes of a plan. Rule and criteria are of a version: after an offer they begin the next one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"criteria": {"most_failed": {"1": 0}}}]})

    title: Line = absent()


class StepIn(Incoming):
    """One step of a case."""

    action: Text = absent()
    expected: Text = absent()


class TestCaseFields(Incoming):
    """What can be said of a case."""

    section: Annotated[str, Field(max_length=200)] = absent()
    precondition: Text = absent()
    steps: Annotated[list[StepIn], Field(max_length=MOST_STEPS)] = absent()
    expected: Text = absent()
    priority: Annotated[int, Field(ge=1, le=3, description="1 is the highest.")] = absent()
    is_automatic: Annotated[bool, Field(description="Run by machines; no tester is asked.")] = absent()
    requirement_number: Number | None = absent()
    item_number: Number | None = absent()
    criterion: Annotated[Text, Field(description="The acceptance criterion that it checks.")] = absent()
    external_ref: Annotated[str | None, Field(max_length=200)] = absent()

    def case(self) -> dict[str, Any]:
        """The same for the room."""
        given = self.given()
        return given | ({"steps": [one.given() for one in given["steps"]]} if "steps" in given else {})


class TestCaseNew(TestCaseFields):
    """A case to be added."""

    title: Title


class TestCasePatch(TestCaseFields):
    """Changes of a case in the draft; after an offer they begin the next version."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"priority": 2}]})

    title: Title = absent()


class TestCasesNew(Incoming):
    """Cases to be added at the end, in their order; all of them or none."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cases": [CASE]}]})

    cases: Annotated[list[TestCaseNew], Field(min_length=1, max_length=500)]


class TestCasesAdded(Outgoing):
    """The numbers of the cases that were added."""

    cases: list[int]


class TestPlanShort(Outgoing):
    """A plan in a list. `offered_version` is what the client sees; `acceptance` the newest one's number."""

    number: int
    title: str
    milestone_number: int | None
    change_number: int | None
    is_gate: bool
    version: int
    offered_version: int | None
    round: int | None
    acceptance: int | None


class TestPlanPage(Outgoing):
    """A page of plans, the newest first."""

    items: list[TestPlanShort]
    next: str | None


class TestPlanOut(Outgoing):
    """A plan with its newest version. Once it is offered, `digest` is its SHA-256 and it never changes."""

    number: int
    title: str
    description: str
    milestone_number: int | None
    change_number: int | None
    is_gate: bool
    version: int
    offered_version: int | None
    state: PlanState
    rule: VerdictRule
    criteria: dict[str, Any]
    digest: str | None
    created_at: Moment
    offered_at: Moment | None


class StepOut(Outgoing):
    """One step of a case."""

    action: str
    expected: str


class TestCaseOut(Outgoing):
    """A case in one version of its plan; `digest` is that of what is tested."""

    number: int
    version: int
    section: str
    title: str
    precondition: str
    steps: list[StepOut]
    expected: str
    priority: int
    is_automatic: bool
    requirement_number: int | None
    item_number: int | None
    criterion: str
    external_ref: str | None
    digest: str


class TestCaseList(Outgoing):
    """A page of cases, in the plan's order."""

    items: list[TestCaseOut]
    next: str | None


class CriterionOut(Outgoing):
    """A criterion and how it stands: `actual` cases are against it, `limit` may be."""

    what: What
    priority: int | None
    limit: int
    actual: int
    is_met: bool


class CriteriaOut(Outgoing):
    """How the version that was offered last stands."""

    version: int
    is_met: bool
    criteria: list[CriterionOut]
    passed: int
    failed: int
    blocked: int
    not_applicable: int
    not_run: int


def plan_short(line: PlanLine) -> dict[str, Any]:
    """A plan's line as JSON values."""
    fields = {
        name: getattr(line.plan, name) for name in TestPlanShort.model_fields if name not in ("round", "acceptance")
    }
    round_number = line.round.number if line.round else None
    acceptance = line.acceptance.number if line.acceptance else None
    return TestPlanShort(**fields, round=round_number, acceptance=acceptance).shown()


def plan_full(view: PlanView) -> dict[str, Any]:
    """A plan as JSON values."""
    of_version = ("version", "state", "rule", "criteria", "offered_at")
    fields = {name: getattr(view.version, name) for name in of_version}
    fields |= {
        name: getattr(view.plan, name) for name in TestPlanOut.model_fields if name not in (*of_version, "digest")
    }
    return TestPlanOut(**fields, digest=view.version.digest.hex() if view.version.digest else None).shown()


def case_out(row: TestCase) -> dict[str, Any]:
    """A case as JSON values."""
    fields = {name: getattr(row, name) for name in TestCaseOut.model_fields if name not in ("digest", "steps")}
    return TestCaseOut(**fields, digest=row.digest.hex(), steps=[StepOut(**one) for one in row.steps]).shown()


def criteria_out(view: CriteriaView) -> CriteriaOut:
    """Criteria with how they stand."""
    criteria = [
        CriterionOut(what=one.what, priority=one.priority, limit=one.limit, actual=one.actual, is_met=one.is_met)
        for one in view.criteria
    ]
    counts = {outcome.value: view.count(outcome) for outcome in Outcome}
    version = view.version.version
    return CriteriaOut(version=version, is_met=view.is_met, criteria=criteria, not_run=view.count(None), **counts)
