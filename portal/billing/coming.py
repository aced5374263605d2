"""What is still to be invoiced: what was agreed and is on no invoice yet, each with the day on which it is expected.

Parts of the payment plan are agreed to the cent; the day of a milestone is what the plan expects. A retainer's periods
are told for a year ahead at today's price, and of time and materials what is left to the ceiling: the most that can
come. What a contract comes to beyond its plan is told without a day: it is agreed, and not planned.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import floor
from typing import Any

from sqlalchemy import and_, exists, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from portal import money
from portal.access import Scope
from portal.billing.balance import SIGN
from portal.billing.models import Invoice, InvoiceState, PlanItem, PlanKind
from portal.billing.periods import ahead, following
from portal.billing.queries import visible
from portal.changes.models import Contract, ContractKind, ContractLine, Period
from portal.errors import NotFound
from portal.money import Money
from portal.projects.models import Milestone

MOST_ROWS = 2_000


class Basis(StrEnum):
    """What an expected invoice rests on."""

    PART = "part"
    PERIOD = "period"
    CEILING = "ceiling"
    UNPLANNED = "unplanned"


@dataclass(frozen=True, slots=True)
class Coming:
    """Something that is not invoiced yet. `on` is None while nobody knows the day; amounts are without and with tax. A
    period ends on `ends_on`. A forecast may come otherwise: on a day, or to an amount, that depends on the work.
    `milestone` is its number, `named` its name."""

    text: str
    on: date | None
    milestone: int | None
    net: Money
    gross: Money
    basis: Basis = Basis.PART
    ends_on: date | None = None
    is_forecast: bool = False
    named: str = ""


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a contract comes to by now, and how much of it was invoiced, all without tax. `nets` are its lines' sums by
    their rate of tax; a retainer's are those of one period, and `last` is the period that was drafted last."""

    kind: ContractKind
    whole: Money
    invoiced: Money
    nets: Mapping[Decimal, Money]
    period: Period | None
    signed_on: date
    last: date | None
    work_ends_on: date | None


async def coming(db: AsyncSession, scope: Scope) -> list[Coming]:
    """What no issued invoice bills yet, the nearest first, that without a day last; in one statement.

    Raises NotFound for whoever may not see money.
    """
    if not scope.sees_money:
        raise NotFound("There is nothing here.")
    rows = (await db.execute(_statement(scope))).all()
    if not rows:
        return []
    parts = {row.PlanItem.number: (row.PlanItem.amendment, _part(row)) for row in rows if row.PlanItem is not None}
    planned = list(_together([(of, one) for of, one in parts.values() if one.basis is Basis.PART]))
    found = [*planned, *_drafted_periods([one for _, one in parts.values() if one.basis is Basis.PERIOD])]
    agreed = _agreed(rows)
    if agreed.period is None or scope.project.status != "archived":  # no period begins any more in an archived project
        found += forecast(agreed, planned, scope.today)
    return sorted(found, key=lambda one: (one.on or date.max, one.text))


def forecast(agreed: Agreed, planned: Sequence[Coming], today: date) -> Iterator[Coming]:
    """What is agreed beyond the parts of the plan that are open. Pure."""
    if agreed.period is not None:
        net = money.total(agreed.nets.values(), agreed.whole.currency)
        tax = money.total((money.tax_on(one, rate) for rate, one in agreed.nets.items()), net.currency)
        for first in ahead(agreed.signed_on, agreed.last, today, agreed.period):
            yield Coming(
                "", first, None, net, net + tax, Basis.PERIOD, _last_day(first, agreed.period), is_forecast=True
            )
        return
    open_parts = money.total((one.net for one in planned if one.net.currency == agreed.whole.currency),
                             agreed.whole.currency)  # fmt: skip
    rest = agreed.whole - agreed.invoiced - open_parts
    if rest.minor <= 0:
        return
    is_capped = agreed.kind is ContractKind.TIME_AND_MATERIALS
    basis, on = (Basis.CEILING, agreed.work_ends_on) if is_capped else (Basis.UNPLANNED, None)
    yield Coming("", on, None, rest, rest + _tax_on(rest, agreed.nets), basis, is_forecast=is_capped)


def _last_day(first: date, period: Period) -> date:
    return following(first, period) - timedelta(days=1)


def _tax_on(net: Money, nets: Mapping[Decimal, Money]) -> Money:
    """The tax on something of which nobody knows yet which rates it will have: those of the contract's lines."""
    whole = sum(one.minor for one in nets.values())
    if not whole:
        return Money(0, net.currency)
    share = sum((Fraction(one.minor) * Fraction(rate) for rate, one in nets.items()), Fraction(0)) / (100 * whole)
    return Money(floor(net.minor * share + Fraction(1, 2)), net.currency)


