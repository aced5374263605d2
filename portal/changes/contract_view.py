"""Reads of the contract: as it was signed, with every amendment, and what follows from both. For who may see money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.changes import pricing, tally
from portal.changes.kept import days_of, line_of, money, money_of
from portal.changes.models import Amendment, ChangeRequest, Contract, ContractLine
from portal.changes.pricing import Line, Sums
from portal.errors import NotFound
from portal.money import Money
from portal.projects import queries as plan
from portal.projects.models import Milestone

MOST_AMENDMENTS = 5_000
MOST_LINES = 50_000


@dataclass(frozen=True, slots=True)
class Amended:
    """One amendment as the contract's page lists it: with the change request behind it and its lines."""

    amendment: Amendment
    title: str
    lines: Sequence[Line]
    net: Money
    total: Money
    moves: Mapping[int, date]


@dataclass(frozen=True, slots=True)
class Dated:
    """A milestone of the contract: its original day, each amendment that moved it, and how it stands in the plan."""

    number: int
    name: str
    original: date | None
    moves: Sequence[tuple[int, date]]
    agreed: date | None
    expected: date | None
    done: date | None


@dataclass(frozen=True, slots=True)
class ContractView:
    """The contract whole. `total` and `agreed` of milestones are worked out from what is listed here."""

    contract: Contract
    lines: Sequence[Line]
    sums: Sums
    original: Money
    total: Money
    ceiling: Money | None
    original_ceiling: Money | None
    amendments: Sequence[Amended]
    milestones: Sequence[Dated]


def _require_money(scope: Scope) -> None:
    if not scope.sees_money:
        raise NotFound("There is nothing here.")


async def contract_or_none(db: AsyncSession, scope: Scope) -> Contract | None:
    """The project's contract, if it has one. Raises NotFound for whoever may not see money."""
    _require_money(scope)
    return await db.scalar(select(Contract).where(Contract.project_id == scope.project_id))


async def contract(db: AsyncSession, scope: Scope) -> Contract:
    """The project's contract. Raises NotFound."""
    found = await contract_or_none(db, scope)
    if found is None:
        raise NotFound("This project has no contract yet.")
    return found


async def original_lines(db: AsyncSession, scope: Scope) -> list[Line]:
    """The lines of the original contract. Raises NotFound as `contract` does."""
    currency = (await contract(db, scope)).currency
    mine = (ContractLine.project_id == scope.project_id, ContractLine.amendment == 0)
    rows = await db.scalars(select(ContractLine).where(*mine).order_by(ContractLine.position))
    return [line_of(row, currency) for row in rows]


async def contract_view(db: AsyncSession, scope: Scope) -> ContractView | None:
    """The contract with its amendments and dates, in three statements; None while there is none. Raises NotFound."""
    _require_money(scope)
    rows = (await db.execute(_contract_with_amendments(scope))).all()
    if not rows:
        return None
    found: Contract = rows[0][0]
    lines = await _lines_by_amendment(db, scope, found.currency)
    amendments = [_amended(found, row[1], row[2], lines.get(row[1].number, [])) for row in rows if row[1] is not None]
    original = money(found, found.original_minor)
    totals = tally.running(original, (one.net for one in amendments))
    return ContractView(
        contract=found,
        lines=lines.get(0, []),
        sums=pricing.sums(lines.get(0, []), found.currency),
        original=original,
        total=totals[-1] if totals else original,
        ceiling=money_of(found, found.ceiling_minor),
        original_ceiling=money_of(found, found.original_ceiling_minor),
        amendments=amendments,
        milestones=_dates(found, amendments, await plan.milestones(db, scope)),
    )


def _contract_with_amendments(scope: Scope) -> Any:
    request = and_(
        ChangeRequest.project_id == Amendment.project_id,
        ChangeRequest.number == Amendment.change_number,
    )
    return (
        select(Contract, Amendment, ChangeRequest.title)
        .outerjoin(Amendment, Amendment.project_id == Contract.project_id)
        .outerjoin(ChangeRequest, request)
        .where(Contract.project_id == scope.project_id)
        .order_by(Amendment.number)
        .limit(MOST_AMENDMENTS)
    )


async def _lines_by_amendment(db: AsyncSession, scope: Scope, currency: str) -> dict[int, list[Line]]:
    statement = select(ContractLine).where(ContractLine.project_id == scope.project_id)
    lines: dict[int, list[Line]] = {}
    for row in await db.scalars(
        statement.order_by(ContractLine.amendment, ContractLine.position).limit(MOST_LINES)
    ):  # fmt: skip
        lines.setdefault(row.amendment, []).append(line_of(row, currency))
    return lines


def _amended(found: Contract, row: Amendment, title: str, lines: Sequence[Line]) -> Amended:
    return Amended(
        row, title, lines, money(found, row.net_minor), money(found, row.total_minor), days_of(row.milestones)
    )


def _dates(found: Contract, amendments: Sequence[Amended], milestones: Sequence[Milestone]) -> list[Dated]:
    original = days_of(found.milestones)
    agreed = tally.agreed(original, [one.moves for one in amendments])
    return [
        Dated(
            number=one.number,
            name=one.name,
            original=original.get(one.number),
            moves=[(by.amendment.number, by.moves[one.number]) for by in amendments if one.number in by.moves],
            agreed=agreed[one.number],
            expected=one.expected_on,
            done=one.done_on,
        )
        for one in milestones
        if one.number in agreed
    ]


async def amendments(db: AsyncSession, scope: Scope, *, after: int = 0, limit: int = 50) -> Sequence[Amendment]:
    """The amendments in their order, from behind `after` on. Raises NotFound for whoever may not see money."""
    _require_money(scope)
    statement = select(Amendment).where(Amendment.project_id == scope.project_id, Amendment.number > after)
    return (await db.scalars(statement.order_by(Amendment.number).limit(limit))).all()
