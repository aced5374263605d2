"""A project that can be billed: an issuer, a contract, an account and a payment plan."""

from pathlib import Path
from typing import Any

from portal import settlement
from portal.billing import accounts, drafts, issuing, plan, stored
from portal.billing.models import Invoice
from portal.db import Database
from portal.decisions.commands import Answer
from portal.decisions.models import Verdict
from portal.files.store import Store, open_store
from portal.ledger.keys import SigningKeys
from portal.milestones import commands as milestones
from tests.support import invoices
from tests.support.cast import Cast
from tests.support.changes import set_stage
from tests.support.decisions import PORTAL, proof_of
from tests.web.conftest import settings_for

HALVES = ({"kind": "milestone", "milestone": 1, "text": "Opening", "percent": "60"},
          {"kind": "date", "text": "End of warranty", "percent": "40"})  # fmt: skip


def store_in(folder: Path) -> Store:
    """A store in a folder."""
    return open_store(settings_for(folder, ""))


async def bill(database: Database, cast: Cast, key: str = "BRIDGE") -> None:
    """The issuer BH and the project's account; the project has a contract already."""
    async with database.write() as db:
        root = cast.viewer("root")
        payment = stored.plain(invoices.TO) | {"reference": ""}
        await accounts.put_issuer(db, root, "BH", party=stored.plain(invoices.AGENCY), payment=payment)
        scope = await cast.scope(db, "maria", key)
        await accounts.put_account(db, scope, {"issuer": "BH", "buyer": stored.plain(invoices.ACME)})


async def planned(database: Database, cast: Cast, *parts: dict[str, Any]) -> None:
    """BRIDGE with its contract, its account and a plan: 60 % by milestone 1, 40 % by a day."""
    await set_stage(database, cast)
    await bill(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        halves = [dict(one) for one in HALVES]
        halves[1]["due_on"] = scope.today
        await plan.set_plan(db, scope, 0, parts or halves)


async def drafted(database: Database, cast: Cast, *numbers: int, **more: Any) -> Invoice:
    """A draft of parts of the plan."""
    async with database.write() as db:
        return await drafts.draft_plan(db, await cast.scope(db, "maria"), numbers or [2], **more)


async def issued(database: Database, cast: Cast, store: Store, number: int = 1) -> Invoice:
    """A draft that is issued."""
    async with database.write() as db:
        return await issuing.issue(db, await cast.scope(db, "maria"), store, number)


async def confirmed(database: Database, cast: Cast, keys: SigningKeys, number: int = 1) -> None:
    """A milestone that Ada confirms."""
    async with database.write() as db:
        asked = await milestones.ask_confirmation(db, await cast.scope(db, "wei"), number)
    given = Answer(Verdict.APPROVED, asked.digest.hex())
    async with database.write() as db:
        scope = await cast.scope(db, "ada")
        await settlement.decide(db, scope, keys, PORTAL, asked.number, given, proof_of("ada"))
