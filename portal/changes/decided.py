"""What a decision means for this room: checked before it counts, done when it is settled."""

from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.changes import accept, overtaken, queries, workflow
from portal.changes.commands import tell
from portal.changes.kept import days_of
from portal.changes.models import ChangeRequest, ChangeState
from portal.changes.overtaken import OVERTAKEN
from portal.changes.workflow import Act
from portal.decisions import queries as decisions
from portal.decisions.commands import Answer
from portal.decisions.models import Decision, Verdict
from portal.errors import Conflict


async def before(db: AsyncSession, scope: Scope, decision: Decision, given: Answer) -> None:
    """Raises Conflict when this answer cannot be given (any more). The caller holds the project's lock."""
    request = await queries.change(db, scope, decision.subject_number)
    if request.state is not ChangeState.OFFERED or request.decision_number != decision.number:
        raise Conflict("This offer does not stand any more.")
    if given.verdict.is_approval and is_over(scope, request):
        raise Conflict("The last day of this offer has passed: it can no longer be accepted.")


def is_over(scope: Scope, request: ChangeRequest) -> bool:
    """Whether the last day of an offer has passed in the project's zone."""
    return request.valid_until is not None and scope.today > request.valid_until


async def after(db: AsyncSession, scope: Scope, decision: Decision) -> None:
    """Does what follows from a decision that was just settled, in the same transaction. `scope` is the portal's own."""
    request = await queries.change(db, scope, decision.subject_number)
    if decision.outcome is not None and decision.outcome.is_approval:
        amendment = await accept.accept(db, scope, request, decision)
        moved = set(days_of(amendment.milestones))
        await overtaken.take_back(db, scope, reason=OVERTAKEN, milestones=moved, items=set(request.items))
        return
    answers = await decisions.answers_of(db, scope, decision.number)
    request.refusal = answers[-1].comment
    if decision.outcome is Verdict.DECLINED:
        request.state, request.settled_at = workflow.step(request.state, Act.DECLINE), clock.now()
        request.seq = await tell(db, scope, request, "declined", {})
    else:
        request.state, request.valid_until = workflow.step(request.state, Act.WANT_CHANGES), None
        request.seq = await tell(db, scope, request, "changes_wanted", {})
    await db.flush()
