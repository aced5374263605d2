"""Change requests: raised, priced, offered to the client, taken back. Only the client accepts or declines."""

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from api.bodies import json_body
from api.change_shapes import (
    ChangeNew,
    ChangeOut,
    ChangePage,
    ChangePatch,
    ChangeShort,
    OfferNew,
    PricingNew,
    WithdrawalOfChange,
    shape,
)
from api.conditional import IfMatch, editable
from api.deps import EditScope, ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.money_shapes import given_deep
from api.openapi import answers
from api.paging import Paged
from api.shapes import PathNumber, plain_decimal
from portal.changes import commands, offers, queries
from portal.changes.models import ChangeState
from portal.changes.offers import Terms
from portal.changes.queries import ChangeRow

router = door("changes", "/projects/{key}/changes")


async def _shown(db: ReadSession, scope: ReadScope, number: int) -> dict[str, Any]:
    return shape(scope, await queries.change_view(db, scope, number))


@router.get("", responses=answers(ChangePage, "A page of change requests, the newest first.", headers=("Link",)))
async def list_changes(
    scope: ReadScope, db: ReadSession, paged: Paged, state: Annotated[ChangeState | None, Query()] = None
) -> Response:
    """The change requests, the newest first."""
    after = paged.after()
    rows = await queries.changes(db, scope, state=state, before=after[0] if after else None, limit=paged.limit + 1)
    return paged.page(rows, lambda row: (row.request.number,), _short)


def _short(row: ChangeRow) -> dict[str, Any]:
    return ChangeShort.model_validate(row.request).shown()


@router.post("", status_code=201, responses=answers(ChangeOut, "The change request.", status=201,
                                                    headers=("ETag", "Location")))  # fmt: skip
async def raise_change(
    scope: WriteScope, db: UnitOfWork, wanted: Annotated[ChangeNew, json_body(ChangeNew)]
) -> Response:
    """Raises a change request; everybody in the project reads it from now on."""
    row = await commands.raise_change(db, scope, **wanted.given())
    location = f"/api/v1/projects/{scope.key}/changes/{row.number}"
    return editable(await _shown(db, scope, row.number), status_code=201, location=location)


@router.get("/{number}", responses=answers(ChangeOut, "The change request.", headers=("ETag",)))
async def read_change(scope: ReadScope, db: ReadSession, number: PathNumber) -> Response:
    """One change request with its alternatives, the agency's draft as well."""
    return editable(await _shown(db, scope, number))


@router.patch("/{number}", responses=answers(ChangeOut, "The change request as it is now.", headers=("ETag",)))
async def change_change(
    scope: EditScope,
    db: UnitOfWork,
    match: IfMatch,
    number: PathNumber,
    wanted: Annotated[ChangePatch, json_body(ChangePatch)],
) -> Response:
    """Corrects the words of what the agency raised itself; the client's own words stay as they are."""
    match.require(await _shown(db, scope, number))
    await commands.change_change(db, scope, number, wanted.given())
    return editable(await _shown(db, scope, number))


@router.post("/{number}/pricing", responses=answers(ChangeOut, "The change request with its draft.", headers=("ETag",)))
async def price_change(
    scope: WriteScope, db: UnitOfWork, number: PathNumber, wanted: Annotated[PricingNew, json_body(PricingNew)]
) -> Response:
    """Prices it: what it costs, how long it takes and what it moves, in alternatives. An open offer is taken back."""
    await offers.price(db, scope, number, [_priced(given_deep(one)) for one in wanted.alternatives])
    return editable(await _shown(db, scope, number))


def _priced(given: dict[str, Any]) -> dict[str, Any]:
    """An alternative as the rules take it: items' estimates as text again, as all exact numbers."""
    for field in given.keys() & {"items_added", "items_changed"}:
        given[field] = [{name: _as_text(name, value) for name, value in item.items()} for item in given[field]]
    return given


def _as_text(field: str, value: Any) -> Any:
    return plain_decimal(value) if field in ("points", "hours") and value is not None else value


@router.post("/{number}/offer", responses=answers(ChangeOut, "The change request, offered.", headers=("ETag",)))
async def offer_change(
    scope: WriteScope, db: UnitOfWork, number: PathNumber, wanted: Annotated[OfferNew, json_body(OfferNew)]
) -> Response:
    """Puts the alternatives to the client, who accepts one of them, declines, or wants them changed."""
    given = wanted.given()
    await offers.offer(db, scope, number, Terms(**given | {"people": tuple(given.get("people", ()))}))
    return editable(await _shown(db, scope, number))


@router.post("/{number}/withdrawal", responses=answers(ChangeOut, "The change request, taken back.", headers=("ETag",)))
async def withdraw_change(
    scope: WriteScope,
    db: UnitOfWork,
    number: PathNumber,
    wanted: Annotated[WithdrawalOfChange, json_body(WithdrawalOfChange)],
) -> Response:
    """Takes a change request back for good, and the question to the client with it."""
    await commands.withdraw(db, scope, number, wanted.reason)
    return editable(await _shown(db, scope, number))
