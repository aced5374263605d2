"""Where an answer becomes an act: the decision is kept, and what follows from it is done in the same transaction."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance import accepting, gates
from portal.acceptance import decided as acceptance
from portal.access import SYSTEM, Scope, StaffRole
from portal.billing import amended
from portal.changes import decided as changes
from portal.decisions import commands, queries
from portal.decisions.commands import Answer, Answered
from portal.decisions.models import Decision, DecisionKind, DecisionState
from portal.decisions.proof import Proof
from portal.designs import decided as designs
from portal.errors import Conflict
from portal.ledger import commands as ledger
from portal.ledger.keys import SigningKeys
from portal.milestones import commands as confirming
from portal.milestones import decided as milestones
from portal.projects import queries as projects
from portal.requirements import decided as requirements


@dataclass(frozen=True, slots=True)
class Follow:
    """What a room does about its decisions: `before` refuses an answer that cannot be given, `after` acts on one, and
    `withdrawn` on a question that was taken back by itself."""

    before: Callable[[AsyncSession, Scope, Decision, Answer], Awaitable[None]]
    after: Callable[[AsyncSession, Scope, Decision], Awaitable[None]]
    withdrawn: Callable[[AsyncSession, Scope, Decision], Awaitable[None]] | None = None


async def _before_milestone(db: AsyncSession, scope: Scope, decision: Decision, given: Answer) -> None:
    await milestones.before(db, scope, decision, given)
    if given.verdict.is_approval:
        await gates.check_gates(db, scope, decision.subject_number)


async def _after_milestone(db: AsyncSession, scope: Scope, decision: Decision) -> None:
    await milestones.after(db, scope, decision)
    if decision.outcome is not None and decision.outcome.is_approval:
        await accepting.withdraw_of_milestone(db, scope, decision.subject_number)


async def _after_change(db: AsyncSession, scope: Scope, decision: Decision) -> None:
    await changes.after(db, scope, decision)
    if decision.outcome is not None and decision.outcome.is_approval:
        await amended.plan_amendment(db, scope, decision.subject_number)


FOLLOWS: Mapping[DecisionKind, Follow] = {
    DecisionKind.DESIGN: Follow(designs.before, designs.after),
    DecisionKind.REQUIREMENT: Follow(requirements.before, requirements.after),
    DecisionKind.CHANGE_REQUEST: Follow(changes.before, _after_change),
    DecisionKind.MILESTONE: Follow(_before_milestone, _after_milestone),
    DecisionKind.ACCEPTANCE: Follow(acceptance.before, acceptance.after, acceptance.withdrawn),
}


OFFERED = "An offer rests on this question: price the change request anew, or withdraw it, and the question goes too."


async def withdraw(db: AsyncSession, scope: Scope, number: int, reason: str) -> Decision:
    """Takes an open question back, with a reason that the client reads, and what hangs on it alone. Raises Conflict for
    that of a change request, whose offer would stand there without it, and as `decisions.commands.withdraw` does.
    """
    scope.require_staff()
    decision = await queries.decision(db, scope, number)
    if decision.kind is DecisionKind.CHANGE_REQUEST and decision.state is DecisionState.ASKED:
        raise Conflict(OFFERED)
    decision = await commands.withdraw(db, scope, number, reason)
    if (follow := FOLLOWS[decision.kind].withdrawn) is not None:
        await follow(db, scope, decision)
    return decision


async def ask_confirmation(
    db: AsyncSession,
    scope: Scope,
    number: int,
    *,
    people: tuple[UUID, ...] = (),
    needed: int | None = None,
    due_on: date | None = None,
    holds_up: str = "",
) -> Decision:
    """Asks the client to confirm a milestone. Raises Conflict behind a go/no-go that said no, which is not gone round
    by asking without a protocol, and as `milestones.commands.ask_confirmation` does.
    """
    scope.require_staff(StaffRole.MANAGER)
    await ledger.lock(db, scope.project_id)
    await gates.check_gates(db, scope, number)
    return await confirming.ask_confirmation(
        db, scope, number, people=people, needed=needed, due_on=due_on, holds_up=holds_up
    )


async def decide(
    db: AsyncSession, scope: Scope, keys: SigningKeys, portal: str, number: int, given: Answer, proof: Proof
) -> Answered:
    """Keeps an answer and, when it settles the decision, does what follows. All of it or nothing.

    Raises as `decisions.commands.answer` does, and Conflict for what the decision's own room refuses.
    """
    await ledger.lock(db, scope.project_id)
    decision = await queries.decision(db, scope, number)
    follow = FOLLOWS[decision.kind]
    if decision.state is DecisionState.ASKED:
        await follow.before(db, scope, decision, given)
    answered = await commands.answer(db, scope, keys, portal, number, given, proof)
    if answered.is_new and answered.decision.outcome is not None:
        await follow.after(db, await projects.scope_for(db, SYSTEM, scope.key), answered.decision)
    return answered
