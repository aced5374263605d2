"""Who decides for whom on the client's side, and on which days: staff read it, the client's people alone delegate."""

from typing import Any
from uuid import UUID

from starlette.responses import Response

from api.deps import ReadScope, ReadSession
from api.doors import router as door
from api.openapi import answers
from api.paging import Paged
from api.shapes import Day, Moment, Outgoing
from portal.decisions import delegations
from portal.decisions.models import Delegation

router = door("decisions", "/projects/{key}/delegations")


class DelegationOut(Outgoing):
    """A delegation: `to_person_id` decides for `person_id`, from a day to a day, both included, unless it was ended."""

    number: int
    person_id: UUID
    to_person_id: UUID
    from_on: Day
    until_on: Day
    ended_at: Moment | None


class DelegationPage(Outgoing):
    """A page of delegations, the newest first."""

    items: list[DelegationOut]
    next: str | None


def shape(row: Delegation) -> dict[str, Any]:
    """A delegation as JSON values."""
    return DelegationOut.model_validate(row).shown()


@router.get("", responses=answers(DelegationPage, "A page of delegations, the newest first.", headers=("Link",)))
async def list_delegations(scope: ReadScope, db: ReadSession, paged: Paged) -> Response:
    """All delegations, those that have passed or were ended too, the newest first."""
    after = paged.after()
    rows = await delegations.given_by_all(db, scope, before=after[0] if after else None, limit=paged.limit + 1)
    return paged.page(rows, lambda row: (row.number,), shape)
