"""What staff answer to a change request: the price as a draft, and the offer to the client. The caller owns the
transaction; what follows from the client's answer is in accept.py and decided.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope, StaffRole
from portal.backlog.models import Item
from portal.changes import contract_view, offering, queries, workflow
from portal.changes.commands import tell
from portal.changes.kept import line_columns
from portal.changes.models import ChangeAlternative, ChangeLine, ChangeRequest, ChangeState, Contract
from portal.changes.offering import Alternative
from portal.changes.queries import Option
from portal.changes.workflow import Act
from portal.decisions import commands as decisions
from portal.decisions.models import DecisionKind
from portal.decisions.rules import Question
from portal.errors import Conflict, Invalid
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects import queries as plan
from portal.projects.models import Milestone

REVISED = "The offer is being revised."


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms an offer is made: until when, and who must accept it (`Question` says how people are asked)."""

    valid_until: date
    people: tuple[UUID, ...] = ()
    needed: int | None = None
    due_on: date | None = None
    holds_up: str = ""


async def price(db: AsyncSession, scope: Scope, number: int, given: Sequence[Mapping[str, Any]]) -> ChangeRequest:
    """Keeps the alternatives with their price and impact (`offering.alternatives`), in place of those before: the
    agency's draft until it is offered. An offer that stands is taken back. Raises Invalid, Conflict, NotAllowed."""
    scope.require_staff(StaffRole.MANAGER, StaffRole.FINANCE)
    await ledger.lock(db, scope.project_id)
    request = await queries.change(db, scope, number)
    before, following = request.state, workflow.step(request.state, Act.PRICE)
    contract = await contract_view.contract_or_none(db, scope)
    priced = offering.alternatives(given, contract.currency if contract else scope.project.currency)
    await _check_plan(db, scope, priced)
    if before is ChangeState.OFFERED:
        await decisions.withdraw_of_subject(db, scope, DecisionKind.CHANGE_REQUEST, number, REVISED)
    await _replace(db, scope, number, priced)
    request.state, request.valid_until, request.settled_at = following, None, None
    # No amount, nor a digest that one could be guessed from: all of staff read what is internal.
    request.seq = await tell(db, scope, request, "priced", {"alternatives": len(priced)}, Audience.INTERNAL)
    if before is not following:
        request.seq = await tell(db, scope, request, "pricing_began", {})
    await db.flush()
    return request


async def _check_plan(db: AsyncSession, scope: Scope, priced: Sequence[Alternative]) -> None:
    """Raises Invalid for a milestone that is not there or would move though it is confirmed, and for an item that the
    client does not see."""
    milestones = {one.number: one for one in await plan.milestones(db, scope)}
    items = await shown_items(db, scope, [item["number"] for one in priced for item in one.items_changed])
    for at, one in enumerate(priced):
        place = f"alternatives[{at}]"
        moved = [*one.milestones, *_milestones_of(one.items_added), *_milestones_of(one.items_changed)]
        for number in (number for number in moved if number not in milestones):
            raise Invalid(f"There is no milestone {number} in this project.", field=f"{place}.milestones", value=number)
        for number in (number for number in one.milestones if milestones[number].accepted_on):
            raise Invalid(_confirmed(milestones[number]), field=f"{place}.milestones", value=number)
        for item in one.items_changed:
            if item["number"] not in items:
                message = f"There is no item {item['number']} that the client sees."
                raise Invalid(message, field=f"{place}.items_changed", value=item["number"])
            item["title"] = items[item["number"]]


def _confirmed(milestone: Milestone) -> str:
    return f"Milestone {milestone.number} was confirmed on {milestone.accepted_on}: it does not move any more."


def _milestones_of(items: Sequence[Mapping[str, Any]]) -> list[int]:
    fields = [item.get("fields", item) for item in items]
    return [one["milestone"] for one in fields if one.get("milestone") is not None]


async def shown_items(db: AsyncSession, scope: Scope, numbers: Sequence[int]) -> dict[int, str]:
    """Those of these items that the client sees, with their titles."""
    mine = (Item.project_id == scope.project_id, Item.deleted.is_(False), Item.audience == Audience.CLIENT)
    rows = await db.execute(select(Item.number, Item.title).where(*mine, Item.number.in_(numbers)))
    return {number: title for number, title in rows}  # noqa: C416  # rows are no pairs to mypy


async def _replace(db: AsyncSession, scope: Scope, number: int, priced: Sequence[Alternative]) -> None:
    for table in (ChangeLine, ChangeAlternative):
        await db.execute(delete(table).where(table.project_id == scope.project_id, table.change_number == number))
    db.add_all(_row(scope, number, one) for one in priced)
    await db.flush()
    db.add_all(
        ChangeLine(
            project_id=scope.project_id, change_number=number, key=one.key, position=position, **line_columns(line)
        )
        for one in priced
        for position, line in enumerate(one.lines, start=1)
    )
    await db.flush()


def _row(scope: Scope, number: int, one: Alternative) -> ChangeAlternative:
    return ChangeAlternative(
        project_id=scope.project_id, change_number=number, key=one.key, title=one.title, free=one.free,
        currency=one.sums.net.currency, net_minor=one.sums.net.minor, days=one.days, quality=one.quality,
        milestones=[{"number": at, "on": day.isoformat()} for at, day in one.milestones.items()],
        items_added=list(one.items_added), items_changed=list(one.items_changed),
    )  # fmt: skip


