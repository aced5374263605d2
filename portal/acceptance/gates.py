"""Go/no-go: what a milestone's gate said last, and what waits for it."""

from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from portal.acceptance import queries
from portal.acceptance.models import Acceptance, AcceptanceState, TestPlan
from portal.access import Scope
from portal.errors import Conflict, NotFound
from portal.projects import queries as projects
from portal.projects.models import Milestone
from portal.projects.queries import MOST_NUMBER


async def check_gates(db: AsyncSession, scope: Scope, milestone_number: int) -> None:
    """Raises Conflict when a go/no-go of an earlier milestone said no: it blocks what follows, also what was asked
    before it."""
    order = [one.number for one in await projects.milestones(db, scope)]
    place = order.index(milestone_number) if milestone_number in order else len(order)
    for number in sorted(await no_go(db, scope), key=lambda one: order.index(one) if one in order else 0):
        if number != milestone_number and number in order[:place]:
            raise Conflict(f"The go/no-go of milestone {number} said no: what follows waits for it.")


async def no_go(db: AsyncSession, scope: Scope) -> set[int]:
    """The milestones whose go/no-go said no, and has not said yes since."""
    return set(await db.scalars(_said_no(scope)))


async def milestone(db: AsyncSession, scope: Scope, number: int) -> tuple[Milestone, bool]:
    """A milestone, and whether its go/no-go said no, in one statement. Raises NotFound."""
    said_no = func.coalesce(Milestone.number.in_(_said_no(scope)), False)
    which = (Milestone.project_id == scope.project_id, Milestone.number == number)
    row = (await db.execute(select(Milestone, said_no).where(*which))).first() if 0 < number <= MOST_NUMBER else None
    if row is None:
        raise NotFound(f"There is no milestone {number} in this project.")
    return row[0], bool(row[1])


def _said_no(scope: Scope) -> Select[Any]:
    """A no stands until something else is said of the same part, or of the whole, or the milestone is accepted in
    another way: to be asked anew says nothing."""
    later, its_milestone = aliased(Acceptance), aliased(Milestone)
    accepted = exists().where(
        its_milestone.project_id == scope.project_id, its_milestone.number == TestPlan.milestone_number,
        its_milestone.accepted_on.is_not(None),
    )  # fmt: skip
    said_since = exists().where(
        later.project_id == scope.project_id, later.plan_number == Acceptance.plan_number,
        later.number > Acceptance.number, or_(later.part == Acceptance.part, later.is_whole),
        later.state.not_in((AcceptanceState.ASKED, AcceptanceState.WITHDRAWN)),
    )  # fmt: skip
    its_plan = and_(TestPlan.project_id == Acceptance.project_id, TestPlan.number == Acceptance.plan_number)
    return (
        select(TestPlan.milestone_number)
        .join(Acceptance, its_plan)
        .where(
            *queries.visible(scope),
            TestPlan.is_gate,
            Acceptance.state == AcceptanceState.REFUSED,
            ~said_since,
            ~accepted,
            TestPlan.milestone_number.is_not(None),
        )
    )
