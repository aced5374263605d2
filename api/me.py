"""Who a token makes its bearer here."""

from typing import Literal

from fastapi import Request

from api.deps import caller_of
from api.doors import router as door
from api.shapes import Outgoing
from portal.access import StaffRole

router = door("me", "/me")


class Me(Outgoing):
    """The caller: as the ledger names them, and how far they reach."""

    kind: Literal["person", "robot", "system"]
    actor: str
    name: str
    staff: list[StaffRole]
    scopes: list[str]


@router.get("")
async def read_me(request: Request) -> Me:
    """The caller of this request."""
    caller = caller_of(request)
    viewer = caller.viewer
    return Me(
        kind=viewer.kind,
        actor=viewer.actor,
        name=viewer.name,
        staff=sorted(viewer.staff),
        scopes=sorted(caller.scopes),
    )
