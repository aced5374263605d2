"""Writes of change requests: raising, correcting, withdrawing. The caller owns the transaction.

Pricing and offering are in offers.py, what follows from the client's answer in accept.py and decided.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import SYSTEM, Role, Scope, StaffRole
from portal.changes import contracts, pricing, queries, workflow
from portal.changes.models import ChangeRequest, ChangeState
from portal.changes.workflow import Act
from portal.decisions import commands as decisions
from portal.decisions.models import DecisionKind
from portal.diff import apply_changes
from portal.errors import Conflict, Invalid, NotAllowed
from portal.files import queries as stored
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects import queries as projects
from portal.projects.rules import check_name

EDITABLE = frozenset({ChangeState.RAISED, ChangeState.BEING_PRICED, ChangeState.EXPIRED})


async def raise_change(
    db: AsyncSession, scope: Scope, *, title: str, wanted: str, reason: str = "", files: Sequence[int] = ()
) -> ChangeRequest:
    """Raises a change request: the client's approvers do, and all of staff. Raises Invalid, NotAllowed."""
    if scope.is_staff:
        scope.require_staff()
    else:
        scope.require(Role.APPROVER)
    await ledger.lock(db, scope.project_id)
    highest = await db.scalar(
        select(func.max(ChangeRequest.number)).where(ChangeRequest.project_id == scope.project_id)
    )
    request = ChangeRequest(
        project_id=scope.project_id, number=(highest or 0) + 1, title=check_name(title, "title"),
        wanted=_said(wanted, "wanted"), reason=pricing.words(reason, "reason"), files=await _files(db, scope, files),
        state=ChangeState.RAISED, raised_by=scope.viewer.actor, raised_by_person=scope.viewer.person_id,
        by_client=not scope.is_staff, raised_at=clock.now(), settled_at=None, offers=0, valid_until=None,
        decision_number=None, amendment_number=None, choice=None, closing="", refusal="", items=[], seq=0,
    )  # fmt: skip
    body = {field: getattr(request, field) for field in ("title", "wanted", "reason", "files", "by_client")}
    request.seq = await tell(db, scope, request, "raised", body)
    db.add(request)
    await db.flush()
    return request


def _said(text: str, field: str) -> str:
    words = pricing.words(text, field)
    if not words:
        raise Invalid("Write something first.", field=field, value=text)
    return words


async def _files(db: AsyncSession, scope: Scope, numbers: Sequence[int]) -> list[dict[str, Any]]:
    kept = await contracts.files_as_kept(db, scope, numbers, "files", (Audience.CLIENT,))
    found = await stored.files_by_numbers(db, scope, numbers)
    return [one | {"preview": found[one["number"]].preview is not None} for one in kept]


async def change_change(db: AsyncSession, scope: Scope, number: int, wanted: Mapping[str, Any]) -> ChangeRequest:
    """Corrects the words of a change request that staff raised and that is not offered. `wanted`: title, wanted,
    reason, files. Raises Conflict for the client's own words, and for what is offered or settled."""
    scope.require_staff()
    for field in wanted.keys() - {"title", "wanted", "reason", "files"}:
        raise Invalid(f"A change request has no {field} that can be changed.", field=field, value=wanted[field])
    await ledger.lock(db, scope.project_id)
    request = await queries.change(db, scope, number)
    if request.by_client:
        raise Conflict("The client wrote this: it stays as it is.")
    if request.state not in EDITABLE:
        raise Conflict("What was offered or settled cannot be edited.", field="state", value=request.state.value)
    checked = dict(wanted)
    for field in wanted.keys() & {"wanted", "reason"}:
        checked[field] = _said(wanted[field], field) if field == "wanted" else pricing.words(wanted[field], field)
    if "title" in wanted:
        checked["title"] = check_name(wanted["title"], "title")
    if "files" in wanted:
        checked["files"] = await _files(db, scope, wanted["files"])
    before = {field: getattr(request, field) for field in checked}
    if apply_changes(request, checked):
        changed = {field: [before[field], checked[field]] for field in checked if before[field] != checked[field]}
        request.seq = await tell(db, scope, request, "changed", {"words": changed})
    return request


async def withdraw(db: AsyncSession, scope: Scope, number: int, reason: str) -> ChangeRequest:
    """Takes a change request back for good, with a reason that everybody in the project reads.

    Staff may at any time before it is settled; the client's approvers may as long as the client's own request is not
    offered. Raises Conflict, Invalid, NotAllowed.
    """
    if scope.is_staff:
        scope.require_staff(StaffRole.MANAGER, StaffRole.FINANCE)
    else:
        scope.require(Role.APPROVER)
    await ledger.lock(db, scope.project_id)
    request = await queries.change(db, scope, number)
    if not scope.is_staff and not request.by_client:
        raise NotAllowed("The agency raised this: it takes it back itself.")
    if not scope.is_staff and request.state is ChangeState.OFFERED:
        raise Conflict("It is offered to you: answer the offer instead.")
    following, words = workflow.step(request.state, Act.WITHDRAW), _said(reason, "reason")
    await _take_back(db, scope, number, words)
    request.state, request.closing, request.settled_at = following, words, clock.now()
    request.seq = await tell(db, scope, request, "withdrawn", {"reason": words})
    return request


async def _take_back(db: AsyncSession, scope: Scope, number: int, reason: str) -> None:
    """Withdraws the question, or ends the agency's turn on one. What a client's person takes back is in no question,
    but they may have wanted changes before: the agency keeps nobody waiting with those any more.
    """
    if scope.is_staff:
        await decisions.withdraw_of_subject(db, scope, DecisionKind.CHANGE_REQUEST, number, reason)
    else:  # who approves need not see money, as the question does
        portal = await projects.scope_for(db, SYSTEM, scope.key)
        await decisions.end_turns_of_subject(db, portal, DecisionKind.CHANGE_REQUEST, number)


async def tell(
    db: AsyncSession,
    scope: Scope,
    request: ChangeRequest,
    happened: str,
    body: dict[str, Any],
    audience: Audience = Audience.CLIENT,
) -> int:
    """Appends an event of a change request. Whatever is for `client` must say nothing of money."""
    kind, told = f"change_request.{happened}", {"title": request.title} | body
    event = ledger.NewEvent(kind, "change_request", request.number, audience, told, scope.viewer.actor, clock.now())
    return await ledger.append(db, scope.project_id, [event])
