"""Writes of the contract: recording it and correcting it as long as nothing rests on it. The caller owns the
transaction; amendments come by accepted change requests alone (accept.py)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope, StaffRole
from portal.changes import contract_view, held, kept, terms
from portal.changes.kept import line_columns, line_told
from portal.changes.models import ChangeRequest, ChangeState, Contract, ContractLine
from portal.changes.pricing import Line
from portal.changes.terms import Terms
from portal.diff import plain
from portal.errors import Conflict, Invalid
from portal.files import queries as files
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects import commands as projects
from portal.projects import queries as plan

AS_SIGNED = "As in the contract."
AGREED_DATES = frozenset({"promised_on", "agreed_on"})
ALWAYS_OPEN = frozenset({"documents"})
"""What can be corrected even when amendments rest on the contract: papers are added later."""


async def record_contract(db: AsyncSession, scope: Scope, given: Mapping[str, Any]) -> Contract:
    """Records the project's contract as it was signed; `given` as in `terms.terms`.

    Its milestones' dates become their promised dates. Raises Conflict where there is one already, Invalid, NotAllowed
    (a manager or finance; a manager where a promised date moves).
    """
    scope.require_staff(StaffRole.MANAGER, StaffRole.FINANCE)
    await ledger.lock(db, scope.project_id)
    if await contract_view.contract_or_none(db, scope) is not None:
        raise Conflict("This project has its contract already.")
    signed = terms.terms({"currency": scope.project.currency} | dict(given))
    contract = Contract(project_id=scope.project_id, amendments=0, seq=0)
    await _write(db, scope, contract, signed)
    contract.seq = await _tell(db, scope, "contract.recorded", _told(contract, signed.lines))
    db.add(contract)
    await db.flush()
    await _write_lines(db, scope, signed.lines)
    return contract


async def change_contract(
    db: AsyncSession, scope: Scope, wanted: Mapping[str, Any], *, billed_by: str = ""
) -> Contract:
    """Corrects the contract as it was recorded. Raises Conflict for anything but documents once there is an amendment
    or an offer, and for amounts where something bills them (`billed_by` names it): then a change request is the way.
    Raises NotFound, Invalid, NotAllowed. Doors go through `billing.corrected`, which knows what was billed."""
    scope.require_staff(StaffRole.MANAGER, StaffRole.FINANCE)
    await ledger.lock(db, scope.project_id)
    contract = await contract_view.contract(db, scope)
    if wanted.keys() - ALWAYS_OPEN:
        await _check_nothing_rests_on(db, scope, contract)
    if not wanted:
        return contract
    original = await contract_view.original_lines(db, scope)
    signed = terms.terms(_as_given(contract, original) | dict(wanted))
    before = _told(contract, original)
    if billed_by:
        _check_amounts(terms.amounts(terms.terms(_as_given(contract, original))), terms.amounts(signed), billed_by)
    if wanted.keys() - ALWAYS_OPEN:
        await _write(db, scope, contract, signed)
        await db.execute(delete(ContractLine).where(ContractLine.project_id == scope.project_id))
        await _write_lines(db, scope, signed.lines)
    else:
        contract.documents = await _documents(db, scope, signed.documents)
    after = _told(contract, signed.lines)
    changes = {field: [before[field], after[field]] for field in after if before[field] != after[field]}
    if changes:
        contract.seq = await _tell(db, scope, "contract.changed", {"terms": changes})
    await db.flush()
    return contract


async def _check_nothing_rests_on(db: AsyncSession, scope: Scope, contract: Contract) -> None:
    offered = select(ChangeRequest.number).where(
        ChangeRequest.project_id == scope.project_id, ChangeRequest.state == ChangeState.OFFERED
    )
    if contract.amendments or await db.scalar(offered.limit(1)) is not None:
        raise Conflict("An amendment or an offer rests on this contract: only a change request can change it now.")


def _check_amounts(kept: Mapping[str, str | int], wanted: Mapping[str, str | int], billed_by: str) -> None:
    for field, right in kept.items():
        if wanted.get(field) != right:
            raise Conflict(
                f"By this contract, {billed_by} was made: {field} stays {right or 'none'}. A change request amends "
                "what is agreed; a mistake can be corrected once the invoice is taken back, or the draft thrown away.",
                field=field, value=wanted.get(field),
            )  # fmt: skip


async def check_dates(db: AsyncSession, scope: Scope, number: int, wanted: Mapping[str, Any]) -> None:
    """Raises Conflict when a milestone's promised or agreed day would be changed by hand though the contract names the
    milestone: then a correction of the contract or a change request does that; and when its agreed day would be though
    an open offer moves it. The caller holds the lock."""
    if not wanted.keys() & AGREED_DATES or not scope.sees_money:
        return
    contract = await contract_view.contract_or_none(db, scope)
    moved = await contract_view.amendments(db, scope, limit=contract_view.MOST_AMENDMENTS) if contract else ()
    named = [*(contract.milestones if contract else ()), *(one for row in moved for one in row.milestones)]
    if number in (one["number"] for one in named):
        field = min(wanted.keys() & AGREED_DATES)
        raise Conflict("The contract names this milestone: a change request moves its agreed date.", field=field)
    if "agreed_on" in wanted:
        await held.check_milestone(db, scope, number)


async def _write(db: AsyncSession, scope: Scope, contract: Contract, signed: Terms) -> None:
    contract.kind, contract.period, contract.currency = signed.kind, signed.period, signed.currency
    contract.original_minor = contract.total_minor = signed.total.minor
    contract.original_ceiling_minor = contract.ceiling_minor = signed.ceiling.minor if signed.ceiling else None
    contract.bought = signed.texts["bought"]
    contract.payment_terms, contract.quality_terms = signed.texts["payment_terms"], signed.texts["quality_terms"]
    contract.signed_on, contract.deemed_after_days = signed.signed_on, signed.deemed_after_days
    contract.documents = await _documents(db, scope, signed.documents)
    contract.milestones = [{"number": number, "on": day.isoformat()} for number, day in signed.milestones.items()]
    await _promise(db, scope, signed)


async def _promise(db: AsyncSession, scope: Scope, signed: Terms) -> None:
    """What the contract says of milestones is what was promised, and is agreed until an amendment moves it."""
    known = {one.number: one for one in await plan.milestones(db, scope)}
    for number, day in signed.milestones.items():
        if number not in known:
            raise Invalid(f"There is no milestone {number} in this project.", field="milestones", value=number)
        signed_day = {"promised_on": day, "agreed_on": None}
        if any(getattr(known[number], field) != signed_day[field] for field in signed_day):
            await projects.change_milestone(db, scope, number, signed_day, reason=AS_SIGNED)


async def _documents(db: AsyncSession, scope: Scope, numbers: Sequence[int]) -> list[dict[str, Any]]:
    return await files_as_kept(db, scope, numbers, "documents", (Audience.CLIENT, Audience.BILLING))


async def files_as_kept(
    db: AsyncSession, scope: Scope, numbers: Sequence[int], field: str, audiences: Sequence[Audience]
) -> list[dict[str, Any]]:
    """Files by their numbers as {number, name, sha256}: what is kept names them to the byte.

    Raises Invalid for one that is not there, or that the readers of `field` could not open.
    """
    found = await files.files_by_numbers(db, scope, numbers)
    for number in numbers:
        if number not in found or found[number].audience not in audiences:
            right = " or ".join(audiences)
            raise Invalid(f"There is no file {number} for {right} in this project.", field=field, value=number)
    return [{"number": one, "name": found[one].name, "sha256": found[one].sha256.hex()} for one in numbers]


async def _write_lines(db: AsyncSession, scope: Scope, lines: Sequence[Line], amendment: int = 0) -> None:
    db.add_all(
        ContractLine(project_id=scope.project_id, amendment=amendment, position=position, **line_columns(line))
        for position, line in enumerate(lines, start=1)
    )
    await db.flush()


def _as_given(contract: Contract, lines: Sequence[Line]) -> dict[str, Any]:
    """The contract as `terms.terms` takes it, so that a correction is checked with all that stays."""
    ceiling = kept.money_of(contract, contract.original_ceiling_minor)
    return {
        "kind": contract.kind, "currency": contract.currency, "period": contract.period,
        "ceiling": ceiling.amount if ceiling else None, "signed_on": contract.signed_on,
        "lines": [line_told(line) for line in lines],
        "milestones": kept.dated(contract.milestones),
        "documents": [one["number"] for one in contract.documents], "deemed_after_days": contract.deemed_after_days,
        **{field: getattr(contract, field) for field in terms.TEXTS},
    }  # fmt: skip


def _told(contract: Contract, lines: Sequence[Line]) -> dict[str, Any]:
    """The original contract as events tell of it."""
    told = _as_given(contract, lines) | {"documents": contract.documents, "milestones": contract.milestones}
    told |= {"kind": contract.kind.value, "period": plain(contract.period), "signed_on": plain(contract.signed_on)}
    return told | {"total": kept.money(contract, contract.original_minor).amount}


async def _tell(db: AsyncSession, scope: Scope, kind: str, body: dict[str, Any]) -> int:
    event = ledger.NewEvent(kind, "contract", None, Audience.BILLING, body, scope.viewer.actor, clock.now())
    return await ledger.append(db, scope.project_id, [event])
