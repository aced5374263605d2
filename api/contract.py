"""The contract of a project, and what accepted change requests amended. For those of staff who may see money."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import IfMatch, editable
from api.deps import EditScope, ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.money_shapes import (
    AmountText,
    Currency,
    LineIn,
    LineOut,
    MoneyOut,
    SumsOut,
    given_deep,
    line_out,
    money_out,
    sums_out,
)
from api.openapi import answers
from api.paging import Paged
from api.shapes import Day, DecimalOut, Incoming, Moment, Number, Outgoing, absent
from portal.billing import corrected
from portal.changes import contract_view, contracts
from portal.changes.contract_view import ContractView
from portal.changes.models import Amendment, Contract, ContractKind, Period
from portal.changes.terms import MOST_DEEMED_DAYS
from portal.errors import NotFound
from portal.money import Money

router = door("contract", "/projects/{key}/contract")
DEEMED = "After how many days without an answer what was tested counts as accepted; null: never."
Words = Annotated[str, Field(max_length=20_000)]
LINE: dict[str, Any] = {
    "text": "The portal, as specified", "quantity": "1", "unit": "LS", "unit_price": "48000.00", "tax_category": "S",
    "tax_rate": "19",
}  # fmt: skip


class DateIn(Incoming):
    """The date of a milestone."""

    number: Number
    on: Day


class ContractFields(Incoming):
    """What can be said of a contract."""

    currency: Currency = absent()
    ceiling: AmountText | None = absent()
    period: Period | None = absent()
    payment_terms: Words = absent()
    quality_terms: Words = absent()
    documents: Annotated[list[Number], Field(max_length=100)] = absent()
    milestones: Annotated[list[DateIn], Field(max_length=100)] = absent()
    deemed_after_days: Annotated[int | None, Field(ge=1, le=MOST_DEEMED_DAYS, description=DEEMED)] = absent()


class ContractNew(ContractFields):
    """A contract as it was signed. Time and materials have a `ceiling`, a retainer has a `period`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "fixed_price", "bought": "A **portal** for clients.", "lines": [LINE],
                 "payment_terms": "30 days after each invoice.", "signed_on": "2026-11-02"}
            ]
        }
    )  # fmt: skip

    kind: ContractKind
    bought: Words
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=100)]
    signed_on: Day


class ContractPatch(ContractFields):
    """Corrections. Once an offer or an amendment rests on the contract, `documents` alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"quality_terms": "WCAG 2.2 AA on every page."}]})

    kind: ContractKind = absent()
    bought: Words = absent()
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=100)] = absent()
    signed_on: Day = absent()


class DocumentOut(Outgoing):
    """A file, named to the byte."""

    number: int
    name: str
    sha256: str


class DateOut(Outgoing):
    """A milestone's date: in the contract, agreed since, and where it stands in the plan."""

    number: int
    name: str
    original: Day | None
    agreed: Day | None
    expected: Day | None
    done: Day | None


class ContractOut(Outgoing):
    """The contract. `total` and `ceiling` include every amendment; all amounts of the contract itself are net."""

    kind: ContractKind
    bought: str
    currency: str
    period: Period | None
    lines: list[LineOut]
    sums: SumsOut
    original: MoneyOut
    total: MoneyOut
    original_ceiling: MoneyOut | None
    ceiling: MoneyOut | None
    payment_terms: str
    quality_terms: str
    documents: list[DocumentOut]
    milestones: list[DateOut]
    signed_on: Day
    deemed_after_days: int | None
    amendments: int


class MoveOut(Outgoing):
    """A milestone's date that an amendment moved; the milestone's name is that of then."""

    number: int
    name: str
    before: Day | None
    agreed: Day


class AmendmentOut(Outgoing):
    """What one accepted change request did to the contract."""

    number: int
    change_request: int
    choice: str
    net: MoneyOut
    total: MoneyOut
    days: DecimalOut | None
    milestones: list[MoveOut]
    decision: int
    at: Moment


class AmendmentPage(Outgoing):
    """A page of amendments."""

    items: list[AmendmentOut]
    next: str | None


def shape(view: ContractView) -> dict[str, Any]:
    """The contract as JSON values."""
    row = view.contract
    fields = ("kind", "bought", "currency", "period", "payment_terms", "quality_terms", "signed_on",
              "deemed_after_days", "amendments")  # fmt: skip
    dates = [{name: getattr(one, name) for name in DateOut.model_fields} for one in view.milestones]
    return ContractOut(
        **{field: getattr(row, field) for field in fields},
        lines=[line_out(line) for line in view.lines],
        sums=sums_out(view.sums),
        original=money_out(view.original),
        total=money_out(view.total),
        original_ceiling=money_out(view.original_ceiling) if view.original_ceiling else None,
        ceiling=money_out(view.ceiling) if view.ceiling else None,
        documents=[DocumentOut(**one) for one in row.documents],
        milestones=[DateOut(**one) for one in dates],
    ).shown()


async def _shown(db: ReadSession, scope: ReadScope) -> dict[str, Any]:
    view = await contract_view.contract_view(db, scope)
    if view is None:
        raise NotFound("This project has no contract yet.")
    return shape(view)


@router.get("", responses=answers(ContractOut, "The contract.", headers=("ETag",)))
async def read_contract(scope: ReadScope, db: ReadSession) -> Response:
    """The contract with what it comes to by now; to those of staff who may not see money it is not there."""
    return editable(await _shown(db, scope))


@router.post("", status_code=201, responses=answers(ContractOut, "The contract.", status=201,
                                                    headers=("ETag", "Location")))  # fmt: skip
async def record_contract(
    scope: WriteScope, db: UnitOfWork, wanted: Annotated[ContractNew, json_body(ContractNew)]
) -> Response:
    """Records the project's contract, once. Its milestones' dates become their promised dates."""
    await contracts.record_contract(db, scope, given_deep(wanted))
    location = f"/api/v1/projects/{scope.key}/contract"
    return editable(await _shown(db, scope), status_code=201, location=location)


@router.patch("", responses=answers(ContractOut, "The contract as it is now.", headers=("ETag",)))
async def change_contract(
    scope: EditScope, db: UnitOfWork, match: IfMatch, wanted: Annotated[ContractPatch, json_body(ContractPatch)]
) -> Response:
    """Corrects what was recorded; what was agreed changes by a change request alone, and so do amounts that a draft or
    an invoice rests on."""
    match.require(await _shown(db, scope))
    await corrected.correct_contract(db, scope, given_deep(wanted))
    return editable(await _shown(db, scope))


@router.get("/amendments", responses=answers(AmendmentPage, "A page of amendments, by number.", headers=("Link",)))
async def list_amendments(scope: ReadScope, db: ReadSession, paged: Paged) -> Response:
    """The amendments in their order, each with the total from then on."""
    after = paged.after()
    contract = await contract_view.contract(db, scope)
    rows = await contract_view.amendments(db, scope, after=after[0] if after else 0, limit=paged.limit + 1)
    return paged.page(rows, lambda row: (row.number,), lambda row: _amendment(contract, row))


def _amendment(contract: Contract, row: Amendment) -> dict[str, Any]:
    moves = [
        MoveOut(number=one["number"], name=one.get("name", ""), before=one["from"], agreed=one["on"])
        for one in row.milestones
    ]
    return AmendmentOut(
        number=row.number,
        change_request=row.change_number,
        choice=row.choice,
        net=money_out(Money(row.net_minor, contract.currency)),
        total=money_out(Money(row.total_minor, contract.currency)),
        days=row.days,
        milestones=moves,
        decision=row.decision_number,
        at=row.at,
    ).shown()
