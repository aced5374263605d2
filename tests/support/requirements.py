"""Requirements for tests: complete ones, and what the client answers when they are asked to confirm one."""

from typing import Any

from portal import settlement, traceability
from portal.db import Database
from portal.decisions.commands import Answer, Answered
from portal.decisions.models import Decision, Verdict
from portal.ledger.keys import SigningKeys
from portal.requirements import asking, commands
from portal.requirements.models import Requirement
from portal.trace.models import TraceKind
from portal.trace.rules import End
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


async def link(database: Database, cast: Cast, one: tuple[str, int], other: tuple[str, int], key: str) -> None:
    """Dan links two things, each given by its kind and number."""
    async with database.write() as db:
        scope = await cast.scope(db, "dan", key)
        await traceability.link(db, scope, End(TraceKind(one[0]), one[1]), End(TraceKind(other[0]), other[1]))


async def linked(database: Database, cast: Cast, word: str, key: str) -> None:
    """A requirement with this word in all its texts, linked with item 1 and design 1, and one without links."""
    fields: dict[str, Any] = {"description": f"{word} text", "criteria": [f"{word} criterion"]}
    await add(database, cast, key, title=f"{word} requirement", **fields)
    await add(database, cast, key, title=f"{word} orphan", **fields)
    for kind in ("item", "design"):
        await link(database, cast, ("requirement", 1), (kind, 1), key)


async def inside(database: Database, cast: Cast, word: str) -> None:
    """An internal requirement of BRIDGE with this word, linked with what the client sees, and the reverse."""
    fields: dict[str, Any] = {"description": word, "criteria": [word], "external_ref": word, "audience": "internal"}
    row = await add(database, cast, title=f"{word} requirement", **fields)
    for kind in ("item", "design"):
        await link(database, cast, ("requirement", row.number), (kind, 1), "BRIDGE")
    await link(database, cast, ("requirement", 1), ("item", 2), "BRIDGE")
