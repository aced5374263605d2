"""Tables of test acceptance: plans in versions, cases, rounds, results, defects, and acceptances."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime, choice


class PlanState(StrEnum):
    """Where the present version of a test plan stands."""

    DRAFT = "draft"
    OFFERED = "offered"


class Outcome(StrEnum):
    """What a tester, or a machine, says of a case. In the order from best to worst of `worst`."""

    PASSED = "passed"
    NOT_APPLICABLE = "not_applicable"
    BLOCKED = "blocked"
    FAILED = "failed"


class Why(StrEnum):
    """Why a round asks a case."""

    NEW = "new"
    """It was never run, or reads otherwise since."""
    NOT_PASSED = "not_passed"
    DEFECT_DONE = "defect_done"
    COVERS_CHANGED = "covers_changed"
    """It passed, and what it covers was changed since."""


class VerdictRule(StrEnum):
    """How several testers' results of a case become its verdict."""

    WORST_OF_LATEST = "worst_of_latest"
    LATEST = "latest"
    MAJORITY_OF_LATEST = "majority_of_latest"


class Severity(StrEnum):
    """How bad a defect is."""

    BLOCKER = "blocker"
    MAJOR = "major"
    MINOR = "minor"


class AcceptanceState(StrEnum):
    """Where an acceptance stands."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    ACCEPTED_WITH_RESERVATIONS = "accepted_with_reservations"
    REFUSED = "refused"
    DEEMED = "deemed"
    WITHDRAWN = "withdrawn"


_OUTCOME = choice(Outcome, "test_outcome")


def _of_plan(table: str) -> ForeignKeyConstraint:
    plan = ["test_plan.project_id", "test_plan.number"]
    return ForeignKeyConstraint(["project_id", "plan_number"], plan, name=f"fk_{table}_plan")


def _of_round(table: str) -> ForeignKeyConstraint:
    number = ["test_round.project_id", "test_round.plan_number", "test_round.number"]
    return ForeignKeyConstraint(["project_id", "plan_number", "round_number"], number, name=f"fk_{table}_round")


class TestPlan(Base):
    """What is to be tested before something is accepted. `version` is the newest; it is offered or still a draft."""

    __test__ = False  # not a class of pytest's
    __tablename__ = "test_plan"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    title: Mapped[str]
    description: Mapped[str]
    milestone_number: Mapped[int | None]
    change_number: Mapped[int | None]
    version: Mapped[int]
    offered_version: Mapped[int | None]
    """The newest version that the client may see; None while there is none."""
    last_case: Mapped[int] = mapped_column(default=0)
    """The highest number that a case ever had."""
    is_gate: Mapped[bool] = mapped_column(default=False)
    """A go/no-go: what comes after its milestone cannot be accepted while the last word on it is no."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    seq: Mapped[int]


