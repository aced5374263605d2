"""The tests on paper: the acceptance protocol with its signatures, and the sheet for those who test by hand."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance import papers, queries, standing
from portal.acceptance.models import Acceptance
from portal.acceptance.papers import MOST_ON_SHEET, Signed
from portal.access import Scope
from portal.decisions import queries as decisions
from portal.decisions.receipt_pdf import Agency
from portal.errors import NotFound
from portal.ledger import receipts
from web.auth import settings_of
from web.catalogues import catalogue
from web.deps import ProjectScope, database_of
from web.locale_choice import locale_of

router = APIRouter(include_in_schema=False)


@router.get("/projects/{key}/tests/{number}/acceptances/{acceptance}/protocol.pdf", name="test_protocol")
async def protocol(request: Request, scope: ProjectScope, number: int, acceptance: int) -> Response:
    """The protocol that was put to the client, with its signatures so far. Not for who is a tester alone."""
    if scope.is_tester_alone:
        raise NotFound("There is nothing here for testers.")
    async with database_of(request).read(scope.project_id) as db:
        await queries.plan(db, scope, number)
        row = await standing.acceptance(db, scope, acceptance, plan=number)
        decision = await decisions.decision(db, scope, row.decision_number)
        signed = await _signed(db, scope, row)
    made = await papers.protocol_pdf(row, decision.digest.hex(), signed, **_by(request, scope))
    return _saved(made, f"protocol-{scope.key}-{acceptance}.pdf")


async def _signed(db: AsyncSession, scope: Scope, row: Acceptance) -> list[Signed]:
    answers = await decisions.answers_of(db, scope, row.decision_number)
    return [Signed(one, await receipts.receipt_of(db, scope.project_id, one.seq)) for one in answers]


@router.get("/projects/{key}/tests/{number}/sheet.pdf", name="test_sheet")
async def sheet(request: Request, scope: ProjectScope, number: int) -> Response:
    """The cases of a plan with boxes to tick."""
    async with database_of(request).read(scope.project_id) as db:
        view = await queries.plan_view(db, scope, number)
        cases = await queries.cases(db, scope, number, view.version.version, limit=MOST_ON_SHEET)
    at = view.version.offered_at or view.plan.created_at
    by = _by(request, scope)
    made = await papers.sheet_pdf(view.plan, view.version, cases, project=scope.project.name, at=at, **by)
    return _saved(made, f"tests-{scope.key}-{number}.pdf")


def _by(request: Request, scope: Scope) -> dict[str, Any]:
    """Whose paper it is, and the reader's language with its words."""
    settings, locale = settings_of(request), locale_of(request, scope.viewer.locale)
    agency = Agency(settings.agency_name, settings.agency_colour, settings.base_url)
    return {"agency": agency, "gettext": catalogue(locale).gettext, "locale": locale}


def _saved(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-cache"}
    return Response(content, media_type="application/pdf", headers=headers)
