"""Rounds of testing: opened for the client's testers and closed; results are read here, and entered by testers alone.

What machines found is sent here too; it never counts as what a tester said.
"""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.bodies import json_body
from api.deps import ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.openapi import answers
from api.paging import Paged
from api.round_shapes import (
    DefectOut,
    RoundCaseFull,
    RoundCaseList,
    RoundFull,
    RoundList,
    RoundOut,
    round_case,
    round_case_full,
    round_fields,
    round_full,
)
from api.shapes import Day, Incoming, Line, Outgoing, PathNumber, absent
from portal.acceptance import case_pages, defects, machines, pages, queries, rounds
from portal.acceptance.models import Outcome, Severity

router = door("tests", "/projects/{key}/tests/{number}/rounds")
PERSON = "6a1f2a52-30d2-4d3a-9c1e-2f0f1a7c9b11"


class TestersNew(Incoming):
    """People of the client who test."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"testers": [PERSON]}]})

    testers: Annotated[list[UUID], Field(min_length=1, max_length=200)]


class RoundNew(Incoming):
    """A round to be opened. `build_hash` is that of the build or commit under test, as text; it is signed later."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"testers": [PERSON], "build": "1.4.0", "address": "https://staging.example/",
                          "build_hash": "9f2c1e7", "ends_on": "2030-06-01"}]
        }
    )  # fmt: skip

    testers: Annotated[list[UUID], Field(min_length=1, max_length=200)]
    build: Annotated[str, Field(max_length=200)] = absent()
    address: Annotated[str, Field(max_length=2000)] = absent()
    build_hash: Annotated[str, Field(max_length=128)] = absent()
    starts_on: Day | None = absent()
    ends_on: Day | None = absent()


class DefectNew(Incoming):
    """A defect of a case that failed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "No receipt is shown", "severity": "major"}]})

    title: Line
    severity: Annotated[Severity, Field(strict=False)]
    environment: Annotated[str, Field(max_length=4000)] = absent()
    remark: Annotated[str, Field(max_length=4000)] = absent()


class ReportedNew(Incoming):
    """What a machine says of a case, named by its `external_ref` or its title."""

    ref: Annotated[str, Field(min_length=1, max_length=500)]
    outcome: Annotated[Outcome, Field(strict=False)]
    remark: Annotated[str, Field(max_length=100_000)] = absent()


class MachineResultsNew(Incoming):
    """What one run of a machine found. The same run sent again is one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"source": "CI", "run": "build 812", "results": [{"ref": "shop.pay.card", "outcome": "passed"}]}
            ]
        }
    )

    source: Annotated[Line, Field(max_length=100)]
    run: Line
    results: Annotated[list[ReportedNew], Field(min_length=1, max_length=5000)]


class MachineResultsKept(Outgoing):
    """How many results were kept, and which names fit no case."""

    kept: int
    unknown: list[str]


async def _full(db: ReadSession, scope: ReadScope, number: int, round_number: int) -> RoundFull:
    await queries.plan(db, scope, number)
    row = await queries.test_round(db, scope, number, round_number)
    return round_full(row, await queries.testers(db, scope, number, round_number))


@router.get("", responses=answers(RoundList, "The rounds, the oldest first."))
async def list_rounds(scope: ReadScope, db: ReadSession, number: PathNumber) -> RoundList:
    """The rounds of a plan, the oldest first."""
    await queries.plan(db, scope, number)
    rows = await queries.rounds(db, scope, number)
    return RoundList(items=[RoundOut(**round_fields(row)) for row in rows])


@router.post("", status_code=201, responses=answers(RoundFull, "It is open.", status=201))
async def open_round(
    scope: WriteScope, db: UnitOfWork, number: PathNumber, wanted: Annotated[RoundNew, json_body(RoundNew)]
) -> RoundFull:
    """Opens a round of the version that was offered last: it asks what is not passed, or was changed since."""
    given = wanted.given()
    row = await rounds.open_round(db, scope, number, given.pop("testers"), rounds.Terms(**given))
    return await _full(db, scope, number, row.number)