class TestPlanVersion(Base):
    """One version of a plan: criteria and the rule of verdicts. Frozen once it is offered."""

    __test__ = False
    __tablename__ = "test_plan_version"
    __table_args__ = (_of_plan("test_plan_version"),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[PlanState] = mapped_column(choice(PlanState, "test_plan_state"))
    rule: Mapped[VerdictRule] = mapped_column(choice(VerdictRule, "verdict_rule"))
    criteria: Mapped[dict[str, Any]] = mapped_column(JSON)
    """{"all_run": true, "most_failed": {"1": 0, "2": 3}}: at most so many failed cases of each priority."""
    digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """SHA-256 of the whole version, once it is offered."""
    offered_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class TestCase(Base):
    """A case in one version of its plan. `number` stays the same through all versions."""

    __test__ = False
    __tablename__ = "test_case"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "plan_number", "version"],
            ["test_plan_version.project_id", "test_plan_version.plan_number", "test_plan_version.version"],
            name="fk_test_case_version",
        ),
        UniqueConstraint("project_id", "plan_number", "version", "external_ref", name="uq_test_case_external_ref"),
        CheckConstraint("priority BETWEEN 1 AND 3", name="priority_1_to_3"),
        Index("ix_test_case_position", "project_id", "plan_number", "version", "position", "number"),
        Index("ix_test_case_requirement", "project_id", "requirement_number"),
        Index("ix_test_case_item", "project_id", "item_number"),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int]
    section: Mapped[str] = mapped_column(default="")
    title: Mapped[str]
    precondition: Mapped[str]
    steps: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    """As {action, expected}."""
    expected: Mapped[str]
    priority: Mapped[int]
    is_automatic: Mapped[bool]
    requirement_number: Mapped[int | None]
    item_number: Mapped[int | None]
    criterion: Mapped[str] = mapped_column(default="")
    """The acceptance criterion that it checks."""
    external_ref: Mapped[str | None]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of what is tested: a case that changed is asked again."""


class TestRound(Base):
    """A stretch of testing by named testers, of one version of the plan, on one build."""

    __test__ = False
    __tablename__ = "test_round"
    __table_args__ = (_of_plan("test_round"),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
    build: Mapped[str]
    address: Mapped[str]
    build_hash: Mapped[str] = mapped_column(String(128))
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime())
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    cases: Mapped[int]
    """How many cases are asked in it."""
    reminded_on: Mapped[date | None]
    """When its testers were reminded of its last day; None while they were not."""
    passed: Mapped[int] = mapped_column(default=0)
    """How many of them have this verdict now, and so on: kept up by every result, so that pages count no rows."""
    not_applicable: Mapped[int] = mapped_column(default=0)
    blocked: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    seq: Mapped[int]


class TestTester(Base):
    """Somebody who tests in a round."""

    __test__ = False
    __tablename__ = "test_tester"
    __table_args__ = (
        _of_round("test_tester"),
        Index("ix_test_tester_person", "person_id"),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    round_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    done: Mapped[int] = mapped_column(default=0)
    """Of how many cases they have said something: kept up by every result."""


class RoundCase(Base):
    """A case that a round asks, with its verdict so far, kept up by every result."""

    __tablename__ = "test_round_case"
    __table_args__ = (_of_round("test_round_case"),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    round_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    case_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    why: Mapped[Why] = mapped_column(choice(Why, "test_why"))
    verdict: Mapped[Outcome | None] = mapped_column(_OUTCOME)
    """None while it was not run."""


class TestResult(Base):
    """What one tester said of one case. Its words never change: a later one of the same tester takes its place."""

    __test__ = False
    __tablename__ = "test_result"
    __table_args__ = (
        _of_round("test_result"),
        Index("ix_test_result_case", "project_id", "plan_number", "round_number", "case_number", "person_id", "seq"),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Made where it was entered, so that the same result sent twice is one."""
    plan_number: Mapped[int]
    round_number: Mapped[int]
    case_number: Mapped[int]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    """None for the result of a machine."""
    source: Mapped[str] = mapped_column(default="")
    """Of a machine: which."""
    outcome: Mapped[Outcome] = mapped_column(_OUTCOME)
    remark: Mapped[str]
    files: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    device: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    """When it was entered, by the device's clock, never later than when it arrived."""
    is_latest: Mapped[bool]
    """Whether this tester, or machine, has said nothing of this case in this round since; never of one taken back."""
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When its tester took it back. It stays, and counts no more; the one before counts again."""
    seq: Mapped[int]


class TestStanding(Base):
    """How a case stands over all rounds: its last verdict, and of which wording. None: it was run, and taken back."""

    __test__ = False
    __tablename__ = "test_standing"
    __table_args__ = (_of_plan("test_standing"),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    case_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    round_number: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Of the case as it was tested: it says nothing of one that reads otherwise."""
    verdict: Mapped[Outcome | None] = mapped_column(_OUTCOME)
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    seq: Mapped[int]


class TestFile(Base):
    """A file that a result of a plan names: what its testers may open, who may open nothing else."""

    __test__ = False
    __tablename__ = "test_file"
    __table_args__ = (_of_plan("test_file"),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    file_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class TestDefect(Base):
    """A backlog item that a failed case made."""

    __test__ = False
    __tablename__ = "test_defect"
    __table_args__ = (
        _of_plan("test_defect"),
        Index("ix_test_defect_item", "project_id", "item_number"),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    case_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    item_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    round_number: Mapped[int]
    severity: Mapped[Severity] = mapped_column(choice(Severity, "test_severity"))
    seq: Mapped[int]


class Acceptance(Base):
    """The question whether something is accepted, on the basis of a plan's results, and what came of it."""

    __tablename__ = "acceptance"
    __table_args__ = (
        _of_plan("acceptance"),
        Index("ix_acceptance_plan", "project_id", "plan_number", "number"),
        Index("ix_acceptance_state", "state", "deemed_on"),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    plan_number: Mapped[int]
    version: Mapped[int]
    milestone_number: Mapped[int | None]
    part: Mapped[str] = mapped_column(default="")
    """Of a milestone that is accepted in parts: which."""
    is_whole: Mapped[bool] = mapped_column(default=True)
    """Whether the milestone is accepted by it."""
    state: Mapped[AcceptanceState] = mapped_column(choice(AcceptanceState, "acceptance_state"))
    decision_number: Mapped[int]
    protocol: Mapped[str]
    """What is signed: canonical JSON of plan, cases, results, defects and build."""
    protocol_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    build_hash: Mapped[str] = mapped_column(String(128))
    deemed_on: Mapped[date | None]
    """The day after which it counts as accepted without a word, where the contract says so."""
    announced: Mapped[int] = mapped_column(default=0)
    """How often that was announced."""
    announced_on: Mapped[date | None]
    """When it was announced last."""
    reservations: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """As {item, text, due_on}, once accepted with reservations."""
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime())
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    seq: Mapped[int]
