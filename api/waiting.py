"""What is open over all projects: the agency's own list of who waits for whom."""

from api.deps import ReadSession, Viewing
from api.doors import router as door
from api.openapi import answers
from api.shapes import Day, Moment, Outgoing
from portal.decisions import waiting
from portal.decisions.models import DecisionKind, Side

router = door("decisions", "/waiting")


class WaitingOut(Outgoing):
    """A decision that waits for somebody."""

    key: str
    project: str
    company: str
    number: int
    kind: DecisionKind
    title: str
    side: Side
    since: Moment
    due_on: Day | None
    holds_up: str
    is_overdue: bool


class WaitingList(Outgoing):
    """What is open, by its due day (at most 200)."""

    items: list[WaitingOut]


@router.get("", responses=answers(WaitingList, "What is open in all projects."))
async def list_waiting(viewer: Viewing, db: ReadSession) -> WaitingList:
    """What is open in all projects, by its due day: for whom it waits, since when, and what it holds up."""
    found = await waiting.waiting_everywhere(db, viewer)
    return WaitingList(items=[WaitingOut.model_validate(one) for one in found])
