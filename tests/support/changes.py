"""A contract, change requests and offers for tests."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select

from portal import clock, settlement
from portal.changes import commands, contracts, offers
from portal.changes.models import ChangeRequest, Contract
from portal.changes.offers import Terms
from portal.db import Base, Database
from portal.decisions import queries as decisions
from portal.decisions.commands import Answer, Answered
from portal.decisions.models import Verdict
from portal.files.models import File
from portal.ledger.keys import SigningKeys
from portal.ledger.models import Audience
from portal.projects import commands as projects
from tests.support.cast import Cast, add_item
from tests.support.decisions import PORTAL, proof_of

SECRET_PRICE = "7777.77"
SECRET_AMOUNTS = (
    "7777.77", "7,777.77", "777777", "7777,77", "7 777,77", "1477.78", "1,477.78", "147778", "9255.55", "9,255.55",
    "925555", "15555.54", "15,555.54", "1555554",
)  # fmt: skip
"""The only amounts in tests about leaks, in each spelling: net, tax, gross and the contract's total after it."""


def line(**more: Any) -> dict[str, Any]:
    """A line: ten hours for 1,000.00 at 19 percent."""
    given = {"text": "Work", "quantity": "10", "unit": "HUR", "unit_price": "100", "tax_category": "S"}
    return given | {"tax_rate": "19"} | more


CONTRACT: dict[str, Any] = {
    "kind": "fixed_price",
    "bought": "A **bridge** of steel.",
    "lines": [line(text="The bridge", quantity="100")],
    "payment_terms": "Within 30 days.",
    "quality_terms": "No rust.",
    "signed_on": date(2026, 1, 15),
    "milestones": [{"number": 1, "on": date(2027, 3, 1)}],
}
"""A contract of 10,000.00 with a date for milestone 1."""

NOW: dict[str, Any] = {
    "title": "All of it now",
    "lines": [line(text="Build it"), line(text="Test it", quantity="2.5")],
    "days": "12",
    "quality": "One more round of tests.",
    "milestones": [{"number": 1, "on": date(2027, 3, 20)}],
    "items_added": [{"title": "A railing", "points": "5", "milestone": 1}],
    "items_changed": [{"number": 1, "points": "8"}],
}
"""An alternative of 1,250.00 that moves the milestone, adds an item and estimates another anew."""
LATER: dict[str, Any] = {"title": "The least, later", "lines": [line(quantity="4")], "days": "4"}


async def set_stage(database: Database, cast: Cast) -> Contract:
    """Milestone 1, item 1 and the contract, in BRIDGE."""
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await projects.add_milestone(db, scope, name="Opening")
    await add_item(database, cast, title="Foundations", points="3")
    return await sign(database, cast)


async def sign(database: Database, cast: Cast, who: str = "wei", **more: Any) -> Contract:
    """The contract, recorded."""
    async with database.write() as db:
        return await contracts.record_contract(db, await cast.scope(db, who), CONTRACT | more)


async def raised(database: Database, cast: Cast, who: str = "ada", **more: Any) -> ChangeRequest:
    """A change request that somebody raised."""
    given = {"title": "A railing", "wanted": "A railing on both sides.", "reason": "People fall off."} | more
    async with database.write() as db:
        return await commands.raise_change(db, await cast.scope(db, who), **given)


async def priced(
    database: Database, cast: Cast, number: int, alternatives: Sequence[dict[str, Any]] = (NOW, LATER), who: str = "wei"
) -> ChangeRequest:
    """The same with alternatives, as a draft."""
    async with database.write() as db:
        return await offers.price(db, await cast.scope(db, who), number, alternatives)


async def offered(
    database: Database,
    cast: Cast,
    number: int,
    alternatives: Sequence[dict[str, Any]] | None = (NOW, LATER),
    **more: Any,
) -> ChangeRequest:
    """The same, offered for a month; None for what was priced already."""
    if alternatives is not None:
        await priced(database, cast, number, alternatives)
    async with database.write() as db:
        return await offers.offer(db, await cast.scope(db, "wei"), number, terms(**more))


def terms(**more: Any) -> Terms:
    """An offer that stands for a month."""
    return Terms(**{"valid_until": clock.now().date() + timedelta(days=30)} | more)


async def an_offer(database: Database, cast: Cast, *alternatives: dict[str, Any], **more: Any) -> ChangeRequest:
    """A change request that was raised and offered."""
    request = await raised(database, cast)
    return await offered(database, cast, request.number, alternatives or (NOW, LATER), **more)


async def fill(database: Database, cast: Cast, word: str, key: str = "BRIDGE") -> None:
    """A contract and an offer whose words and amounts are like no others, made by Wei."""
    secret = line(text=f"{word} work", quantity="1", unit_price=SECRET_PRICE)
    alternatives = [{"title": f"{word} way", "lines": [secret], "quality": f"{word} quality", "days": "3"}]
    async with database.write() as db:
        scope = await cast.scope(db, "wei", key)
        await contracts.record_contract(
            db, scope, CONTRACT | {"bought": f"{word} contract", "lines": [secret], "milestones": []}
        )
        request = await commands.raise_change(
            db, scope, title=f"{word} change", wanted=f"{word} wish", reason=f"{word} reason"
        )
        await offers.price(db, scope, request.number, alternatives)
        await offers.offer(db, scope, request.number, terms())


async def withdrawn(database: Database, cast: Cast, number: int, who: str = "wei") -> ChangeRequest:
    """A change request that somebody took back."""
    async with database.write() as db:
        return await commands.withdraw(db, await cast.scope(db, who), number, "Not needed any more.")


async def answer(
    database: Database,
    cast: Cast,
    keys: SigningKeys,
    request: ChangeRequest,
    name: str = "ada",
    verdict: Verdict = Verdict.APPROVED,
    **more: Any,
) -> Answered:
    """What somebody of the client answers to an offer, with all that follows; A where there is a choice."""
    async with database.read() as db:
        decision = await decisions.decision(db, await cast.scope(db, "wei"), request.decision_number or 0)
    choice = {"choice": "A"} if verdict.is_approval and decision.choices else {}
    given = Answer(**({"verdict": verdict, "digest": decision.digest.hex()} | choice | more))
    async with database.write() as db:
        scope = await cast.scope(db, name)
        return await settlement.decide(db, scope, keys, PORTAL, decision.number, given, proof_of(name))


async def a_file(database: Database, cast: Cast, audience: Audience) -> File:
    """A file's row, without its bytes."""
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        last = await db.scalar(select(func.max(File.number)).where(File.project_id == scope.project_id)) or 0
        row = File(
            project_id=scope.project_id, number=last + 1, sha256=bytes([last]) * 32, size=1, media_type="text/plain",
            name=f"paper-{last + 1}.txt", audience=audience, width=None, height=None, preview=None, project_bytes=1,
            created_at=clock.now(), created_by="system", seq=1,
        )  # fmt: skip
        db.add(row)
    return row


async def everything(database: Database, *but: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables but these, so that a test can say that nothing has changed."""
    found = {}
    async with database.read() as db:
        for table in Base.metadata.sorted_tables:
            if table.name not in but:
                statement = select(*table.columns).order_by(*table.primary_key.columns)
                rows = await db.execute(statement.execution_options(cross_project="a test compares everything"))
                found[table.name] = [tuple(row) for row in rows]
    return found
