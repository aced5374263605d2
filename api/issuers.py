"""Who sends invoices: the agency's legal persons, each with a series of numbers of its own."""

from base64 import b64decode
from binascii import Error
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from api.billing_shapes import PARTY, PartyIn, PaymentMeansIn, plain_given
from api.bodies import json_body
from api.deps import ReadSession, UnitOfWork, Viewing
from api.doors import AdminDoor
from api.doors import router as door
from api.money_shapes import Currency
from api.openapi import answers
from api.shapes import Incoming, Moment, Outgoing, absent
from portal.billing import accounts
from portal.billing.models import Issuer
from portal.errors import Invalid

router = door("billing", "/issuers", door=AdminDoor)
PAYMENT: dict[str, Any] = {
    "iban": "DE89370400440532013000",
    "bic": "COBADEFFXXX",
    "holder": "Bright Harbour Studio GmbH",
}


class IssuerNew(Incoming):
    """An issuer whole: what is left out is empty from now on. `code` begins its invoices' numbers; `logo` is a PNG,
    JPEG or SVG in base64."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "BH", "party": PARTY, "payment": PAYMENT, "colour": "#3451b2"}]}
    )

    code: Annotated[str, StringConstraints(pattern="^[A-Z0-9]{1,16}$")]
    party: PartyIn
    payment: PaymentMeansIn
    accounting_currency: Currency = absent()
    colour: Annotated[str, StringConstraints(pattern="^#[0-9a-f]{6}$")] = absent()
    logo: Annotated[str, Field(max_length=300_000)] = absent()


class IssuerOut(Outgoing):
    """An issuer."""

    code: str
    party: dict[str, Any]
    payment: dict[str, Any]
    accounting_currency: str
    colour: str
    has_logo: bool
    updated_at: Moment


class IssuerList(Outgoing):
    """All issuers, by code."""

    items: list[IssuerOut]


@router.get("", responses=answers(IssuerList, "All issuers, by code."))
async def list_issuers(viewer: Viewing, db: ReadSession) -> IssuerList:
    """All issuers (at most 100); for finance and managers."""
    return IssuerList(items=[_shown(row) for row in await accounts.issuers(db, viewer)])


@router.post("", status_code=201, responses=answers(IssuerOut, "The issuer.", status=201))
async def put_issuer(
    viewer: Viewing, db: UnitOfWork, wanted: Annotated[IssuerNew, json_body(IssuerNew)]
) -> IssuerOut:  # fmt: skip
    """Records an issuer, or corrects it for the invoices to come."""
    given = plain_given(wanted)
    if "logo" in given:
        given["logo"] = _logo(given["logo"])
    return _shown(await accounts.put_issuer(db, viewer, given.pop("code"), **given))


def _logo(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (Error, ValueError):
        raise Invalid("A logo is sent in base64.", field="logo", value=text[:40]) from None


def _shown(row: Issuer) -> IssuerOut:
    fields = {name: getattr(row, name) for name in IssuerOut.model_fields if name != "has_logo"}
    return IssuerOut(**fields, has_logo=row.logo is not None)
