"""A project that can be billed: an issuer, a contract, an account and a payment plan."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

from portal import clock, settlement
from portal.billing import accounts, disputes, drafts, files, issuing, payments, plan, stored
from portal.billing.models import BankEntry, EntryState, Invoice, Payment
from portal.billing.seals import Seals, Sign
from portal.db import Database
from portal.decisions.commands import Answer
from portal.decisions.models import Verdict
from portal.documents.signing import Signed
from portal.files.store import Store, open_store
from portal.ledger.keys import SigningKeys
from portal.milestones import commands as milestones
from tests.support import invoices
from tests.support.cast import Cast
from tests.support.changes import SECRET_PRICE, set_stage
from tests.support.decisions import PORTAL, proof_of
from tests.support.sign_in import settings_for

HALVES = ({"kind": "milestone", "milestone": 1, "text": "Opening", "percent": "60"},
          {"kind": "date", "text": "End of warranty", "percent": "40"})  # fmt: skip


@dataclass(frozen=True)
class Slow(Seals):
    """Signs when it is told to, as an authority that takes its time."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    def signer(self, issuer: str) -> Sign:
        """A signature that says that it is asked for, and waits."""

        async def sign(pdf: bytes) -> Signed:
            self.asked.set()
            await self.answers.wait()
            return Signed(pdf + b"signed", "B-T")

        return sign


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


async def paid(database: Database, cast: Cast, amount: str, number: int = 1, **more: Any) -> Payment:
    """Money that Maria records for an invoice."""
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        return await payments.record_payment(db, scope, number, amount, more.pop("paid_on", scope.today), **more)


async def quick(database: Database, cast: Cast, key: str = "BRIDGE", number: int = 1) -> Invoice:
    """A draft that is issued without its files, which take their time to make."""

    async def none(*given: Any) -> dict[str, Any]:
        return {}

    with patch.object(files, "make_and_keep", none):
        async with database.write() as db:
            return await issuing.issue(db, await cast.scope(db, "maria", key), None, number)  # type: ignore[arg-type]


async def fill(database: Database, cast: Cast, word: str, key: str = "BRIDGE") -> None:
    """An issued invoice that was partly paid and asked about, whose words and amount are like no others."""
    await bill(database, cast, key)
    line = {"number": "1", "name": f"{word} work", "quantity": "1", "unit": "LS", "unit_price": SECRET_PRICE,
            "category": "S", "rate": "19", "why": f"{word} reason"}  # fmt: skip
    async with database.write() as db:
        scope = await cast.scope(db, "maria", key)
        await accounts.put_account(db, scope, {"order_number": f"{word} order"})
        drafted = await drafts.draft_lines(db, scope, f"{word} invoice", {"lines": [line]})
    await quick(database, cast, key, drafted.number)
    async with database.write() as db:
        scope = await cast.scope(db, "maria", key)
        await payments.record_payment(db, scope, drafted.number, "1477.78", scope.today, text=f"{word} payment")
    async with database.write() as db:
        scope = await cast.scope(db, {"BRIDGE": "finn", "HARBOUR": "mallory"}[key], key)
        await disputes.ask(db, scope, drafted.number, f"{word} doubt")


async def inside(database: Database, cast: Cast, word: str) -> None:
    """A draft that no client may know of."""
    line = {"number": "1", "name": f"{word} work", "quantity": "1", "unit": "LS", "unit_price": "31.31",
            "category": "S", "rate": "19"}  # fmt: skip
    async with database.write() as db:
        await drafts.draft_lines(db, await cast.scope(db, "maria"), f"{word} draft", {"lines": [line]})


NUMBERS = {
    "POST /credit": {"number": 3}, "POST /payments": {"number": 2}, "POST /answers": {"number": 2},
    "DELETE ": {"number": 4},
}  # fmt: skip
"""Which of the stage's invoices an operation works on; all others work on the draft 1."""


def names_for(method: str, path: str, stage: dict[str, Any]) -> dict[str, Any]:
    """Which of the stage's things an operation on invoices or bank entries works on."""
    if path.endswith("/set-aside"):
        return {"entry_id": stage["aside_id"]}
    return NUMBERS.get(f"{method} {path.rpartition('}')[2]}", {}) if "/invoices/{" in path else {}


async def stage(database: Database, cast: Cast) -> list[UUID]:
    """BRIDGE, which has a contract, with drafts 1 and 4, invoices 2 and 3, and two unmatched bank entries."""
    await bill(database, cast)
    line = {"number": "1", "name": "Work", "quantity": "1", "unit": "LS", "unit_price": "10", "category": "S",
            "rate": "19"}  # fmt: skip
    for title in ("One", "Two", "Three", "Four"):
        async with database.write() as db:
            await drafts.draft_lines(db, await cast.scope(db, "maria"), title, {"lines": [line]})
    for number in (2, 3):
        await quick(database, cast, number=number)
    async with database.write() as db:
        rows = [
            BankEntry(
                account="DE89370400440532013000", bank_reference=f"B-{at}", booked_on=clock.now().date(),
                currency="EUR", minor=100, counterparty="", remittance="", state=EntryState.UNMATCHED, note="",
                imported_at=clock.now(),
            )
            for at in (1, 2)
        ]  # fmt: skip
        db.add_all(rows)
        await db.flush()
        return [row.id for row in rows]


async def confirmed(database: Database, cast: Cast, keys: SigningKeys, number: int = 1) -> None:
    """A milestone that Ada confirms."""
    async with database.write() as db:
        asked = await milestones.ask_confirmation(db, await cast.scope(db, "wei"), number)
    given = Answer(Verdict.APPROVED, asked.digest.hex())
    async with database.write() as db:
        scope = await cast.scope(db, "ada")
        await settlement.decide(db, scope, keys, PORTAL, asked.number, given, proof_of("ada"))
