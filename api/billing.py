"""How a project is billed: the account, and the payment plan of its contract and of each amendment."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.billing_shapes import PARTY, PartyIn, Short, Words, plain_given
from api.bodies import json_body
from api.conditional import IfMatch, editable
from api.deps import EditScope, ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.money_shapes import DecimalText, MoneyOut, given_deep, money_out
from api.openapi import answers
from api.shapes import Day, DecimalOut, Incoming, Line, Number, Outgoing, absent
from portal.access import Scope
from portal.billing import accounts, plan
from portal.billing.models import BillingAccount, PlanItem, PlanKind
from portal.errors import NotFound
from portal.money import Money

router = door("billing", "/projects/{key}/billing")


class AccountFields(Incoming):
    """What can be said of how a project is billed. `language` is that of its invoices: en, de, ru or zh_CN."""

    buyer_reference: Short = absent()
    order_number: Short = absent()
    language: Annotated[str, Field(max_length=8)] = absent()
    payment_days: Annotated[int, Field(ge=0, le=365)] = absent()
    payment_terms: Words = absent()
    reminds: bool = absent()


class AccountNew(AccountFields):
    """How a project is billed: by which issuer, to whom, on which terms."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"issuer": "BH", "buyer": PARTY, "payment_days": 30}]})

    issuer: Annotated[str, Field(max_length=16)]
    buyer: PartyIn


class AccountPatch(AccountFields):
    """Changes for the invoices to come."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"order_number": "PO-7781"}]})

    issuer: Annotated[str, Field(max_length=16)] = absent()
    buyer: PartyIn = absent()


class AccountOut(Outgoing):
    """How a project is billed."""

    issuer: str
    buyer: dict[str, Any]
    buyer_reference: str
    order_number: str
    language: str
    payment_days: int
    payment_terms: str
    reminds: bool


class PartIn(Incoming):
    """A part of the price: `percent` of it or `amount`, all parts the same. A milestone's names the milestone, one that
    is due on a day that day."""

    kind: Literal[PlanKind.MILESTONE, PlanKind.DATE, PlanKind.CHANGE_REQUEST]
    text: Line
    milestone: Number | None = absent()
    due_on: Day | None = absent()
    percent: DecimalText = absent()
    amount: DecimalText = absent()


class PlanNew(Incoming):
    """When a price is due, in place of what was said before; the parts come to it exactly. `amendment` 0 is the
    contract as it was signed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"items": [{"kind": "milestone", "milestone": 1, "text": "At the beta", "percent": "40"},
                           {"kind": "date", "due_on": "2027-03-31", "text": "At the end", "percent": "60"}]}
            ]
        }
    )  # fmt: skip

    amendment: Annotated[int, Field(ge=0, le=10_000)] = absent()
    items: Annotated[list[PartIn], Field(min_length=1, max_length=100)]


class PartOut(Outgoing):
    """A part of the price, without tax. `invoice` is the draft or invoice that bills it."""

    number: int
    amendment: int
    kind: PlanKind
    text: str
    milestone: int | None
    due_on: Day | None
    net: MoneyOut
    tax_category: str
    tax_rate: DecimalOut
    invoice: int | None


class PlanOut(Outgoing):
    """The payment plan: the parts of the contract, then those of each amendment."""

    items: list[PartOut]


def _account(row: BillingAccount) -> dict[str, Any]:
    return AccountOut.model_validate(row).shown()


async def _current(db: ReadSession, scope: Scope) -> BillingAccount:
    row = await accounts.account_or_none(db, scope)
    if row is None:
        raise NotFound("Nobody has said yet how this project is billed.")
    return row


@router.get("/account", responses=answers(AccountOut, "How the project is billed.", headers=("ETag",)))
async def read_account(scope: ReadScope, db: ReadSession) -> Response:
    """How the project is billed."""
    return editable(_account(await _current(db, scope)))


@router.post("/account", status_code=201, responses=answers(AccountOut, "How the project is billed.", status=201,
                                                            headers=("ETag", "Location")))  # fmt: skip
async def put_account(
    scope: WriteScope, db: UnitOfWork, wanted: Annotated[AccountNew, json_body(AccountNew)]
) -> Response:
    """Says how the project is billed; what is left out of it stays as it was."""
    row = await accounts.put_account(db, scope, plain_given(wanted))
    return editable(_account(row), status_code=201, location=f"/api/v1/projects/{scope.key}/billing/account")


@router.patch("/account", responses=answers(AccountOut, "The account as it is now.", headers=("ETag",)))
async def change_account(
    scope: EditScope, db: UnitOfWork, match: IfMatch, wanted: Annotated[AccountPatch, json_body(AccountPatch)]
) -> Response:
    """Changes how the invoices to come are written; those that were issued stay as they are."""
    match.require(_account(await _current(db, scope)))
    return editable(_account(await accounts.put_account(db, scope, plain_given(wanted))))


@router.get("/plan", responses=answers(PlanOut, "The payment plan."))
async def read_plan(scope: ReadScope, db: ReadSession) -> PlanOut:
    """The payment plan, with what is billed of it."""
    return PlanOut(items=[_part(row) for row in await plan.plan_items(db, scope)])


@router.post("/plan", responses=answers(PlanOut, "The payment plan as it is now."))
async def set_plan(scope: WriteScope, db: UnitOfWork, wanted: Annotated[PlanNew, json_body(PlanNew)]) -> PlanOut:
    """Says by what the price of the contract, or of an amendment, becomes due."""
    given = wanted.given()
    await plan.set_plan(db, scope, given.get("amendment", 0), [given_deep(one) for one in wanted.items])
    return PlanOut(items=[_part(row) for row in await plan.plan_items(db, scope)])


def _part(row: PlanItem) -> PartOut:
    fields = {name: getattr(row, name) for name in ("number", "amendment", "kind", "text", "due_on", "tax_category")}
    return PartOut(
        **fields, milestone=row.milestone_number, net=money_out(Money(row.net_minor, row.currency)),
        tax_rate=row.tax_rate, invoice=row.invoice_number,
    )  # fmt: skip
