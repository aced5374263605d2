"""Backlog items: the list of them, one, and many at once by their references elsewhere."""

from typing import Annotated, Any

import orjson
from fastapi import Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import IfMatch, editable
from api.deps import EditScope, ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.item_shapes import ItemFull, ItemNew, ItemOutcomes, ItemPage, ItemPatch, ItemRows, full, line
from api.openapi import answers
from api.paging import Paged
from api.shapes import PathNumber
from portal.access import Scope
from portal.backlog import commands, plan, queries
from portal.backlog.models import Item, ItemType, Waiting
from portal.backlog.queries import Filter, ItemLine
from portal.changes import held

router = door("items", "/projects/{key}/items")


async def _shown(db: AsyncSession, scope: Scope, item: Item) -> dict[str, Any]:
    return full(item, await plan.load(db, scope))


@router.get("", responses=answers(ItemPage, "A page of the backlog, in its order.", headers=("Link",)))
async def list_items(
    scope: ReadScope,
    db: ReadSession,
    paged: Paged,
    status: Annotated[str | None, Query(max_length=100, description="A column's name.")] = None,
    type: Annotated[ItemType | None, Query()] = None,
    iteration: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    milestone: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    label: Annotated[str | None, Query(max_length=100)] = None,
    text: Annotated[str | None, Query(max_length=200, description="Words that it must all have.")] = None,
    waiting_on: Annotated[Waiting | None, Query(description="Blocked, and on whom it waits.")] = None,
) -> Response:
    """The items of the backlog that match every filter, in the backlog's order."""
    if (same := paged.kept(scope)) is not None:
        return same
    wanted = Filter(status, type, iteration, milestone, label, text, waiting_on)
    after = paged.after()
    rows = await queries.items(db, scope, wanted, after=(after[0], after[1]) if after else None, limit=paged.limit + 1)
    return paged.page(rows, _place, line, scope=scope)


def _place(row: ItemLine) -> tuple[int, int]:
    return row.position, row.number


@router.post("", status_code=201, responses=answers(ItemFull, "The item.", status=201, headers=("ETag", "Location")))
async def add_item(scope: WriteScope, db: UnitOfWork, wanted: Annotated[ItemNew, json_body(ItemNew)]) -> Response:
    """Adds an item at the end of the backlog, or at `position`."""
    item = await commands.add_item(db, scope, wanted.given())
    address = f"/api/v1/projects/{scope.key}/items/{item.number}"
    return editable(await _shown(db, scope, item), status_code=201, location=address)


@router.post("/upsert", responses=answers(ItemOutcomes, "What was done with each row, in their order."))
async def upsert_items(scope: WriteScope, db: UnitOfWork, wanted: Annotated[ItemRows, json_body(ItemRows)]) -> Response:
    """Adds or changes up to 2,000 items, each recognised by its `external_ref`; all of them or none.

    As with a single item, none that an open offer would change can be made internal.
    """
    rows = [row.given() for row in wanted.items]
    done = await commands.upsert_items(db, scope, rows)
    await held.check_items(db, scope, {one.number for one in done})
    told = [
        {"external_ref": row["external_ref"], "number": outcome.number, "did": outcome.did}
        for row, outcome in zip(rows, done, strict=True)
    ]
    return Response(orjson.dumps({"items": told}), media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get("/{number}", responses=answers(ItemFull, "The item.", headers=("ETag",)))
async def read_item(scope: ReadScope, db: ReadSession, number: PathNumber) -> Response:
    """One item."""
    return editable(await _shown(db, scope, await queries.item(db, scope, number)))


@router.patch("/{number}", responses=answers(ItemFull, "The item as it is now.", headers=("ETag",)))
async def change_item(
    scope: EditScope,
    db: UnitOfWork,
    match: IfMatch,
    number: PathNumber,
    wanted: Annotated[ItemPatch, json_body(ItemPatch)],
) -> Response:
    """Changes an item. One that an open offer would change cannot be made internal: 409 names the change request."""
    match.require(await _shown(db, scope, await queries.item(db, scope, number)))
    fields = wanted.given()
    reason = fields.pop("reason", "")
    item = await commands.change_item(db, scope, number, fields, reason=reason)
    await held.check_items(db, scope, {number})
    return editable(await _shown(db, scope, item))


@router.delete("/{number}", status_code=204)
async def remove_item(
    scope: EditScope,
    db: UnitOfWork,
    match: IfMatch,
    number: PathNumber,
    reason: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """Takes an item out of the backlog. Its history stays; its number is never used again.

    One that an open offer would change cannot be taken out: 409 names the change request.
    """
    match.require(await _shown(db, scope, await queries.item(db, scope, number)))
    await commands.remove_item(db, scope, number, reason=reason)
    await held.check_items(db, scope, {number})
    return Response(status_code=204)


@router.post("/{number}/restoration", responses=answers(ItemFull, "The item, back in the backlog.", headers=("ETag",)))
async def restore_item(scope: WriteScope, db: UnitOfWork, number: PathNumber) -> Response:
    """Brings a removed item back as it was."""
    return editable(await _shown(db, scope, await commands.restore_item(db, scope, number)))
