"""What a decision means for this room: checked before it counts, done when it is settled."""

from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.decisions.commands import Answer
from portal.decisions.models import Decision, Verdict
from portal.errors import Conflict
from portal.requirements.models import State
from portal.requirements.store import Telling, load

OUTCOMES = {
    Verdict.APPROVED: State.CONFIRMED,
    Verdict.APPROVED_WITH_REMARKS: State.CONFIRMED,
    Verdict.CHANGES_WANTED: State.CHANGES_WANTED,
    Verdict.DECLINED: State.DECLINED,
}


async def before(db: AsyncSession, scope: Scope, decision: Decision, given: Answer) -> None:
    """Raises Conflict when this answer cannot be given (any more). The caller holds the project's lock."""
    found = await load(db, scope, decision.subject_number)
    if (found.version.version, found.version.decision_number) != (decision.subject_version, decision.number):
        raise Conflict("There is a newer version of this requirement: this one can no longer be confirmed.")


async def after(db: AsyncSession, scope: Scope, decision: Decision) -> None:
    """Does what follows from a decision that was just settled, in the same transaction. `scope` is the portal's own."""
    assert decision.outcome is not None  # it is settled
    found = await load(db, scope, decision.subject_number)
    version, outcome = found.version, OUTCOMES[decision.outcome]
    version.outcome, version.settled_at = outcome, decision.settled_at
    if outcome is State.CONFIRMED:
        found.head.confirmed_version = version.version
    body = {"title": version.title, "version": version.version, "decision": decision.number}
    found.head.updated_at = version.settled_at or version.created_at
    telling = Telling(scope)
    telling.say(f"requirement.{outcome.value}", found.head, body, version=version)
    await telling.append(db)