@router.get("/{round_number}", responses=answers(RoundFull, "The round."))
async def read_round(scope: ReadScope, db: ReadSession, number: PathNumber, round_number: PathNumber) -> RoundFull:
    """One round with its testers and what it came to so far."""
    return await _full(db, scope, number, round_number)


@router.post("/{round_number}/testers", status_code=201, responses=answers(RoundFull, "They test.", status=201))
async def add_testers(
    scope: WriteScope,
    db: UnitOfWork,
    number: PathNumber,
    round_number: PathNumber,
    wanted: Annotated[TestersNew, json_body(TestersNew)],
) -> RoundFull:
    """Names further testers of a round that runs."""
    await rounds.add_testers(db, scope, number, round_number, wanted.testers)
    return await _full(db, scope, number, round_number)


@router.post("/{round_number}/closing", status_code=201, responses=answers(RoundFull, "It is closed.", status=201))
async def close_round(scope: WriteScope, db: UnitOfWork, number: PathNumber, round_number: PathNumber) -> RoundFull:
    """Closes a round: results that come later are not taken."""
    await rounds.close_round(db, scope, number, round_number)
    return await _full(db, scope, number, round_number)


@router.get(
    "/{round_number}/cases", responses=answers(RoundCaseList, "A page of cases, in order.", headers=("Link",))
)  # fmt: skip
async def list_round_cases(
    scope: ReadScope,
    db: ReadSession,
    paged: Paged,
    number: PathNumber,
    round_number: PathNumber,
) -> Response:
    """The cases that a round asks, with their verdicts so far."""
    head = await pages.round_head(db, scope, number, round_number)
    after = paged.after()
    last = (after[0], after[1]) if after else None
    rows = await pages.round_cases(db, scope, head.round, after=last, limit=paged.limit + 1)
    return paged.page(rows, lambda row: (row.position, row.number), round_case)


@router.get("/{round_number}/cases/{case}", responses=answers(RoundCaseFull, "The case, and what was said of it."))
async def read_round_case(
    scope: ReadScope, db: ReadSession, number: PathNumber, round_number: PathNumber, case: PathNumber
) -> RoundCaseFull:
    """One case of a round with all its results and defects."""
    return round_case_full(await case_pages.case_page(db, scope, number, round_number, case))


@router.post(
    "/{round_number}/cases/{case}/defects",
    status_code=201,
    responses=answers(DefectOut, "It is in the backlog.", status=201),
)
async def raise_defect(
    scope: WriteScope,
    db: UnitOfWork,
    number: PathNumber,
    round_number: PathNumber,
    case: PathNumber,
    wanted: Annotated[DefectNew, json_body(DefectNew)],
) -> DefectOut:
    """Makes an item of a case that failed, with steps, remarks, environment and files."""
    row = await defects.raise_defect(db, scope, number, round_number, case, defects.NewDefect(**wanted.given()))
    return DefectOut(item_number=row.item_number, round_number=row.round_number, severity=row.severity)


@router.post(
    "/{round_number}/machine-results",
    status_code=201,
    responses=answers(MachineResultsKept, "They are kept.", status=201),
)
async def record_machine_results(
    scope: WriteScope,
    db: UnitOfWork,
    number: PathNumber,
    round_number: PathNumber,
    wanted: Annotated[MachineResultsNew, json_body(MachineResultsNew)],
) -> MachineResultsKept:
    """Keeps what a machine found beside what people say; it changes no verdict."""
    found: list[Any] = [machines.Reported(**one.given()) for one in wanted.results]
    kept = await machines.record_machine(db, scope, number, round_number, wanted.source, wanted.run, found)
    return MachineResultsKept(kept=kept.kept, unknown=list(kept.unknown))