async def offer(db: AsyncSession, scope: Scope, number: int, terms: Terms) -> ChangeRequest:
    """Puts the alternatives to the client as a question; who answers must be an approver who may see the price.

    Raises Conflict without a contract to amend, for what is not priced whole, and for what could not be accepted: more
    than the contract can take, an item that the client does not see, a milestone that is confirmed; Invalid,
    NotAllowed.
    """
    scope.require_staff(StaffRole.MANAGER, StaffRole.FINANCE)
    await ledger.lock(db, scope.project_id)
    request = await queries.change(db, scope, number)
    following = workflow.step(request.state, Act.OFFER)
    contract = await contract_view.contract_or_none(db, scope)
    await _name_items(db, scope, number)
    options = await queries.options(db, scope, number)
    contract = _check_offer(scope, contract, options, terms)
    await _check_moves(db, scope, options)
    request.offers, request.valid_until = request.offers + 1, terms.valid_until
    decision = await decisions.ask(db, scope, _question(request, options, contract, terms))
    request.state, request.decision_number, request.refusal = following, decision.number, ""
    told = {"valid_until": terms.valid_until.isoformat(), "alternatives": offering.impact(options)}
    request.seq = await tell(db, scope, request, "offered", told)
    await db.flush()
    return request


async def _name_items(db: AsyncSession, scope: Scope, number: int) -> None:
    """Names the items that would change as they are called by now, whatever they were called when they were priced."""
    mine = (ChangeAlternative.project_id == scope.project_id, ChangeAlternative.change_number == number)
    rows = (await db.scalars(select(ChangeAlternative).where(*mine))).all()
    titles = await shown_items(db, scope, [item["number"] for row in rows for item in row.items_changed])
    for row in rows:
        row.items_changed = [one | {"title": titles.get(one["number"], one["title"])} for one in row.items_changed]
    await db.flush()


def _check_offer(scope: Scope, contract: Contract | None, options: Sequence[Option], terms: Terms) -> Contract:
    if contract is None:
        raise Conflict("There is no contract yet that this could amend: record it first.")
    unpriced = [option.key for option in options if offering.is_unpriced(option)]
    if unpriced or not options:
        what = f"Alternative {', '.join(unpriced)} has" if options else "There is"
        raise Conflict(f"{what} no price: give it lines, or say that it is free.", field="alternatives")
    if any(option.price and option.price.sums.net.currency != contract.currency for option in options):
        raise Conflict(f"This was not priced in {contract.currency}, the contract's currency: price it anew.")
    if misfits := offering.misfits(options, contract):
        what = "bring the contract to less than nothing, or to more than can be kept"
        raise Conflict(f"Alternative {', '.join(misfits)} would {what}: price it anew.", field="alternatives")
    if terms.valid_until < scope.today:
        raise Invalid("valid_until is today or later.", field="valid_until", value=terms.valid_until.isoformat())
    if terms.due_on is not None and terms.due_on > terms.valid_until:
        raise Invalid("due_on is not after valid_until.", field="due_on", value=terms.due_on.isoformat())
    return contract


async def take_back(db: AsyncSession, scope: Scope, request: ChangeRequest, reason: str) -> None:
    """Takes an offer back to be revised: its question is withdrawn, for a reason that the client reads."""
    await decisions.withdraw_of_subject(db, scope, DecisionKind.CHANGE_REQUEST, request.number, reason)
    request.state, request.valid_until = workflow.step(request.state, Act.PRICE), None
    request.seq = await tell(db, scope, request, "pricing_began", {})
    await db.flush()


async def _check_moves(db: AsyncSession, scope: Scope, options: Sequence[Option]) -> None:
    moved = {number for option in options for number, _, _ in option.milestones}
    for milestone in await plan.milestones(db, scope):
        if milestone.accepted_on and milestone.number in moved:
            raise Conflict(f"{_confirmed(milestone)} Price this anew.", field="milestones")
    if gone := await gone_items(db, scope, options):
        raise Conflict(f"Item {gone[0]} is no longer there for the client: price this anew.", field="items_changed")


async def gone_items(db: AsyncSession, scope: Scope, options: Sequence[Option]) -> list[int]:
    """Those of the items that would be changed which the client does not see any more."""
    numbers = [item["number"] for option in options for item in option.items_changed]
    shown = await shown_items(db, scope, numbers)
    return [number for number in numbers if number not in shown]


def _question(request: ChangeRequest, options: Sequence[Option], contract: Contract, terms: Terms) -> Question:
    return Question(
        kind=DecisionKind.CHANGE_REQUEST,
        subject_number=request.number,
        subject_version=request.offers,
        title=request.title,
        content=offering.content(request, options, terms.valid_until, contract),
        audience=Audience.BILLING,
        people=terms.people,
        needed=terms.needed,
        due_on=terms.due_on or terms.valid_until,
        holds_up=terms.holds_up,
        choices=tuple((option.key, option.title) for option in options) if len(options) > 1 else (),
    )
