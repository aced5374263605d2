"""Hours: what was done, taken over from elsewhere, and billed by rates that the contract or the caller names.

What an hour costs the agency is not in the data at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock, money
from portal.access import Scope, StaffRole
from portal.billing import accounts, drafts, stored
from portal.billing.document import Line
from portal.billing.figures import Figures
from portal.billing.models import Invoice, InvoiceState, TimeEntry
from portal.billing.words import title, why
from portal.changes import contract_view
from portal.changes.contract_view import ContractView
from portal.changes.models import TaxCategory
from portal.errors import Conflict, Invalid, NotFound
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects.rules import check_name, check_text

MOST_AT_ONCE = 5_000
MOST_HOURS = Decimal(24)
HOURS_PLACES = 2
FIELDS = frozenset({"ref", "day", "hours", "role", "worker", "text", "item", "billable"})


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of entries that were sent."""

    added: int
    changed: int
    same: int


@dataclass(frozen=True, slots=True)
class Rate:
    """What an hour of a role costs the client."""

    price: Decimal
    category: TaxCategory
    percent: Decimal


async def put_entries(db: AsyncSession, scope: Scope, given: Sequence[Mapping[str, Any]]) -> Kept:
    """Takes over entries, each named by its `ref` in the system that it comes from: sent again it is corrected.

    Raises Invalid naming the entry (`entries[3].hours`), Conflict for a correction of billed hours (unless the invoice
    was taken back), NotAllowed.
    """
    scope.require_staff(StaffRole.FINANCE, StaffRole.MANAGER)
    if not 0 < len(given) <= MOST_AT_ONCE:
        raise Invalid(f"Send 1 to {MOST_AT_ONCE:,} entries at once.", field="entries", value=len(given))
    checked = [_checked(one, f"entries[{at}]") for at, one in enumerate(given)]
    await ledger.lock(db, scope.project_id)
    known = await _known(db, scope, [one["external_ref"] for one in checked])
    taken_back = set(await db.scalars(_taken_back(scope)))
    highest = await db.scalar(select(func.max(TimeEntry.number)).where(TimeEntry.project_id == scope.project_id)) or 0
    fresh: list[TimeEntry] = []
    changed = 0
    for at, values in enumerate(checked):
        row = known.get(values["external_ref"])
        if row is None:
            row = TimeEntry(
                project_id=scope.project_id, number=highest + len(fresh) + 1, invoice_number=None, seq=0, **values
            )
            known[values["external_ref"]] = row
            fresh.append(row)
        elif any(getattr(row, field) != value for field, value in values.items()):
            _correct(row, values, taken_back, f"entries[{at}]")
            changed += 1
    if fresh or changed:
        await _tell(db, scope, [*fresh, *(one for one in known.values() if one in db.dirty)])
        db.add_all(fresh)
        await db.flush()
    return Kept(len(fresh), changed, len(checked) - len(fresh) - changed)


def _correct(row: TimeEntry, values: Mapping[str, Any], taken_back: set[int], place: str) -> None:
    if row.invoice_number is not None and row.invoice_number not in taken_back:
        raise Conflict(f"These hours are billed by invoice {row.invoice_number}.", field=f"{place}.ref")
    row.invoice_number = None
    for field, value in values.items():
        setattr(row, field, value)


async def _known(db: AsyncSession, scope: Scope, references: Sequence[str]) -> dict[str, TimeEntry]:
    found: dict[str, TimeEntry] = {}
    for start in range(0, len(references), 500):
        some = TimeEntry.external_ref.in_(references[start : start + 500])
        rows = await db.scalars(select(TimeEntry).where(TimeEntry.project_id == scope.project_id, some))
        found |= {row.external_ref: row for row in rows if row.external_ref}
    return found


async def _tell(db: AsyncSession, scope: Scope, rows: Sequence[TimeEntry]) -> None:
    body = {"entries": len(rows), "hours": format(sum((one.hours for one in rows), Decimal(0)), "f")}
    event = ledger.NewEvent(
        "time.recorded", "time_entry", None, Audience.INTERNAL, body, scope.viewer.actor, clock.now()
    )
    seq = await ledger.append(db, scope.project_id, [event])
    for row in rows:
        row.seq = seq