def _statement(scope: Scope) -> Any:
    mine = scope.project_id
    nets = (
        select(ContractLine.tax_category, ContractLine.tax_rate, func.sum(ContractLine.net_minor).label("net"))
        .where(ContractLine.project_id == mine)
        .group_by(ContractLine.tax_category, ContractLine.tax_rate)
        .subquery("nets")
    )
    is_drafted = (
        exists()
        .where(
            Invoice.project_id == mine, Invoice.number == PlanItem.invoice_number, Invoice.state == InvoiceState.DRAFT
        )
        .correlate(PlanItem)
    )
    is_open = and_(PlanItem.project_id == mine, or_(PlanItem.invoice_number.is_(None), is_drafted))
    milestone = and_(Milestone.project_id == mine, Milestone.number == PlanItem.milestone_number)
    told = (
        Milestone.done_on, Milestone.expected_on, Milestone.agreed_on, Milestone.promised_on,
        Milestone.name.label("named"),
    )  # fmt: skip
    return (
        select(Contract, PlanItem, nets.c.tax_category, nets.c.tax_rate, nets.c.net, *_sums(scope), *told)
        .select_from(Contract)
        .join(nets, true())
        .outerjoin(PlanItem, is_open)
        .outerjoin(Milestone, milestone)
        .where(Contract.project_id == mine)
        .order_by(PlanItem.number, nets.c.tax_category, nets.c.tax_rate)
        .limit(MOST_ROWS)
    )


def _sums(scope: Scope) -> tuple[Any, ...]:
    """What was invoiced in the contract's currency, the last period that was drafted, and when the work ends."""
    counted = (*visible(scope), Invoice.state != InvoiceState.DRAFT, Invoice.currency == Contract.currency)
    invoiced = select(func.sum(SIGN * Invoice.net_minor)).where(*counted).correlate(Contract)
    periods = (PlanItem.project_id == scope.project_id, PlanItem.kind == PlanKind.PERIOD)
    expected = func.max(func.coalesce(Milestone.expected_on, Milestone.agreed_on, Milestone.promised_on))
    ends = select(expected).where(Milestone.project_id == scope.project_id, Milestone.done_on.is_(None))
    return (
        invoiced.scalar_subquery().label("invoiced"),
        select(func.max(PlanItem.due_on)).where(*periods).correlate(None).scalar_subquery().label("last_period"),
        ends.correlate(None).scalar_subquery().label("work_ends_on"),
    )


def _agreed(rows: Sequence[Any]) -> Agreed:
    first, contract = rows[0], rows[0].Contract
    by_tax = {(row.tax_category, row.tax_rate): int(row.net) for row in rows}
    nets: dict[Decimal, Money] = {}
    for (_, rate), net in by_tax.items():
        nets[rate] = nets.get(rate, Money(0, contract.currency)) + Money(net, contract.currency)
    whole = contract.total_minor if contract.ceiling_minor is None else contract.ceiling_minor
    return Agreed(
        contract.kind, Money(whole, contract.currency), Money(int(first.invoiced or 0), contract.currency), nets,
        contract.period, contract.signed_on, first.last_period, first.work_ends_on,
    )  # fmt: skip


def _part(row: Any) -> Coming:
    item = row.PlanItem
    reached = next((day for day in (row.done_on, row.expected_on, row.agreed_on, row.promised_on) if day), None)
    net = Money(item.net_minor, item.currency)
    gross = net + money.tax_on(net, item.tax_rate)
    if item.kind is PlanKind.PERIOD:
        ends_on = _last_day(item.due_on, row.Contract.period) if row.Contract.period else None
        return Coming("", item.due_on, None, net, gross, Basis.PERIOD, ends_on)
    is_forecast = item.milestone_number is not None and row.done_on is None
    on = item.due_on or reached
    return Coming(item.text, on, item.milestone_number, net, gross, is_forecast=is_forecast, named=row.named or "")


def _together(parts: Sequence[tuple[int, Coming]]) -> Iterator[Coming]:
    """What a share of a price of several taxes is: a part for each in the plan, and one here. `parts` each with the
    amendment whose price it is of."""
    found: dict[tuple[Any, ...], Coming] = {}
    for amendment, one in parts:
        same = (amendment, one.text, one.on, one.milestone, one.net.currency)
        before = found.get(same)
        found[same] = replace(one, net=before.net + one.net, gross=before.gross + one.gross) if before else one
    yield from found.values()


def _drafted_periods(parts: Sequence[Coming]) -> Iterator[Coming]:
    """The periods that have begun and are not issued: each is a part for each tax in the plan, and one here."""
    for day, ends_on in sorted({(one.on, one.ends_on) for one in parts if one.on}, key=str):
        same = [one for one in parts if one.on == day]
        code = same[0].net.currency
        nets, grosses = (money.total((getattr(one, field) for one in same), code) for field in ("net", "gross"))
        yield Coming("", day, None, nets, grosses, Basis.PERIOD, ends_on)
