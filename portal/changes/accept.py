"""What follows when a change request is accepted: one amendment, and everything that it moves, in one transaction."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.backlog import commands as backlog
from portal.changes import contract_view, kept, offers, queries, workflow
from portal.changes.commands import tell
from portal.changes.kept import line_columns
from portal.changes.models import Amendment, ChangeRequest, Contract, ContractLine
from portal.changes.queries import Option, Price
from portal.changes.workflow import Act
from portal.decisions.models import Decision
from portal.diff import plain
from portal.errors import Conflict, Invalid, NotFound
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects import commands as projects
from portal.projects import queries as plan
from portal.projects.causes import AcceptedChange
from portal.trace import commands as trace
from portal.trace.models import TraceKind
from portal.trace.rules import End


async def accept(db: AsyncSession, scope: Scope, request: ChangeRequest, decision: Decision) -> Amendment:
    """Amends the contract by the alternative that was chosen; dates and backlog follow. The caller holds the lock.

    Raises Conflict when the plan has changed so that this cannot be done as it was offered; then nothing is done.
    """
    following = workflow.step(request.state, Act.ACCEPT)
    contract = await contract_view.contract(db, scope)
    option = _chosen(await queries.options(db, scope, request.number), decision.choice)
    try:
        moves = await _move_milestones(db, scope, request, option)
        items = await _change_backlog(db, scope, request, option)
    except (NotFound, Invalid) as fault:
        raise Conflict(
            f"The plan has changed since this was offered: {fault.message} It must be offered anew."
        ) from None
    amendment = await _amend(db, scope, contract, request, option, moves, decision)
    request.state, request.settled_at, request.items = following, clock.now(), items
    request.amendment_number, request.choice = amendment.number, option.key
    told = {"choice": option.key, "days": plain(option.days), "milestones": moves, "items": items}
    request.seq = await tell(db, scope, request, "accepted", told)
    await db.flush()
    return amendment


def _chosen(options: Sequence[Option], choice: str | None) -> Option:
    """The alternative that was chosen; the only one where there was no choice."""
    found = [option for option in options if choice in (None, option.key)]
    if len(found) != 1:
        raise Conflict("What was offered does not stand any more: it must be offered anew.")
    return found[0]


async def _move_milestones(
    db: AsyncSession, scope: Scope, request: ChangeRequest, option: Option
) -> list[dict[str, Any]]:  # fmt: skip
    moves = []
    for number, name, day in option.milestones:
        milestone = await plan.milestone(db, scope, number)
        before = milestone.agreed_on or milestone.promised_on
        await projects.change_milestone(db, scope, number, {"agreed_on": day}, behind=_behind(request))
        moves.append({"number": number, "name": name, "from": plain(before), "on": day.isoformat()})
    return moves


async def _change_backlog(db: AsyncSession, scope: Scope, request: ChangeRequest, option: Option) -> list[int]:
    if gone := await offers.gone_items(db, scope, [option]):  # one that is internal now reads as one that is no more
        raise NotFound(f"There is no item {gone[0]} in this project.")
    behind, numbers = _behind(request), []
    for fields in option.items_added:
        added = await backlog.add_item(db, scope, {"audience": "client"} | fields, behind=behind)
        numbers.append(added.number)
    for one in option.items_changed:
        number = one["number"]
        if one["removed"]:
            await backlog.remove_item(db, scope, number, behind=behind)
        else:
            await backlog.change_item(db, scope, number, one["fields"], behind=behind)
        numbers.append(number)
    for number in numbers:
        ends = End(TraceKind.ITEM, number), End(TraceKind.CHANGE_REQUEST, request.number)
        await trace.link(db, scope, *ends, Audience.CLIENT)
    return numbers


def _behind(request: ChangeRequest) -> AcceptedChange:
    return AcceptedChange(request.number, request.title)


async def _amend(
    db: AsyncSession,
    scope: Scope,
    contract: Contract,
    request: ChangeRequest,
    option: Option,
    moves: list[dict[str, Any]],
    decision: Decision,
) -> Amendment:
    price = option.price
    if price is None or not (price.free or price.lines):
        raise Conflict("This has no price: it cannot be accepted.")
    _raise_total(contract, price)
    amendment = Amendment(
        project_id=scope.project_id, number=contract.amendments, change_number=request.number, choice=option.key,
        net_minor=price.sums.net.minor, total_minor=contract.total_minor, days=option.days, milestones=moves,
        decision_number=decision.number, at=clock.now(), seq=0,
    )  # fmt: skip
    amendment.seq = contract.seq = await _tell(db, scope, contract, amendment, price)
    db.add(amendment)
    db.add_all(
        ContractLine(
            project_id=scope.project_id, amendment=amendment.number, position=position, **line_columns(line)
        )
        for position, line in enumerate(price.lines, start=1)
    )  # fmt: skip
    await db.flush()
    return amendment


def _raise_total(contract: Contract, price: Price) -> None:
    """Moves total and ceiling by the amendment's net. Raises Conflict where less than nothing would be left."""
    net = price.sums.net
    if net.currency != contract.currency or contract.total_minor + net.minor < 0:
        raise Conflict("This does not fit the contract any more: it must be offered anew.")
    contract.amendments += 1
    contract.total_minor += net.minor
    if contract.ceiling_minor is not None:
        contract.ceiling_minor += net.minor


async def _tell(db: AsyncSession, scope: Scope, contract: Contract, amendment: Amendment, price: Price) -> int:
    body = {
        "amendment": amendment.number,
        "change_request": amendment.change_number,
        "choice": amendment.choice,
        "decision": amendment.decision_number,
        "lines": [kept.line_told(line) | {"net": line.net.amount} for line in price.lines],
        "net": price.sums.net.shown(),
        "total": kept.money(contract, contract.total_minor).shown(),
        "days": plain(amendment.days),
        "milestones": amendment.milestones,
    }
    event = ledger.NewEvent(
        "contract.amended", "contract", amendment.number, Audience.BILLING, body, scope.viewer.actor, clock.now()
    )
    return await ledger.append(db, scope.project_id, [event])
