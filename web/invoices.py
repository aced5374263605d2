"""Invoices in the browser: the list with where the money stands, one invoice with why each line is there, and what
the client asks about it. For who may see money; for all others nothing is here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from portal import clock
from portal.access import Role, Scope
from portal.billing import balance, disputes, invoice_view, queries
from portal.billing.balance import Standing
from portal.billing.coming import Coming, coming
from portal.billing.invoice_view import InvoiceView
from portal.billing.models import Invoice, InvoiceKind, InvoiceState
from portal.decisions.turns import minutes_between
from portal.errors import Conflict, Invalid, NotFound
from portal.money import Money
from portal.projects.models import StaffNames
from web.billing_chart import MoneyChart, money_charts
from web.deps import ProjectScope, ReadSession, UnitOfWork, WritingScope
from web.etag import unchanged
from web.render import etag_for, respond

EACH_PAGE = 50

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """An invoice in the list."""

    row: Invoice
    open: Money
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class InvoicesPage:
    """The context of invoices/list.html."""

    lines: Sequence[InvoiceLine]
    standing: Sequence[Standing]
    coming: Sequence[Coming]
    charts: Sequence[MoneyChart]
    is_first: bool
    next: str


@dataclass(frozen=True, slots=True)
class InvoicePage:
    """The context of invoices/invoice.html. `waiting` are the working minutes for which the client has waited for an
    answer; `shows_names` says whether the names beside hours may be read."""

    view: InvoiceView
    waiting: int | None
    may_ask: bool
    may_dispute: bool
    shows_names: bool
    text: str = ""
    fault: str = ""


def require_money(scope: Scope) -> None:
    """Raises NotFound for whoever may not see money."""
    if not scope.sees_money:
        raise NotFound("There is nothing here.")


@router.get("/projects/{key}/invoices", name="invoices")
async def invoices(
    request: Request, scope: ProjectScope, db: ReadSession, before: Annotated[int | None, Query(ge=1, lt=2**31)] = None
) -> Response:
    """The invoices, the newest first, with where the money stands and what is still to come."""
    require_money(scope)
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    rows = await queries.invoices(db, scope, before=before, limit=EACH_PAGE + 1)
    days = await balance.days(db, scope)
    expected = await coming(db, scope) if before is None else []
    page = InvoicesPage(
        lines=[_line(row, scope) for row in rows[:EACH_PAGE]],
        standing=balance.standing(days),
        coming=expected,
        charts=money_charts(days, expected, scope.today) if before is None else [],
        is_first=before is None,
        next=f"?before={rows[EACH_PAGE - 1].number}" if len(rows) > EACH_PAGE else "",
    )
    return respond(request, "invoices/list.html", page, scope=scope, tab="invoices", etag=etag)


def _line(row: Invoice, scope: Scope) -> InvoiceLine:
    return InvoiceLine(row, queries.open_amount(row), queries.is_overdue(row, scope.today))


@router.get("/projects/{key}/invoices/{number}", name="invoice")
async def invoice(request: Request, scope: ProjectScope, db: ReadSession, number: int) -> Response:
    """One invoice: every line with its reason, the tax, the payments, its files, and what was said about it."""
    require_money(scope)
    view = await invoice_view.invoice_view(db, scope, number)
    page = _page(view, scope)
    # A clock runs while the client waits: such a page is made anew each time.
    return respond(request, "invoices/invoice.html", page, scope=scope, tab="invoices")


def _page(view: InvoiceView, scope: Scope, **more: str) -> InvoicePage:
    row = view.row
    asks = not scope.is_staff and not scope.preview and scope.project.status != "archived"
    may_ask = asks and row.state is not InvoiceState.DRAFT
    stands = row.kind is InvoiceKind.INVOICE and row.state is not InvoiceState.CANCELLED
    return InvoicePage(
        view=view,
        waiting=_waiting(view, scope),
        may_ask=may_ask,
        may_dispute=may_ask and stands and row.disputed_at is None,
        shows_names=scope.is_staff or scope.project.show_staff == StaffNames.NAME,
        **more,
    )


def _waiting(view: InvoiceView, scope: Scope) -> int | None:
    since = disputes.waiting_since(view.words)
    return None if since is None else minutes_between(scope, since, clock.now())


@router.post("/projects/{key}/invoices/{number}/words", name="say_about_invoice")
async def say(
    request: Request, scope: WritingScope, db: UnitOfWork, number: int, text: Text = "", kind: Text = "question"
) -> Response:
    """The client asks about an invoice or disputes it. What is wrong is said beside the form, and nothing is lost."""
    scope.require(Role.BILLING)
    try:
        await disputes.ask(db, scope, number, text, disputes=kind == "dispute")
    except (Invalid, Conflict) as fault:
        view = await invoice_view.invoice_view(db, scope, number)
        page = _page(view, scope, text=text[:4000], fault=fault.message)
        return respond(request, "invoices/invoice.html", page, scope=scope, tab="invoices", status=422)
    return RedirectResponse(f"/projects/{scope.key}/invoices/{number}?notice=said#words", 303)
