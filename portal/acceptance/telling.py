"""How this room appends to the ledger: always about the plan, so that its history is one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.acceptance.models import TestPlan
from portal.access import Scope
from portal.ledger import commands as ledger
from portal.ledger.commands import NewEvent
from portal.ledger.models import Audience


def event_of(
    scope: Scope, plan: TestPlan, kind: str, body: Mapping[str, Any], audience: Audience, at: datetime | None = None
) -> NewEvent:
    """An event about a plan, which it names by its title."""
    whole = {"title": plan.title} | dict(body)
    return NewEvent(kind, "test_plan", plan.number, audience, whole, scope.viewer.actor, at or clock.now())


async def tell(
    db: AsyncSession,
    scope: Scope,
    plan: TestPlan,
    kind: str,
    body: Mapping[str, Any],
    audience: Audience = Audience.CLIENT,
) -> int:
    """Appends one event about a plan; its seq."""
    return await ledger.append(db, scope.project_id, [event_of(scope, plan, kind, body, audience)])
