"""Change requests and the contract in the browser: what is wanted, what it would cost and move, and what was agreed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from portal import traceability
from portal.access import Role, Scope
from portal.changes import commands, contract_view, decided, queries
from portal.changes.contract_view import ContractView
from portal.changes.models import ChangeState
from portal.changes.queries import ChangeRow, ChangeView
from portal.clock import day_of
from portal.errors import Conflict, Invalid, NotFound, PortalError, TooLarge
from portal.files import commands as files
from portal.ledger.models import Audience
from portal.money import Money
from portal.trace.models import TraceKind
from portal.traceability import Link
from web import uploads
from web.deps import ProjectScope, ReadSession, SignedIn, UnitOfWork, WritingScope, database_of, writing_scope
from web.etag import unchanged
from web.paths import to
from web.render import etag_for, respond
from web.uploads import Refused, UploadForm

EACH_PAGE = 50
MOST_FILES = 10
FIELDS = ("title", "wanted", "reason")

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """A change request in the list, with its age: the days that it took, or has taken so far."""

    row: ChangeRow
    days: int


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """The context of changes/list.html."""

    lines: Sequence[ChangeLine]
    next: str
    may_raise: bool
    shown: str


@dataclass(frozen=True, slots=True)
class ChangePage:
    """The context of changes/change.html. `asks`: how this viewer stands to an offer that is open; `is_over`: its last
    day has passed."""

    view: ChangeView
    asks: str
    is_over: bool
    may_withdraw: bool
    is_draft: bool
    links: Sequence[Link]


@dataclass(frozen=True, slots=True)
class NewPage:
    """The context of changes/new.html: what was written, and what is wrong with it or with files that came with it.

    `had_files`: some must be chosen again, as no page can do that for them.
    """

    title: str = ""
    wanted: str = ""
    reason: str = ""
    fault: str = ""
    field: str = ""
    refused: Sequence[Refused] = ()
    had_files: bool = False
    most_files: int = MOST_FILES


@dataclass(frozen=True, slots=True)
class ContractPage:
    """The context of changes/contract.html; `view` is None while there is no contract."""

    view: ContractView | None
    changed: Money | None


@router.get("/projects/{key}/contract", name="contract")
async def contract(request: Request, scope: ProjectScope, db: ReadSession) -> Response:
    """The contract as it was signed, each amendment, and what follows; for who may see money, else nothing is here."""
    if not scope.sees_money:
        raise NotFound("There is nothing here.")
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    view = await contract_view.contract_view(db, scope)
    page = ContractPage(view, view.total - view.original if view else None)
    return respond(request, "changes/contract.html", page, scope=scope, tab="contract", etag=etag)


@router.get("/projects/{key}/changes", name="changes")
async def changes(
    request: Request,
    scope: ProjectScope,
    db: ReadSession,
    before: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    state: str = "",
) -> Response:
    """The change requests, the newest first."""
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    wanted = _state(state)
    rows = await queries.changes(db, scope, state=wanted, before=before, limit=EACH_PAGE + 1)
    page = ChangesPage(
        lines=[ChangeLine(row, _age(row, scope)) for row in rows[:EACH_PAGE]],
        next=_next(rows, state) if len(rows) > EACH_PAGE else "",
        may_raise=may_raise(scope),
        shown=wanted.value if wanted else "",
    )
    return respond(request, "changes/list.html", page, scope=scope, tab="changes", etag=etag)


def _state(text: str) -> ChangeState | None:
    try:
        return ChangeState(text) if text else None
    except ValueError:
        right = ", ".join(ChangeState)
        raise Invalid(f"state must be one of: {right}.", field="state", value=text[:40]) from None


def _next(rows: Sequence[ChangeRow], state: str) -> str:
    return f"?before={rows[EACH_PAGE - 1].request.number}" + (f"&state={state}" if state else "")


def _age(row: ChangeRow, scope: Scope) -> int:
    ended = row.request.settled_at
    until = day_of(ended, scope.zone) if ended else scope.today
    return (until - day_of(row.request.raised_at, scope.zone)).days


def may_raise(scope: Scope) -> bool:
    """Whether this viewer can raise one in the browser; staff do it by the API."""
    is_open = not scope.is_staff and not scope.preview and scope.project.status != "archived"
    return is_open and Role.APPROVER in scope.roles


@router.get("/projects/{key}/changes/new", name="new_change")
async def new_change(request: Request, scope: ProjectScope) -> Response:
    """The form to raise one."""
    scope.require(Role.APPROVER)
    return respond(request, "changes/new.html", NewPage(), scope=scope, tab="changes")


def _require_approver(scope: Scope) -> None:
    scope.require(Role.APPROVER)


@router.post("/projects/{key}/changes", name="raise_change")
async def raise_change(
    request: Request,
    key: str,
    arrival: SignedIn,
    form: Annotated[
        UploadForm, uploads.form(files={"file": MOST_FILES}, fields=FIELDS, may=_require_approver, spares=True)
    ],
) -> Response:
    """Raises one with its files, or neither. What is wrong is said beside it, and no word of it is lost."""
    scope = arrival.scope()
    try:
        async with uploads.gone_unless_kept(request, scope, form), database_of(request).write() as db:
            if form.refused:
                raise Invalid(FILES_REFUSED)
            number = await _raise(db, await writing_scope(key, arrival, db), form)
    except (Invalid, TooLarge, Conflict) as fault:
        page = _written(form, fault)
        return respond(request, "changes/new.html", page, scope=scope, tab="changes", status=422)
    return to(f"/projects/{key}/changes/{number}?notice=raised")


FILES_REFUSED = "Nothing was sent yet: a file cannot be taken."


async def _raise(db: AsyncSession, scope: Scope, form: UploadForm) -> int:
    scope.require(Role.APPROVER)
    kept = [
        await files.add_file(db, scope, one, audience=Audience.CLIENT, by_client=True) for one in form.files["file"]
    ]
    words = {field: form.text(field) for field in FIELDS}
    return (await commands.raise_change(db, scope, **words, files=[one.number for one in kept])).number


def _written(form: UploadForm, fault: PortalError) -> NewPage:
    title, wanted, reason = ("".join(form.fields[field])[:40_000] for field in FIELDS)
    is_of_file = fault.field == "file"
    return NewPage(
        title=title[:400],
        wanted=wanted,
        reason=reason,
        fault=FILES_REFUSED if is_of_file else fault.message,
        field=fault.field or ("file" if form.refused else ""),
        refused=[Refused(str(fault.value), fault.message)] if is_of_file else form.refused,
        had_files=bool(form.received or form.refused),
    )


@router.get("/projects/{key}/changes/{number}", name="change")
async def change(request: Request, scope: ProjectScope, db: ReadSession, number: int) -> Response:
    """One change request: what is wanted and why, the alternatives side by side, and where it stands."""
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    linked = traceability.links_column(scope, TraceKind.CHANGE_REQUEST, number)
    view = await queries.change_view(db, scope, number, linked)
    state = view.request.state
    is_offered = state is ChangeState.OFFERED
    is_over = is_offered and decided.is_over(scope, view.request)  # a job marks it soon, but for archived projects
    page = ChangePage(
        view=view,
        asks=_asks(scope) if is_offered and not is_over else "",
        is_over=is_over or state is ChangeState.EXPIRED,
        may_withdraw=may_raise(scope) and view.request.by_client and state in WITHDRAWABLE,
        is_draft=state is ChangeState.BEING_PRICED,
        links=traceability.links_from(view.also),
    )
    return respond(request, "changes/change.html", page, scope=scope, tab="changes", etag=etag)


WITHDRAWABLE = frozenset({ChangeState.RAISED, ChangeState.BEING_PRICED, ChangeState.EXPIRED})


def _asks(scope: Scope) -> str:
    """How a viewer stands to an open offer: who decides on a price approves and sees it. Nobody is asked once the
    project is archived."""
    if scope.project.status == "archived":
        return ""
    if scope.is_staff:
        return "staff"
    if Role.APPROVER in scope.roles and Role.BILLING in scope.roles:
        return "decide"
    return "approver" if Role.APPROVER in scope.roles else "reader"


@router.post("/projects/{key}/changes/{number}/withdrawal", name="withdraw_change")
async def withdraw_change(scope: WritingScope, db: UnitOfWork, number: int, reason: Text = "") -> Response:
    """A client's approver takes their side's own request back."""
    scope.require(Role.APPROVER)
    await commands.withdraw(db, scope, number, reason)
    return RedirectResponse(f"/projects/{scope.key}/changes/{number}", 303)