def _checked(one: Mapping[str, Any], place: str) -> dict[str, Any]:
    for field in one.keys() - FIELDS:
        raise Invalid(f"An entry has no field {field}.", field=f"{place}.{field}", value=one[field])
    day = one.get("day")
    if not isinstance(day, date):
        raise Invalid("An entry has its day.", field=f"{place}.day", value=day)
    hours = money.decimal(one.get("hours"), f"{place}.hours", places=HOURS_PLACES, most=MOST_HOURS)
    if not hours:
        raise Invalid("An entry is some time.", field=f"{place}.hours", value="0")
    reference = check_name(str(one.get("ref", "")), f"{place}.ref")
    return {
        "external_ref": reference, "done_on": day, "hours": hours,
        "role": check_name(str(one.get("role", "")), f"{place}.role"),
        "worker": check_text(str(one.get("worker", "")), f"{place}.worker", length=200).strip(),
        "text": check_text(str(one.get("text", "")), f"{place}.text", length=2000).strip(),
        "item_number": one.get("item"), "billable": one.get("billable", True),
    }  # fmt: skip


async def entries(
    db: AsyncSession, scope: Scope, *, after: int = 0, limit: int = 50, unbilled: bool = False
) -> Sequence[TimeEntry]:
    """The entries in the order of their numbers. Raises NotFound for whoever may not see money."""
    if not scope.sees_money or not scope.is_staff:
        raise NotFound("There is nothing here.")
    statement = select(TimeEntry).where(TimeEntry.project_id == scope.project_id, TimeEntry.number > after)
    if unbilled:
        statement = statement.where(TimeEntry.billable, _is_free(scope))
    return (await db.scalars(statement.order_by(TimeEntry.number).limit(limit))).all()


async def draft_hours(
    db: AsyncSession, scope: Scope, first: date, last: date, rates: Mapping[str, Rate] | None = None
) -> Invoice:
    """Drafts an invoice of the billable hours of a period that nothing has billed: a line for each role.

    A role's rate is the one given, else that of the contract's line in hours whose text is the role's name. Raises
    Invalid for a role without a rate and for days out of order, Conflict where nothing is to be billed and where the
    contract's ceiling would be exceeded, NotAllowed.
    """
    scope.require_staff(StaffRole.FINANCE, StaffRole.MANAGER)
    if first > last:
        raise Invalid("A period begins before it ends.", field="until", value=last.isoformat())
    await ledger.lock(db, scope.project_id)
    found = await _unbilled(db, scope, first, last)
    if not found:
        raise Conflict("No hours of this period are left to be billed.")
    language = (await accounts.account(db, scope)).language
    view = await contract_view.contract_view(db, scope)
    by_role = dict(rates or {})
    lines = []
    for at, role in enumerate(sorted({one.role for one in found}), start=1):
        rate = by_role.get(role) or _agreed(view, role)
        same = [one.hours for one in found if one.role == role]
        lines.append(
            Line(
                number=str(at), name=role, quantity=sum(same, Decimal(0)), unit="HUR", unit_price=rate.price,
                category=rate.category, rate=rate.percent, why=why("entries", language, count=len(same)),
                starts_on=first, ends_on=last,
            )
        )  # fmt: skip
    given = {"lines": [stored.plain(one) for one in lines], "starts_on": first.isoformat(), "ends_on": last.isoformat()}
    called = title("hours", language, Figures(language).period(first, last))
    row = await drafts.draft_lines(db, scope, called, given)
    for one in found:
        one.invoice_number = row.number
    await db.flush()
    return row


async def _unbilled(db: AsyncSession, scope: Scope, first: date, last: date) -> Sequence[TimeEntry]:
    in_period = TimeEntry.done_on.between(first, last)
    mine = (TimeEntry.project_id == scope.project_id, TimeEntry.billable, in_period, _is_free(scope))
    return (await db.scalars(select(TimeEntry).where(*mine).order_by(TimeEntry.number).limit(MOST_AT_ONCE))).all()


def _is_free(scope: Scope) -> ColumnElement[bool]:
    """Whether no invoice bills an entry, or one that was taken back since."""
    return or_(TimeEntry.invoice_number.is_(None), TimeEntry.invoice_number.in_(_taken_back(scope)))


def _taken_back(scope: Scope) -> Select[Any]:
    """The invoices that were taken back: what they billed is free, to be corrected and billed anew."""
    mine = (Invoice.project_id == scope.project_id, Invoice.state == InvoiceState.CANCELLED)
    return select(Invoice.number).where(*mine)


def _agreed(view: ContractView | None, role: str) -> Rate:
    """The rate of the contract's line for a role; the last that was agreed counts."""
    lines = [
        *(view.lines if view else ()),
        *(one for amended in (view.amendments if view else ()) for one in amended.lines),
    ]
    for line in reversed(lines):
        if line.unit == "HUR" and line.text == role:
            return Rate(line.unit_price, line.tax_category, line.tax_rate)
    raise Invalid("The contract has no line in hours for this role: give its rate.", field="rates", value=role)
