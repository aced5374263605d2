"""Who sends invoices, and how a project is billed. The caller owns the transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock, money
from portal.access import Scope, StaffRole, Viewer
from portal.billing import parties
from portal.billing.document import Party, PaymentMeans
from portal.billing.models import BillingAccount, Issuer
from portal.billing.stored import read_part
from portal.billing.words import LANGUAGES
from portal.errors import Conflict, Invalid, NotFound
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects.rules import check_text

MOST_LOGO = 200_000
MOST_PAYMENT_DAYS = 365


async def put_issuer(
    db: AsyncSession,
    viewer: Viewer,
    code: str,
    *,
    party: Mapping[str, Any],
    payment: Mapping[str, Any],
    accounting_currency: str = "EUR",
    colour: str = "#3451b2",
    logo: bytes | None = None,
) -> Issuer:
    """Records who sends invoices, or corrects it for the invoices to come. Raises Invalid, NotAllowed (an admin)."""
    viewer.require_staff(StaffRole.ADMIN)
    if not (code.isascii() and code.isalnum() and code.isupper() and len(code) <= 16):
        raise Invalid("A code is up to 16 capital letters and digits.", field="code", value=code)
    check_party(party, "party")
    read_part(PaymentMeans, payment, "payment")
    if logo is not None and len(logo) > MOST_LOGO:
        raise Invalid(f"A logo may have {MOST_LOGO:,} bytes.", field="logo", value=len(logo))
    values = {
        "party": dict(party), "payment": dict(payment), "colour": colour, "logo": logo, "updated_at": clock.now(),
        "accounting_currency": money.check_currency(accounting_currency, "accounting_currency"),
    }  # fmt: skip
    row = await db.get(Issuer, code)
    if row is None:
        row = Issuer(code=code, **values)
        db.add(row)
    for field, value in values.items():
        setattr(row, field, value)
    await db.flush()
    return row


async def issuer(db: AsyncSession, code: str) -> Issuer:
    """One issuer. Raises Invalid: it is always somebody's input."""
    row = await db.get(Issuer, code)
    if row is None:
        raise Invalid("There is no such issuer.", field="issuer", value=code)
    return row


async def issuers(db: AsyncSession, viewer: Viewer) -> Sequence[Issuer]:
    """All issuers, by code. Raises NotAllowed without finance's or a manager's rights."""
    viewer.require_staff(StaffRole.FINANCE, StaffRole.MANAGER)
    return (await db.scalars(select(Issuer).order_by(Issuer.code).limit(100))).all()


async def put_account(db: AsyncSession, scope: Scope, given: Mapping[str, Any]) -> BillingAccount:
    """Says how the project is billed: issuer, buyer, buyer_reference, order_number, language, payment_days,
    payment_terms, reminds; what is left out stays. Issued invoices stay as they are. Raises Invalid, NotAllowed."""
    scope.require_staff(StaffRole.FINANCE)
    await ledger.lock(db, scope.project_id)
    row = await account_or_none(db, scope)
    values = _checked(dict(given), row is None)
    if "issuer" in values:
        await issuer(db, values["issuer"])
    if row is None:
        row = BillingAccount(project_id=scope.project_id, **(DEFAULTS | values), seq=0)
        db.add(row)
    for field, value in values.items():
        setattr(row, field, value)
    event = ledger.NewEvent(
        "billing_account.changed", "billing_account", None, Audience.BILLING, {"fields": sorted(values)},
        scope.viewer.actor, clock.now(),
    )  # fmt: skip
    row.seq = await ledger.append(db, scope.project_id, [event])
    await db.flush()
    return row


DEFAULTS: dict[str, Any] = {
    "buyer_reference": "", "order_number": "", "language": "en", "payment_days": 30, "payment_terms": "",
    "reminds": True,
}  # fmt: skip


def _checked(given: dict[str, Any], is_new: bool) -> dict[str, Any]:
    known = {*DEFAULTS, "issuer", "buyer"}
    for field in given.keys() - known:
        raise Invalid(f"A billing account has no field {field}.", field=field, value=given[field])
    for field in ("issuer", "buyer"):
        if is_new and field not in given:
            raise Invalid(f"A billing account needs its {field}.", field=field)
    if "buyer" in given:
        check_party(given["buyer"], "buyer")
    if given.get("language", "en") not in LANGUAGES:
        raise Invalid(
            f"An invoice's language is one of {', '.join(LANGUAGES)}.", field="language", value=given["language"]
        )
    days = given.get("payment_days", 30)
    if not isinstance(days, int) or not 0 <= days <= MOST_PAYMENT_DAYS:
        raise Invalid(f"payment_days is 0 to {MOST_PAYMENT_DAYS}.", field="payment_days", value=days)
    for field in ("buyer_reference", "order_number", "payment_terms"):
        if field in given:
            given[field] = check_text(given[field], field, length=2000).strip()
    return given


def check_party(given: Mapping[str, Any], field: str) -> Party:
    """A party as plain data. Raises Invalid with all that is wrong with it."""
    made: Party = read_part(Party, given, field)
    found = tuple((one[0], one[1], one[2]) for one in parties.party(made, field))
    if found:
        raise Invalid(found[0][1], field=found[0][0], value=found[0][2], problems=found)
    return made


async def account_or_none(db: AsyncSession, scope: Scope) -> BillingAccount | None:
    """How the project is billed, if it was said. Raises NotFound for whoever may not see money."""
    if not scope.sees_money:
        raise NotFound("There is nothing here.")
    return await db.scalar(select(BillingAccount).where(BillingAccount.project_id == scope.project_id))


async def account(db: AsyncSession, scope: Scope) -> BillingAccount:
    """How the project is billed. Raises Conflict while nobody has said it, NotFound as `account_or_none`."""
    found = await account_or_none(db, scope)
    if found is None:
        raise Conflict("Say first how this project is billed: by whom and to whom (billing account).")
    return found
