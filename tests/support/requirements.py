"""Requirements for tests: complete ones, and what the client answers when they are asked to confirm one."""

from typing import Any

from portal import settlement
from portal.db import Database
from portal.decisions.commands import Answer, Answered
from portal.decisions.models import Decision, Verdict
from portal.ledger.keys import SigningKeys
from portal.requirements import asking, commands
from portal.requirements.models import Requirement
from tests.support.cast import Cast
from tests.support.decisions import PORTAL, proof_of

COMPLETE: dict[str, Any] = {
    "title": "Search by product",
    "description": "A visitor types a product's name.",
    "priority": "must",
    "criteria": ["Each recall of the product is listed.", "An unknown product is answered by a sentence."],
}


async def add(database: Database, cast: Cast, key: str = "BRIDGE", **fields: Any) -> Requirement:
    """A complete requirement that Dan adds; for the client unless `audience` says otherwise."""
    async with database.write() as db:
        scope = await cast.scope(db, "dan", key)
        return await commands.add(db, scope, COMPLETE | {"audience": "client"} | fields)


async def change(database: Database, cast: Cast, number: int, reason: str = "", **wanted: Any) -> Requirement:
    """What Dan changes of one."""
    async with database.write() as db:
        return await commands.change(db, await cast.scope(db, "dan"), number, wanted, reason=reason)


async def ask(database: Database, cast: Cast, *numbers: int, **more: Any) -> list[Decision]:
    """Dan asks the client to confirm these."""
    async with database.write() as db:
        return await asking.ask(db, await cast.scope(db, "dan"), numbers, asking.Asking(**more))


async def answer(
    database: Database,
    cast: Cast,
    keys: SigningKeys,
    decision: Decision,
    verdict: Verdict = Verdict.APPROVED,
    name: str = "ada",
) -> Answered:
    """What somebody of the client answers, with all that follows from it."""
    given = Answer(verdict=verdict, digest=decision.digest.hex(), comment="Because.")
    async with database.write() as db:
        scope = await cast.scope(db, name)
        return await settlement.decide(db, scope, keys, PORTAL, decision.number, given, proof_of(name))
