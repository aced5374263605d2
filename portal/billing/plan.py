"""The payment plan: which part of the contract's price, or of an amendment's, becomes due by what.

A part has one tax. Where a price has several, each share of it is one part for each tax.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock, money
from portal.access import Scope, StaffRole
from portal.billing import parts
from portal.billing.models import PlanItem, PlanKind
from portal.changes import contract_view
from portal.changes.contract_view import ContractView
from portal.changes.models import ContractKind
from portal.changes.pricing import Line
from portal.errors import Conflict, Invalid, NotFound
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.money import Money
from portal.projects import queries as projects
from portal.projects.rules import check_name

MOST_ITEMS = 100
PLANNED = (PlanKind.MILESTONE, PlanKind.DATE, PlanKind.CHANGE_REQUEST)
"""What staff, and amendments, make a part due by. The parts of a period come with its draft (periods.py)."""
FIELDS = frozenset({"kind", "milestone", "due_on", "text", "percent", "amount"})

Tax = tuple[str, Decimal]
"""Category and rate."""


async def plan_items(db: AsyncSession, scope: Scope) -> Sequence[PlanItem]:
    """The payment plan in its order. Raises NotFound for whoever may not see money."""
    if not scope.sees_money:
        raise NotFound("There is nothing here.")
    mine = PlanItem.project_id == scope.project_id
    return (await db.scalars(select(PlanItem).where(mine).order_by(PlanItem.amendment, PlanItem.number))).all()


async def set_plan(
    db: AsyncSession, scope: Scope, amendment: int, given: Sequence[Mapping[str, Any]]
) -> Sequence[PlanItem]:
    """Says how the original contract (`amendment` 0) or an amendment is paid, in place of what was said before.

    Each of `given` has kind, text, `percent` or `amount` (all of them the same), and milestone or due_on. They come to
    the agreed net exactly, in each tax. Raises Invalid, for amounts of a price of several taxes too; Conflict once a
    part is billed, for what costs nothing, and of a retainer; NotFound without a contract or amendment.
    """
    scope.require_staff(StaffRole.FINANCE, StaffRole.MANAGER)
    await ledger.lock(db, scope.project_id)
    if (await contract_view.contract(db, scope)).kind is ContractKind.RETAINER:
        raise Conflict("A retainer is billed by its periods: there is nothing to plan.")
    whole, lines = await _agreed(db, scope, amendment)
    before = [one for one in await plan_items(db, scope) if one.amendment == amendment]
    if any(one.invoice_number is not None for one in before):
        raise Conflict("A part of this plan is billed already: it cannot be planned anew.")
    if not lines:
        raise Conflict("This costs nothing: there is nothing to plan.")
    by_tax = _by_tax(((one.tax_category.value, one.tax_rate), one.net) for one in lines)
    nets = _nets(given, whole, by_tax)
    number = (await db.scalar(select(func.max(PlanItem.number)).where(PlanItem.project_id == scope.project_id))) or 0
    rows: list[PlanItem] = []
    for at, (one, share) in enumerate(zip(given, nets, strict=True)):
        checked = await _checked(db, scope, one, f"items[{at}]")
        rows += [
            PlanItem(
                project_id=scope.project_id, number=number + len(rows) + place, amendment=amendment,
                currency=whole.currency, net_minor=net.minor, tax_category=category, tax_rate=rate,
                invoice_number=None, seq=0, **checked,
            )
            for place, ((category, rate), net) in enumerate(zip(by_tax, share, strict=True), start=1)
        ]  # fmt: skip
    for old in before:
        await db.delete(old)
    await db.flush()
    seq = await _tell(db, scope, amendment, rows)
    for row in rows:
        row.seq = seq
    db.add_all(rows)
    await db.flush()
    return rows


async def forget(db: AsyncSession, scope: Scope) -> None:
    """Drops what was planned of a contract that became a retainer: its periods take the place of all parts. The caller
    holds the lock, and knows that nothing was billed and nothing amended."""
    parts_of = [one for one in await plan_items(db, scope) if one.kind in PLANNED]
    for one in parts_of:
        await db.delete(one)
    await db.flush()
    if parts_of:
        await _tell(db, scope, 0, [])


async def check_agreed(db: AsyncSession, scope: Scope, billed: Sequence[PlanItem]) -> None:
    """Raises Conflict for parts of a price that was corrected since it was planned: all of them come to something else
    now, or are taxed otherwise. A retainer's periods are no parts of a price."""
    items = await plan_items(db, scope)
    for amendment in {one.amendment for one in billed if one.kind is not PlanKind.PERIOD}:
        whole, lines = await _agreed(db, scope, amendment)
        planned = [one for one in items if one.amendment == amendment and one.kind is not PlanKind.PERIOD]
        parts_of = [((one.tax_category, one.tax_rate), Money(one.net_minor, one.currency)) for one in planned]
        agreed = _by_tax(((one.tax_category.value, one.tax_rate), one.net) for one in lines)
        if {one.currency for one in planned} != {whole.currency} or _by_tax(parts_of) != agreed:
            raise Conflict(
                "The price was corrected since it was planned: plan it anew, or write the invoice's lines by hand."
            )


