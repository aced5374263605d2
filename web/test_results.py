"""What testers send: a result, many at once, taken back, a defect. A result that could not be sent comes again."""

from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance import case_pages, defects, pages, results
from portal.acceptance.defects import NewDefect
from portal.acceptance.models import Outcome, Severity
from portal.acceptance.results import Entry
from portal.access import Scope
from portal.errors import Invalid, NotAllowed, SignInNeeded
from portal.files import commands as files
from portal.ledger.models import Audience
from web import uploads
from web.deps import UnitOfWork, WritingScope
from web.paths import to
from web.uploads import UploadForm

router = APIRouter(include_in_schema=False)
FIELDS = ("id", "outcome", "remark", "device", "at", "entered_by")
MOST_UNDONE, HEX = 100, 32
"""Results that one click takes back: as many as a page lists; their ids are told as 32 hexadecimal digits each."""
ROUND = "/projects/{key}/tests/{number}/rounds/{round_number}"
Text = Annotated[str, Form()]


def _require_client(scope: Scope) -> None:
    """Asked before a byte of a file is read. Raises NotAllowed for staff, who never enter results."""
    results.require_client(scope)


@router.post(ROUND + "/cases/{case}/results", name="test_result")
async def record(
    request: Request,
    form: Annotated[UploadForm, uploads.form(files={"file": 10}, fields=FIELDS, may=_require_client)],
    scope: WritingScope,
    db: UnitOfWork,
    number: int,
    round_number: int,
    case: int,
) -> Response:
    """Keeps one result with its files, and leads to the next case of which nothing was said."""
    await _require_tester(db, scope, number, round_number)
    _require_author(scope, form.text("entered_by"))
    sent = _id(form.text("id"))
    before = await results.known(db, scope, sent)
    kept = [] if before else [await files.add_file(db, scope, one, audience=Audience.CLIENT, by_client=True)
                             for one in form.files["file"]]  # fmt: skip
    entry = Entry(
        id=sent, case=case, outcome=_outcome(form.text("outcome")), remark=form.text("remark"),
        files=tuple(one.number for one in kept), device=form.text("device"), at=_moment(form.text("at")),
    )  # fmt: skip
    await results.record(db, scope, number, round_number, entry)
    found = await case_pages.case_page(db, scope, number, round_number, case)
    address = _address(scope, number, round_number)
    following = f"{address}/cases/{found.next_to_do}" if found.next_to_do else f"{address}?notice=done"
    if _wants_json(request):
        return JSONResponse({"kept": str(sent), "next": following}, headers={"Cache-Control": "no-store"})
    return to(following)


@router.post(ROUND + "/results", name="test_results")
async def record_many(
    scope: WritingScope,
    db: UnitOfWork,
    number: int,
    round_number: int,
    outcome: Text = "",
    id: Text = "",
    cases: Annotated[list[int] | None, Form()] = None,
) -> Response:
    """Marks many cases at once with one outcome, once however often it is sent; the page offers to take it back."""
    await _require_tester(db, scope, number, round_number)
    if not cases:
        raise Invalid("Choose some cases first.", field="cases")
    said, seed = _outcome(outcome), _id(id)
    entries = [Entry(uuid5(seed, f"{one} {said}"), one, said) for one in dict.fromkeys(cases)]
    kept = await results.record_all(db, scope, number, round_number, entries)
    # Sent again from a page to which somebody went back: what was taken back since is marked anew.
    anew = [Entry(uuid4(), one.case_number, said) for one in kept if one.undone_at]
    kept = [one for one in kept if not one.undone_at]
    if anew:
        kept += await results.record_all(db, scope, number, round_number, anew)
    undo = "".join(one.id.hex for one in kept[:MOST_UNDONE])
    return to(f"{_address(scope, number, round_number)}?notice=marked&undo={undo}")


@router.post(ROUND + "/results/undo", name="test_results_undo")
async def undo(scope: WritingScope, db: UnitOfWork, number: int, round_number: int, ids: Text = "") -> Response:
    """Takes results back that were just given: what was said before counts again."""
    await _require_tester(db, scope, number, round_number)
    given = [_id(ids[at : at + HEX]) for at in range(0, len(ids), HEX)]
    await results.undo(db, scope, number, round_number, given)
    return to(f"{_address(scope, number, round_number)}?notice=undone")


@router.post(ROUND + "/cases/{case}/defects", name="test_defect")
async def raise_defect(
    scope: WritingScope,
    db: UnitOfWork,
    number: int,
    round_number: int,
    case: int,
    title: Text = "",
    severity: Text = "major",
    environment: Text = "",
    remark: Text = "",
) -> Response:
    """Makes a defect of a failed case: an item of the backlog, linked both ways."""
    scope.require_writable()
    if not scope.is_staff:
        await _require_tester(db, scope, number, round_number)
    try:
        grave = Severity(severity)
    except ValueError:
        raise Invalid("A severity is one of blocker, major, minor.", field="severity", value=severity) from None
    await defects.raise_defect(
        db, scope, number, round_number, case, NewDefect(title, grave, environment=environment, remark=remark)
    )
    return to(f"{_address(scope, number, round_number)}/cases/{case}#defects")


async def _require_tester(db: AsyncSession, scope: Scope, number: int, round_number: int) -> None:
    """Who may say something is asked before what was sent is looked at. Raises NotFound, NotAllowed."""
    results.require_client(scope)
    if (await pages.round_head(db, scope, number, round_number)).mine is None:
        raise NotAllowed("You are not among the testers of this round.")


def _require_author(scope: Scope, entered_by: str) -> None:
    """Raises SignInNeeded for what the script sends late, from a page that somebody else had opened in this browser."""
    if entered_by not in ("", str(scope.viewer.person_id)):
        raise SignInNeeded("Please sign in.")


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("A result has an id of its own: open the case anew.", field="id", value=text[:40]) from None


def _moment(text: str) -> datetime | None:
    """When it was entered, which the script tells: a result may have waited for the network."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid("A moment is told as 2026-11-26T10:00:00Z.", field="at", value=text[:40]) from None


def _outcome(text: str) -> Outcome:
    try:
        return Outcome(text)
    except ValueError:
        raise Invalid("Choose passed, failed, blocked or not applicable.", field="outcome", value=text[:40]) from None


def _wants_json(request: Request) -> bool:
    """Whether the page's script sends it, which keeps the result until it has this answer."""
    return "application/json" in request.headers.get("accept", "")


def _address(scope: Scope, number: int, round_number: int) -> str:
    return f"/projects/{scope.key}/tests/{number}/rounds/{round_number}"
