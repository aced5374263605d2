"""The demo's money: who bills, the payment plan, an invoice that is paid, and one that is open."""

from datetime import timedelta
from typing import Any

from portal.access import SYSTEM, Scope
from portal.billing import accounts, drafts, issuing, payments, plan, queries
from portal.changes import contract_view
from portal.db import Database
from portal.files.store import open_store
from portal.projects import queries as projects
from portal.settings import Settings

ISSUER = "BHS"
AGENCY: dict[str, Any] = {
    "name": "Bright Harbour Studio Inc.", "country": "US", "address": ["500 Harbor Drive"], "city": "Oakland",
    "postcode": "94607", "region": "CA", "tax_number": "12-3456789",
    "identifiers": [{"scheme": "EIN", "value": "12-3456789"}],
    "electronic": {"scheme": "EM", "value": "invoices@agency.example"},
    "contact": {"name": "Accounting", "phone": "+1 510 555 0100", "email": "invoices@agency.example"},
}  # fmt: skip
PAYMENT = {"account": "000123456789", "bic": "BOFAUS3N", "holder": "Bright Harbour Studio Inc.", "bank": "Harbor Bank"}
CLIENT: dict[str, Any] = {
    "name": "Tooling & Co", "country": "US", "address": ["1 Workshop Way", "Suite 8"], "city": "Portland",
    "postcode": "97201", "region": "OR", "electronic": {"scheme": "EM", "value": "payable@second-client.example"},
    "contact": {"name": "Accounts payable"},
}  # fmt: skip


async def load(database: Database, settings: Settings, key: str) -> None:
    """Bills a project that has its contract, unless it is billed already. Each invoice is issued today."""
    async with database.write() as db:
        scope = await projects.scope_for(db, SYSTEM, key)
        if await contract_view.contract_or_none(db, scope) is None or await accounts.account_or_none(db, scope):
            return
        await accounts.put_issuer(
            db, SYSTEM, ISSUER, party=AGENCY, payment=PAYMENT, accounting_currency="USD",
            colour=settings.agency_colour,
        )  # fmt: skip
        await accounts.put_account(
            db, scope, {"issuer": ISSUER, "buyer": CLIENT, "order_number": "PO-2207", "payment_days": 30}
        )
        milestone = (await projects.milestones(db, scope))[-1].number
        await plan.set_plan(db, scope, 0, _parts(scope, milestone))
        store = open_store(settings)
        for number in (1, 2):
            drafted = await drafts.draft_plan(db, scope, [number])
            await issuing.issue(db, scope, store, drafted.number)
        amount = (await queries.invoice(db, scope, 1)).payable_minor
        await payments.record_payment(
            db, scope, 1, f"{amount // 100}.{amount % 100:02}", scope.today, text="Wire transfer, thank you"
        )


def _parts(scope: Scope, milestone: int) -> list[dict[str, Any]]:
    return [
        {"kind": "date", "text": "First instalment, at the beginning", "percent": "30", "due_on": scope.today},
        {"kind": "date", "text": "Second instalment", "percent": "20", "due_on": scope.today},
        {"kind": "date", "text": "Third instalment", "percent": "20", "due_on": scope.today + timedelta(days=45)},
        {"kind": "milestone", "text": "On acceptance of the release", "percent": "30", "milestone": milestone},
    ]
