"""Rows of the requirements for the commands: loaded with their latest version, and told of in the ledger."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.decisions.models import Decision, DecisionState
from portal.errors import NotFound
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.requirements import workflow
from portal.requirements.models import Requirement, RequirementVersion, State


@dataclass(slots=True)
class Loaded:
    """A requirement with the version that stands, and whether the client is being asked about it."""

    head: Requirement
    version: RequirementVersion
    is_open: bool

    @property
    def state(self) -> State:
        """Where the version stands."""
        was_asked = self.version.decision_number is not None
        return workflow.state_of(self.version.outcome, was_asked=was_asked, is_open=self.is_open)


async def load(db: AsyncSession, scope: Scope, number: int) -> Loaded:
    """A requirement with its latest version, for a command that holds the lock. Raises NotFound."""
    found = await load_where(db, scope, Requirement.number == number) if 0 < number < 2**31 else []
    if not found:
        raise NotFound(f"There is no requirement {number} in this project.")
    return found[0]


async def load_where(db: AsyncSession, scope: Scope, which: ColumnElement[bool]) -> list[Loaded]:
    """The requirements that meet a condition, with their latest versions, for a command that holds the lock."""
    latest = and_(
        RequirementVersion.project_id == Requirement.project_id,
        RequirementVersion.requirement_number == Requirement.number,
        RequirementVersion.version == Requirement.version,
    )
    asked = and_(
        Decision.project_id == RequirementVersion.project_id,
        Decision.number == RequirementVersion.decision_number,
        Decision.state == DecisionState.ASKED,
    )
    statement = (
        select(Requirement, RequirementVersion, Decision.number.is_not(None))
        .join(RequirementVersion, latest)
        .outerjoin(Decision, asked)
        .where(Requirement.project_id == scope.project_id, which)
    )
    return [Loaded(*row) for row in await db.execute(statement, execution_options={"populate_existing": True})]


@dataclass(slots=True)
class Telling:
    """Events about requirements that are appended together, each with the rows that carry its seq from then on."""

    scope: Scope
    waiting: list[tuple[ledger.NewEvent, tuple[Requirement | RequirementVersion, ...]]] = field(default_factory=list)

    def say(
        self,
        kind: str,
        head: Requirement,
        body: dict[str, Any],
        *,
        version: RequirementVersion | None = None,
        audience: Audience | None = None,
    ) -> None:
        """An event about a requirement, for whom it is unless said otherwise, and about `version` if it is named."""
        event = ledger.NewEvent(
            kind, "requirement", head.number, audience or head.audience, body, self.scope.viewer.actor, clock.now()
        )
        self.waiting.append((event, (head, version) if version else (head,)))

    async def append(self, db: AsyncSession) -> None:
        """Appends them in their order, by as many statements whatever their number."""
        until = await ledger.append(db, self.scope.project_id, [event for event, _ in self.waiting])
        for seq, (_, rows) in enumerate(self.waiting, start=until - len(self.waiting) + 1):
            for row in rows:
                row.seq = seq
        self.waiting.clear()
        await db.flush()
