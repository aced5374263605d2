"""Hours: sent by the system that keeps them or as CSV, and drafted into an invoice at the contract's rates."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.billing_shapes import Category
from api.bodies import json_body
from api.conditional import editable
from api.deps import ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.invoice_shapes import InvoiceOut, whole
from api.money_shapes import DecimalText, given_deep
from api.openapi import answers
from api.paging import Paged
from api.raw_bodies import described, raw_body
from api.shapes import Day, DecimalOut, Incoming, Line, Number, Outgoing, Reference, absent
from portal import money
from portal.access import StaffRole
from portal.billing import invoice_view, time, time_csv
from portal.billing.models import TimeEntry
from portal.billing.time import Kept, Rate
from portal.changes.models import TaxCategory

router = door("billing", "/projects/{key}/time")
CSV = ("text/csv", "application/octet-stream")


class EntryIn(Incoming):
    """Work done on a day. `ref` names it in the system it comes from; `role` is what its rate is found by."""

    ref: Reference
    day: Day
    hours: DecimalText
    role: Line
    text: Annotated[str, Field(max_length=2000)]
    worker: Annotated[str, Field(max_length=200)] = absent()
    item: Number | None = absent()
    billable: bool = absent()


ENTRY: dict[str, Any] = {
    "ref": "tt-1042", "day": "2026-11-03", "hours": "2.5", "role": "Development", "text": "Export as CSV"
}  # fmt: skip


class EntriesNew(Incoming):
    """Entries, each added or corrected by its `ref`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"entries": [ENTRY]}]})

    entries: Annotated[list[EntryIn], Field(min_length=1, max_length=time.MOST_AT_ONCE)]


class KeptOut(Outgoing):
    """What became of entries that were sent."""

    added: int
    changed: int
    same: int


class EntryOut(Outgoing):
    """An entry. `invoice` is the draft or invoice that bills it."""

    number: int
    ref: str | None
    day: Day
    hours: DecimalOut
    role: str
    worker: str
    text: str
    item: int | None
    billable: bool
    invoice: int | None


class EntryPage(Outgoing):
    """A page of entries, by number."""

    items: list[EntryOut]
    next: str | None


class RateIn(Incoming):
    """What an hour of a role costs the client."""

    role: Line
    price: DecimalText
    category: Category
    rate: DecimalText


class HoursNew(Incoming):
    """The period whose hours are billed. A role without a rate here takes that of the contract's line of its name."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"since": "2026-11-01", "until": "2026-11-30",
                 "rates": [{"role": "Development", "price": "118.50", "category": "S", "rate": "19"}]}
            ]
        }
    )  # fmt: skip

    since: Day
    until: Day
    rates: Annotated[list[RateIn], Field(max_length=100)] = absent()


def _shown(row: TimeEntry) -> dict[str, Any]:
    fields = {name: getattr(row, name) for name in ("number", "hours", "role", "worker", "text", "billable")}
    return EntryOut(
        **fields, ref=row.external_ref, day=row.done_on, item=row.item_number, invoice=row.invoice_number
    ).shown()  # fmt: skip


def _kept(found: Kept) -> KeptOut:
    return KeptOut(added=found.added, changed=found.changed, same=found.same)


@router.get("", responses=answers(EntryPage, "A page of entries.", headers=("Link",)))
async def list_entries(
    scope: ReadScope,
    db: ReadSession,
    paged: Paged,
    unbilled: Annotated[bool, Query(description="Only what is billable and not billed.")] = False,
) -> Response:
    """The entries in the order of their numbers."""
    after = paged.after()
    rows = await time.entries(
        db, scope, after=after[0] if after else 0, limit=paged.limit + 1, unbilled=unbilled
    )  # fmt: skip
    return paged.page(rows, lambda row: (row.number,), _shown)


@router.post("", responses=answers(KeptOut, "What became of them."))
async def put_entries(
    scope: WriteScope, db: UnitOfWork, wanted: Annotated[EntriesNew, json_body(EntriesNew)]
) -> KeptOut:
    """Adds entries, or corrects those that are not billed; sent again, nothing changes."""
    return _kept(await time.put_entries(db, scope, [given_deep(one) for one in wanted.entries]))


@router.post("/csv", responses=answers(KeptOut, "What became of them."), openapi_extra=described(CSV, time_csv.EXAMPLE))
async def import_csv(
    content: Annotated[bytes, Depends(raw_body(*CSV, most=time_csv.MOST_BYTES))],
    scope: WriteScope,
    db: UnitOfWork,
) -> KeptOut:
    """The same as CSV in UTF-8 with the columns ref, day, hours, role, text, and perhaps worker, item, billable."""
    scope.require_staff(StaffRole.FINANCE, StaffRole.MANAGER)
    return _kept(await time.put_entries(db, scope, time_csv.entries(content)))


@router.post("/invoice", status_code=201, responses=answers(InvoiceOut, "The draft.", status=201,
                                                            headers=("ETag", "Location")))  # fmt: skip
async def draft_hours(scope: WriteScope, db: UnitOfWork, wanted: Annotated[HoursNew, json_body(HoursNew)]) -> Response:
    """Drafts an invoice of a period's hours, a line for each role, within the contract's ceiling."""
    rates = {
        one.role: Rate(
            _decimal(one.price, "price", money.PRICE_PLACES), TaxCategory(one.category), _decimal(one.rate, "rate", 4)
        )
        for one in wanted.given().get("rates", ())
    }
    row = await time.draft_hours(db, scope, wanted.since, wanted.until, rates)
    view = await invoice_view.invoice_view(db, scope, row.number)
    location = f"/api/v1/projects/{scope.key}/invoices/{row.number}"
    return editable(whole(view, scope.today), status_code=201, location=location)


def _decimal(text: str, field: str, places: int) -> Decimal:
    return money.decimal(text, f"rates.{field}", places=places, most=money.MOST_PRICE)
