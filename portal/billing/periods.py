"""Retainers: each calendar period is drafted once, on its first day, from the contract's lines and those of amendments.

The first period is the first that begins on or after the day on which the contract was signed; a part before it is
billed by hand. What was missed since the last period that was drafted is drafted later.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import money
from portal.access import SYSTEM, Scope
from portal.apart import Run
from portal.billing import accounts, drafts, stored
from portal.billing.document import Line as InvoiceLine
from portal.billing.figures import Figures
from portal.billing.models import BillingAccount, Invoice, PlanItem, PlanKind
from portal.billing.words import title, why
from portal.changes import contract_view
from portal.changes.models import Contract, ContractKind, Period
from portal.changes.pricing import Line
from portal.db import Database
from portal.errors import PortalError
from portal.ledger import commands as ledger
from portal.ledger.models import ProjectLedger
from portal.projects import queries as projects
from portal.projects.models import Project, ProjectStatus

_log = logging.getLogger(__name__)
MONTHS = {Period.MONTH: 1, Period.QUARTER: 3, Period.YEAR: 12}


def first_day(day: date, period: Period) -> date:
    """The first day of the calendar period that a day is in. Pure."""
    months = MONTHS[period]
    return date(day.year, (day.month - 1) // months * months + 1, 1)


def following(first: date, period: Period) -> date:
    """The first day of the next period. Pure."""
    at = first.year * 12 + first.month - 1 + MONTHS[period]
    return date(at // 12, at % 12 + 1, 1)


def begun(signed_on: date, last: date | None, today: date, period: Period) -> Iterator[date]:
    """The first days of the periods that are to be drafted by now: the current one, and those missed since `last`."""
    current = first_day(today, period)
    first = following(last, period) if last else current
    while first <= current:
        if first >= signed_on:
            yield first
        first = following(first, period)


def ahead(signed_on: date, last: date | None, today: date, period: Period) -> Iterator[date]:
    """The first days of the periods that no draft was made of, from the first that is missing to a year ahead. Pure."""
    first = following(last, period) if last else first_day(today, period)
    while first <= date(today.year + 1, today.month, 1):
        if first >= signed_on:
            yield first
        first = following(first, period)


async def draft_due(database: Database) -> int:
    """Drafts what has begun in any project, each project in a transaction of its own; returns how many invoices. Raises
    SomeFailed."""
    statement = (
        select(ProjectLedger.id, ProjectLedger.key)
        .join(Contract, Contract.project_id == ProjectLedger.id)
        .join(BillingAccount, BillingAccount.project_id == ProjectLedger.id)
        .join(Project, Project.id == ProjectLedger.id)
        .where(Contract.kind == ContractKind.RETAINER, Project.status != ProjectStatus.ARCHIVED)
        .order_by(ProjectLedger.key)  # all of them: a retainer never leaves this list, so a bound would shut some out
        .execution_options(cross_project="retainers of all projects")
    )
    async with database.read() as db:
        found = (await db.execute(statement)).all()
    run = Run()
    for project_id, key in found:
        with run.apart(project=key):
            try:
                async with database.write() as db:
                    run.done += len(await draft_begun(db, project_id, key))
            except PortalError as refusal:  # for people to mend, as a tax that its contract cannot have
                _log.warning("A period could not be drafted.", extra={"project": key, "reason": refusal.message})
    return run.end()


async def draft_begun(db: AsyncSession, project_id: UUID, key: str) -> list[Invoice]:
    """Drafts the periods of one project that have begun and were never drafted."""
    await ledger.lock(db, project_id)
    scope = await projects.scope_for(db, SYSTEM, key)
    view = await contract_view.contract_view(db, scope)
    if view is None or view.contract.period is None or scope.project.status == "archived":
        return []
    account = await accounts.account_or_none(db, scope)
    if account is None:
        return []
    period = view.contract.period
    mine = (PlanItem.project_id == project_id, PlanItem.kind == PlanKind.PERIOD)
    last = await db.scalar(select(func.max(PlanItem.due_on)).where(*mine))
    lines = [(0, line) for line in view.lines]
    lines += [(one.amendment.number, line) for one in view.amendments for line in one.lines]
    due = begun(view.contract.signed_on, last, scope.today, period)
    ends = ((first, following(first, period) - timedelta(days=1)) for first in due)
    return [await _draft(db, scope, account.language, lines, *both) for both in ends]


async def _draft(
    db: AsyncSession, scope: Scope, language: str, lines: Sequence[tuple[int, Line]], first: date, last: date
) -> Invoice:
    """A draft of one period; each of `lines` with the amendment that it comes from, 0 for the contract."""
    made = [
        InvoiceLine(
            number=str(at), name=line.text, quantity=line.quantity, unit=line.unit, unit_price=line.unit_price,
            category=line.tax_category, rate=line.tax_rate, why=_why(amendment, language), starts_on=first,
            ends_on=last,
        )
        for at, (amendment, line) in enumerate(lines, start=1)
    ]  # fmt: skip
    given = {
        "lines": [stored.plain(one) for one in made],
        "starts_on": first.isoformat(),
        "ends_on": last.isoformat(),
    }
    called = _called(language, first, last)
    row = await drafts.draft_lines(db, scope, called, given)
    await _note(db, scope, [line for _, line in lines], first, called, row.currency, row.seq, row.number)
    return row


def _why(amendment: int, language: str) -> str:
    rests = why("amendment" if amendment else "contract", language, number=amendment)
    return why("retainer", language, rests=rests)


async def price_anew(db: AsyncSession, scope: Scope) -> None:
    """Puts the periods whose drafts were thrown away into the plan by the lines of a contract that was corrected since.
    The caller holds the lock, and knows that nothing was billed and nothing amended."""
    mine = (PlanItem.project_id == scope.project_id, PlanItem.kind == PlanKind.PERIOD)
    free = (await db.scalars(select(PlanItem).where(*mine))).all()
    if not free:
        return
    contract = await contract_view.contract(db, scope)
    if (period := contract.period) is not None:
        lines = await contract_view.original_lines(db, scope)
        language = (await accounts.account(db, scope)).language
        for first in sorted({first_day(one.due_on, period) for one in free if one.due_on}):
            called = _called(language, first, following(first, period) - timedelta(days=1))
            await _note(db, scope, lines, first, called, contract.currency, contract.seq)
    for one in free:
        await db.delete(one)
    await db.flush()


def _called(language: str, first: date, last: date) -> str:
    return title("retainer", language, Figures(language).period(first, last))


async def _note(
    db: AsyncSession,
    scope: Scope,
    lines: Sequence[Line],
    first: date,
    text: str,
    currency: str,
    seq: int,
    draft: int | None = None,
) -> None:
    """A part of the plan for each tax, which says that this period was drafted, and is free again without its draft."""
    number = await db.scalar(select(func.max(PlanItem.number)).where(PlanItem.project_id == scope.project_id)) or 0
    for category, rate in sorted({(one.tax_category, one.tax_rate) for one in lines}, key=_by_value):
        number += 1
        nets = (one.net for one in lines if (one.tax_category, one.tax_rate) == (category, rate))
        db.add(
            PlanItem(
                project_id=scope.project_id, number=number, kind=PlanKind.PERIOD, amendment=0, milestone_number=None,
                due_on=first, text=text, currency=currency, net_minor=money.total(nets, currency).minor,
                tax_category=category.value, tax_rate=rate, invoice_number=draft, seq=seq,
            )
        )  # fmt: skip
    await db.flush()


def _by_value(tax: tuple[str, Decimal]) -> tuple[str, Decimal]:
    return str(tax[0]), tax[1]
