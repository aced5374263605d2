"""Test plans and their cases: written, drafted from acceptance criteria, and offered to the client.

Rounds are in testing_rounds.py, acceptances in acceptances.py.
"""

from typing import Annotated, Any

from fastapi import Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import IfMatch, editable
from api.deps import EditScope, ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.openapi import answers
from api.paging import Paged
from api.shapes import PathNumber
from api.testing_shapes import (
    CriteriaOut,
    TestCaseList,
    TestCaseOut,
    TestCasePatch,
    TestCasesAdded,
    TestCasesNew,
    TestPlanNew,
    TestPlanOut,
    TestPlanPage,
    TestPlanPatch,
    case_out,
    criteria_out,
    plan_full,
    plan_short,
)
from portal.acceptance import editing, plans, queries, standing
from portal.access import Scope

router = door("tests", "/projects/{key}/tests")


async def _plan(db: AsyncSession, scope: Scope, number: int) -> dict[str, Any]:
    return plan_full(await queries.plan_view(db, scope, number))


async def _case(db: AsyncSession, scope: Scope, number: int, case: int) -> dict[str, Any]:
    plan = await queries.plan(db, scope, number)
    return case_out(await queries.case(db, scope, number, plan.version, case))


@router.get("", responses=answers(TestPlanPage, "A page of test plans, the newest first.", headers=("Link",)))
async def list_plans(scope: ReadScope, db: ReadSession, paged: Paged) -> Response:
    """All test plans, the newest first."""
    after = paged.after()
    rows = await queries.plans(db, scope, before=after[0] if after else None, limit=paged.limit + 1)
    return paged.page(rows, lambda row: (row.plan.number,), plan_short)


@router.post(
    "", status_code=201, responses=answers(TestPlanOut, "It is added.", status=201, headers=("ETag", "Location"))
)
async def add_plan(
    scope: WriteScope, db: UnitOfWork, wanted: Annotated[TestPlanNew, json_body(TestPlanNew)]
) -> Response:
    """Adds a plan, as a draft without cases."""
    row = await plans.add_plan(db, scope, wanted.plan())
    location = f"/api/v1/projects/{scope.key}/tests/{row.number}"
    return editable(await _plan(db, scope, row.number), status_code=201, location=location)


@router.get("/{number}", responses=answers(TestPlanOut, "The plan.", headers=("ETag",)))
async def read_plan(scope: ReadScope, db: ReadSession, number: PathNumber) -> Response:
    """One plan, with its newest version."""
    return editable(await _plan(db, scope, number))


@router.patch("/{number}", responses=answers(TestPlanOut, "The plan as it is now.", headers=("ETag",)))
async def change_plan(
    scope: EditScope,
    db: UnitOfWork,
    match: IfMatch,
    number: PathNumber,
    wanted: Annotated[TestPlanPatch, json_body(TestPlanPatch)],
) -> Response:
    """Changes a plan; what was offered stays, and the change begins the next version."""
    match.require(await _plan(db, scope, number))
    await plans.change_plan(db, scope, number, wanted.plan())
    return editable(await _plan(db, scope, number))


@router.get("/{number}/cases", responses=answers(TestCaseList, "A page of cases, in order.", headers=("Link",)))
async def list_cases(
    scope: ReadScope,
    db: ReadSession,
    paged: Paged,
    number: PathNumber,
    version: Annotated[int | None, Query(ge=1, lt=2**31, description="The newest, unless one is named.")] = None,
) -> Response:
    """The cases of one version, in the plan's order."""
    plan = await queries.plan(db, scope, number)
    wanted = (await queries.version(db, scope, number, version or plan.version)).version
    after = paged.after()
    last = (after[0], after[1]) if after else None
    rows = await queries.cases(db, scope, number, wanted, after=last, limit=paged.limit + 1)
    return paged.page(rows, lambda row: (row.position, row.number), case_out)


@router.post("/{number}/cases", status_code=201, responses=answers(TestCasesAdded, "They are added.", status=201))
async def add_cases(
    scope: WriteScope, db: UnitOfWork, number: PathNumber, wanted: Annotated[TestCasesNew, json_body(TestCasesNew)]
) -> TestCasesAdded:
    """Adds cases to the draft, all of them or none."""
    return TestCasesAdded(cases=await editing.add_cases(db, scope, number, [one.case() for one in wanted.cases]))


@router.post("/{number}/drafts", status_code=201, responses=answers(TestCasesAdded, "They are drafted.", status=201))
async def draft_cases(scope: WriteScope, db: UnitOfWork, number: PathNumber) -> TestCasesAdded:
    """Drafts a case for each acceptance criterion of what the plan is for that has none yet."""
    return TestCasesAdded(cases=await editing.draft_cases(db, scope, number))


@router.get("/{number}/cases/{case}", responses=answers(TestCaseOut, "The case.", headers=("ETag",)))
async def read_case(scope: ReadScope, db: ReadSession, number: PathNumber, case: PathNumber) -> Response:
    """One case, in the newest version."""
    return editable(await _case(db, scope, number, case))


@router.patch("/{number}/cases/{case}", responses=answers(TestCaseOut, "The case as it is now.", headers=("ETag",)))
async def change_case(
    scope: EditScope,
    db: UnitOfWork,
    match: IfMatch,
    number: PathNumber,
    case: PathNumber,
    wanted: Annotated[TestCasePatch, json_body(TestCasePatch)],
) -> Response:
    """Changes a case; in a plan that was offered, this begins the next version."""
    match.require(await _case(db, scope, number, case))
    await editing.change_case(db, scope, number, case, wanted.case())
    return editable(await _case(db, scope, number, case))


@router.delete("/{number}/cases/{case}", status_code=204, responses={204: {"description": "It is taken out."}})
async def remove_case(
    scope: EditScope, db: UnitOfWork, match: IfMatch, number: PathNumber, case: PathNumber
) -> Response:  # fmt: skip
    """Takes a case out of the draft; older versions and results keep it."""
    match.require(await _case(db, scope, number, case))
    await editing.remove_case(db, scope, number, case)
    return Response(status_code=204)


@router.post(
    "/{number}/offer",
    status_code=201,
    responses=answers(TestPlanOut, "The client sees it.", status=201, headers=("ETag",)),
)
async def offer_plan(scope: WriteScope, db: UnitOfWork, number: PathNumber) -> Response:
    """Shows the newest version to the client, and freezes it."""
    await plans.offer(db, scope, number)
    return editable(await _plan(db, scope, number), status_code=201)


@router.get("/{number}/criteria", responses=answers(CriteriaOut, "What is met, and what is missing."))
async def read_criteria(scope: ReadScope, db: ReadSession, number: PathNumber) -> CriteriaOut:
    """How the version that was offered last stands against its criteria."""
    return criteria_out(await standing.criteria_view(db, scope, number))
