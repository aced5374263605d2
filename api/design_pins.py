"""Pins of a design: remarks at places of its pictures, replies to them, and which are settled."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Query
from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from api.bodies import json_body
from api.deps import ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.openapi import answers
from api.shapes import Incoming, Moment, Number, Outgoing, PathNumber
from portal.access import Scope
from portal.designs import pins, queries
from portal.designs.carrying import TEN_THOUSAND, Place
from portal.designs.queries import PinLine
from portal.designs.rules import LONGEST_REMARK
from portal.ledger.models import Audience

router = door("designs", "/projects/{key}/designs/{number}/pins")

Words = Annotated[str, Field(min_length=1, max_length=LONGEST_REMARK)]
Along = Annotated[int, Field(ge=0, le=TEN_THOUSAND, description="Ten-thousandths of the picture's width or height.")]


class PinNew(Incoming):
    """A remark at a place: `position` and `page` say on which part of the version, x and y where on its picture."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": 1, "position": 1, "x": 2500, "y": 7500, "text": "Larger?"}]}
    )

    version: Number
    position: Number
    page: Annotated[Number, Field(description="Of a PDF.")] = 1
    x: Along
    y: Along
    text: Words


class ReplyNew(Incoming):
    """What is answered to a remark."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "It is, since version 2."}]})

    text: Words


class ReplyOut(Outgoing):
    """An answer to a remark. `name` is null where a robot wrote it."""

    text: str
    name: str | None
    by_staff: bool
    at: Moment


class PlaceOut(Outgoing):
    """Where a remark stands on a version."""

    position: int
    page: int
    x: int
    y: int


class PinOut(Outgoing):
    """A remark. `place` is where it stands on the version that was asked for; null: it has no place there any more."""

    number: int
    version: int
    place: PlaceOut | None
    audience: Audience
    text: str
    name: str | None
    by_staff: bool
    at: Moment
    resolved_at: Moment | None
    replies: list[ReplyOut]


class PinList(Outgoing):
    """The remarks that a version shows, by number."""

    items: list[PinOut]


def shape(line: PinLine, place: Place | None) -> PinOut:
    """A remark with its replies."""
    row = line.pin
    replies: list[dict[str, Any]] = [
        {"text": one.reply.text, "name": one.name, "by_staff": one.reply.by_staff, "at": one.reply.at}
        for one in line.replies
    ]
    fields = {name: getattr(row, name) for name in PinOut.model_fields if name not in ("place", "name", "replies")}
    where = asdict(place) if place else None
    return PinOut.model_validate(fields | {"place": where, "name": line.name, "replies": replies})


async def _pin(db: AsyncSession, scope: Scope, number: int, pin_number: int) -> PinOut:
    """A remark as it stands on the newest version."""
    found = next(one for one in await queries.pins(db, scope, number) if one.pin.number == pin_number)
    design = await queries.with_versions(db, scope, number)
    last = found.pin.resolved_version or design.design.last_version
    return shape(found, queries.places(design, [found], last)[pin_number])


@router.get("", responses=answers(PinList, "The remarks that a version shows."))
async def list_pins(
    scope: ReadScope,
    db: ReadSession,
    number: PathNumber,
    version: Annotated[int | None, Query(ge=1, lt=2**31, description="Of which version; the newest, if none.")] = None,
) -> PinList:
    """The remarks that a version shows: made on it, or carried to it."""
    design = await queries.with_versions(db, scope, number)
    wanted = design.newest.version.version if version is None and design.newest else version
    if wanted is None:
        return PinList(items=[])
    design.of(wanted)
    found = await queries.pins(db, scope, number)
    places = queries.places(design, found, wanted)
    return PinList(items=[shape(one, places[one.pin.number]) for one in found if one.pin.number in places])


@router.post("", status_code=201, responses=answers(PinOut, "The remark.", status=201))
async def add_pin(
    scope: WriteScope, db: UnitOfWork, number: PathNumber, wanted: Annotated[PinNew, json_body(PinNew)]
) -> PinOut:
    """Pins a remark. On a draft it stays among staff, whatever becomes of the draft."""
    place = Place(wanted.position, wanted.x, wanted.y, wanted.page)
    row = await pins.pin(db, scope, number, wanted.version, place, wanted.text)
    return await _pin(db, scope, number, row.number)


@router.post("/{pin}/replies", status_code=201, responses=answers(PinOut, "The remark with its replies.", status=201))
async def reply_to_pin(
    scope: WriteScope, db: UnitOfWork, number: PathNumber, pin: PathNumber,
    wanted: Annotated[ReplyNew, json_body(ReplyNew)],
) -> PinOut:  # fmt: skip
    """Answers a remark."""
    await pins.reply(db, scope, number, pin, wanted.text)
    return await _pin(db, scope, number, pin)


@router.post("/{pin}/resolution", responses=answers(PinOut, "The remark, settled."))
async def resolve_pin(scope: WriteScope, db: UnitOfWork, number: PathNumber, pin: PathNumber) -> PinOut:
    """Settles a remark: later versions do not show it."""
    await pins.resolve(db, scope, number, pin)
    return await _pin(db, scope, number, pin)


@router.post("/{pin}/reopening", responses=answers(PinOut, "The remark, open again."))
async def reopen_pin(scope: WriteScope, db: UnitOfWork, number: PathNumber, pin: PathNumber) -> PinOut:
    """Opens a settled remark again."""
    await pins.reopen(db, scope, number, pin)
    return await _pin(db, scope, number, pin)
