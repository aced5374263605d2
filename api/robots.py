"""Programs that may use this API."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import editable
from api.deps import ReadSession, UnitOfWork, Viewing
from api.doors import RobotDoor
from api.doors import router as door
from api.openapi import answers
from api.shapes import Incoming, Moment, Outgoing
from portal.access import StaffRole
from portal.identity import commands, queries
from portal.identity.models import Robot

router = door("robots", "/robots", door=RobotDoor)

ApiScope = Literal["staff:read", "staff:write", "staff:admin"]


class RobotNew(Incoming):
    """A program, by the client id in its tokens, and the most that it may do whatever they say."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"client_id": "sync-job", "name": "Nightly sync", "scopes": ["staff:write"]}]}
    )

    client_id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,255}$")]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: Annotated[list[ApiScope], Field(min_length=1, max_length=3)]


class RobotOut(Outgoing):
    """A program that may use the API, until it is revoked."""

    client_id: str
    name: str
    scopes: list[ApiScope]
    created_by: str
    created_at: Moment
    revoked_at: Moment | None


class RobotList(Outgoing):
    """All robots that were ever registered here, by client id."""

    items: list[RobotOut]


def shape(row: Robot) -> dict[str, Any]:
    """A robot as JSON values."""
    return RobotOut.model_validate(row).shown()


@router.get("", responses=answers(RobotList, "All robots, by client id."))
async def list_robots(viewer: Viewing, db: ReadSession) -> RobotList:
    """All robots that were ever registered here (those of the settings stand there alone)."""
    viewer.require_staff(StaffRole.ADMIN)
    return RobotList(items=[RobotOut.model_validate(row) for row in await queries.robots(db)])


@router.post("", status_code=201, responses=answers(RobotOut, "The robot.", status=201))
async def register_robot(viewer: Viewing, db: UnitOfWork, wanted: Annotated[RobotNew, json_body(RobotNew)]) -> Response:
    """Lets a program use the API."""
    row = await commands.register_robot(db, viewer, wanted.client_id, wanted.name, [*wanted.scopes])
    return editable(shape(row), status_code=201)


@router.delete("/{client_id:path}", status_code=204)
async def revoke_robot(viewer: Viewing, db: UnitOfWork, client_id: str) -> Response:
    """Ends a robot's access with its next call."""
    await commands.revoke_robot(db, viewer, client_id)
    return Response(status_code=204)