async def _agreed(db: AsyncSession, scope: Scope, amendment: int) -> tuple[Money, Sequence[Line]]:
    view: ContractView | None = await contract_view.contract_view(db, scope)
    if view is None:
        raise NotFound("This project has no contract yet.")
    if amendment == 0:
        return view.original, view.lines
    for one in view.amendments:
        if one.amendment.number == amendment:
            return one.net, one.lines
    raise NotFound(f"There is no amendment {amendment}.")


def _by_tax(nets: Iterable[tuple[Tax, Money]]) -> dict[Tax, Money]:
    """What each tax is charged on; of several, none that comes to nothing."""
    found: dict[Tax, Money] = {}
    for tax, net in nets:
        found[tax] = found[tax] + net if tax in found else net
    return {tax: net for tax, net in found.items() if net.minor} or found


def _nets(given: Sequence[Mapping[str, Any]], whole: Money, by_tax: Mapping[Tax, Money]) -> Sequence[tuple[Money, ...]]:
    """What each part has of each tax."""
    if not 0 < len(given) <= MOST_ITEMS:
        raise Invalid(f"A payment plan has 1 to {MOST_ITEMS} parts.", field="items", value=len(given))
    if all("percent" in one and "amount" not in one for one in given):
        shares = [
            money.decimal(one["percent"], f"items[{at}].percent", places=parts.PERCENT_PLACES, most=parts.WHOLE)
            for at, one in enumerate(given)
        ]
        return parts.split_each(list(by_tax.values()), shares)
    if all("amount" in one and "percent" not in one for one in given):
        if len(by_tax) != 1:
            raise Invalid("This price has several tax rates: give the percent of every part.", field="items")
        nets = [money.parse(one["amount"], whole.currency, f"items[{at}].amount") for at, one in enumerate(given)]
        parts.check_whole(whole, nets)
        return [(one,) for one in nets]
    raise Invalid("Give either the percent of every part, or the amount of every part.", field="items")


async def _checked(db: AsyncSession, scope: Scope, one: Mapping[str, Any], place: str) -> dict[str, Any]:
    for field in one.keys() - FIELDS:
        raise Invalid(f"A part has no field {field}.", field=f"{place}.{field}", value=one[field])
    kind = next((known for known in PLANNED if known == one.get("kind")), None)
    if kind is None:
        raise Invalid(f"A part's kind is one of {', '.join(PLANNED)}.", field=f"{place}.kind", value=one.get("kind"))
    milestone, due_on = one.get("milestone"), one.get("due_on")
    if (kind is PlanKind.MILESTONE) != (milestone is not None):
        raise Invalid(
            "A milestone's part names its milestone; no other does.", field=f"{place}.milestone", value=milestone
        )
    if milestone is not None:
        await projects.milestone(db, scope, milestone)
    if kind is PlanKind.DATE and not isinstance(due_on, date):
        raise Invalid("A part that is due on a day names that day.", field=f"{place}.due_on", value=due_on)
    text = check_name(str(one.get("text", "")), f"{place}.text")
    return {"kind": kind, "milestone_number": milestone, "due_on": due_on, "text": text}


async def _tell(db: AsyncSession, scope: Scope, amendment: int, rows: Sequence[PlanItem]) -> int:
    told = [{"number": one.number, "kind": one.kind.value, "net": _net(one)} for one in rows]
    body = {"amendment": amendment, "parts": told}
    event = ledger.NewEvent(
        "payment_plan.set", "payment_plan", amendment, Audience.BILLING, body, scope.viewer.actor, clock.now()
    )
    return await ledger.append(db, scope.project_id, [event])


def _net(one: PlanItem) -> str:
    return Money(one.net_minor, one.currency).amount
