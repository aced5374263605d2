"""How this room appends to the ledger: always about a decision, with what it is of."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.decisions.models import Decision
from portal.ledger import commands as ledger
from portal.ledger.models import Audience


def subject_of(decision: Decision) -> dict[str, Any]:
    """What a decision is of, as each of its events says."""
    return {
        "title": decision.title,
        "of": decision.kind.value,
        "number": decision.subject_number,
        "version": decision.subject_version,
    }


async def tell(
    db: AsyncSession,
    scope: Scope,
    decision: Decision,
    kind: str,
    body: dict[str, Any],
    audience: Audience | None = None,
) -> int:
    """Appends one event about a decision, for its own audience unless said otherwise; its seq."""
    whole = subject_of(decision) | body
    event = ledger.NewEvent(
        kind, "decision", decision.number, audience or decision.audience, whole, scope.viewer.actor, clock.now()
    )
    return await ledger.append(db, scope.project_id, [event])
