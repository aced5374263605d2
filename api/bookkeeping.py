"""The agency's money across projects: what clients owe by how late it is, and the export for bookkeeping."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response, StreamingResponse

from api.deps import ReadSession, Viewing
from api.doors import router as door
from api.files import store_of
from api.money_shapes import MoneyOut, money_out
from api.openapi import answers
from api.shapes import Day, Outgoing
from portal import clock
from portal.access import StaffRole
from portal.billing import batch, bookkeeping, receivables
from portal.billing.batch import Syntax
from portal.billing.receivables import BUCKETS, Aged, Owed
from portal.errors import Invalid
from portal.money import Money
from portal.spreadsheet import BOM, rows_as_csv

router = door("billing")
Since = Annotated[str, Query(max_length=10, description="The first day; else this month's.")]
Until = Annotated[str, Query(max_length=10, description="The last day; else today.")]


class BucketOut(Outgoing):
    """What is owed of one age: `current` is not due yet, the others are days after the due day."""

    age: str
    amount: MoneyOut


class OwedOut(Outgoing):
    """An unpaid invoice."""

    project: str
    number: int
    reference: str
    due_on: Day | None
    days_late: int
    open: MoneyOut
    disputed: bool


class AgedOut(Outgoing):
    """What one client owes in one currency."""

    client: str
    currency: str
    ages: list[BucketOut]
    total: MoneyOut
    invoices: list[OwedOut]


class TotalOut(Outgoing):
    """What is owed in one currency by all."""

    currency: str
    ages: list[BucketOut]


class ReceivablesOut(Outgoing):
    """What clients owe. Amounts of two currencies are never added up."""

    items: list[AgedOut]
    totals: list[TotalOut]


@router.get("/receivables", responses=answers(ReceivablesOut, "What clients owe, by age."))
async def read_receivables(viewer: Viewing, db: ReadSession) -> ReceivablesOut:
    """What clients owe, by client and currency and by age; for finance and managers."""
    aged = await receivables.receivables(db, viewer)
    totals = [TotalOut(currency=code, ages=_ages(sums)) for code, sums in receivables.totals(aged).items()]
    return ReceivablesOut(items=[_aged(one) for one in aged], totals=totals)


def _ages(sums: Sequence[Money]) -> list[BucketOut]:
    return [BucketOut(age=age, amount=money_out(one)) for age, one in zip(BUCKETS, sums, strict=True)]


def _aged(one: Aged) -> AgedOut:
    invoices = [_owed(owed) for owed in one.invoices]
    return AgedOut(
        client=one.client, currency=one.currency, ages=_ages(one.buckets), total=money_out(one.total), invoices=invoices
    )


def _owed(one: Owed) -> OwedOut:
    return OwedOut(
        project=one.project, number=one.number, reference=one.reference, due_on=one.due_on, days_late=max(0, one.days),
        open=money_out(one.open), disputed=one.disputed,
    )  # fmt: skip


@router.get("/bookkeeping.csv", response_class=Response,
            responses={200: {"description": "The export.", "content": {"text/csv": {}}}})  # fmt: skip
async def export(viewer: Viewing, db: ReadSession, since: Since = "", until: Until = "") -> Response:
    """What was issued and paid in a period of at most a year, as CSV with documented columns; for finance."""
    viewer.require_staff(StaffRole.FINANCE)
    first, last = _period(since, until)
    rows = await bookkeeping.export(db, viewer, first, last)
    content = BOM + rows_as_csv([bookkeeping.COLUMNS, *rows])
    return Response(content, media_type="text/csv; charset=utf-8", headers=_saved(f"bookkeeping-{first}-{last}.csv"))


@router.get("/bookkeeping.zip", response_class=StreamingResponse,
            responses={200: {"description": "The batch.", "content": {"application/zip": {}}}})  # fmt: skip
async def export_documents(
    request: Request,
    viewer: Viewing,
    db: ReadSession,
    since: Since = "",
    until: Until = "",
    issuer: Annotated[str, Query(pattern="^[A-Z0-9]{0,16}$", description="One issuer's code; else those of all.")] = "",
    xml: Annotated[Syntax, Query(description="The syntax of the XML.")] = "cii",
) -> Response:
    """What was issued in a period of at most a year: each document's XML and PDF as they were issued, in the order of
    their numbers, after the CSV as their index. `missing.txt` is there only when something is. For finance."""
    viewer.require_staff(StaffRole.FINANCE)
    first, last = _period(since, until)
    found = await batch.batch(db, viewer, first, last, issuer=issuer, syntax=xml)
    name = "-".join(one for one in ("bookkeeping", issuer, str(first), str(last)) if one)
    content = batch.zipped(store_of(request), found)
    return StreamingResponse(content, media_type="application/zip", headers=_saved(f"{name}.zip"))


def _saved(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


def _period(since: str, until: str) -> tuple[date, date]:
    today = clock.now().date()
    return _day(since, "since") if since else today.replace(day=1), _day(until, "until") if until else today


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{field} is a day such as 2026-11-26.", field=field, value=text) from None
