"""A project's tests with words of their own, from a plan to its signed protocol; and somebody who tests alone."""

from uuid import uuid4

from portal import settlement
from portal.acceptance import accepting, defects, editing, plans, results, rounds
from portal.acceptance.models import Outcome, Severity
from portal.access import Role
from portal.db import Database
from portal.decisions import queries as decisions
from portal.decisions.commands import Answer
from portal.decisions.models import Verdict
from portal.files import commands as files
from portal.files import intake, names
from portal.files.intake import Received
from portal.files.store import Store
from portal.ledger.keys import SigningKeys
from portal.ledger.models import Audience
from tests.support import acceptance
from tests.support import cast as stage
from tests.support.cast import Cast
from tests.support.decisions import PORTAL, proof_of


async def enter(database: Database, cast: Cast, name: str = "tess", key: str = "BRIDGE") -> None:
    """Somebody joins a project as a tester and nothing else, and is signed in."""
    await acceptance.join(database, cast, name, Role.TESTER, key=key)
    async with database.write() as db:
        cast.tokens[name] = await stage._sign_in(db, name, cast.people[name])


async def upload(database: Database, cast: Cast, store: Store, content: str, who: str, key: str = "BRIDGE") -> int:
    """A file of somebody of the client; its number."""
    async with database.read() as db:
        scope = await cast.scope(db, who, key)
    stored = await store.put(scope.project_id, intake.once(content.encode()), max_bytes=1000)
    received = Received(store, stored, names.clean(f"{content}.txt"), "text/plain", 1, 1, preview=stored)
    async with database.write() as db:
        row = await files.add_file(db, scope, received, audience=Audience.CLIENT, by_client=True)
        return row.number


async def offered(database: Database, cast: Cast, word: str, who: str, key: str = "BRIDGE") -> int:
    """A plan in which every word that a client sees is this one, and its first round, in which `who` tests."""
    words = {"title": f"{word} case", "precondition": f"{word} before", "expected": f"{word} after", "section": word}
    async with database.write() as db:
        scope = await cast.scope(db, "wei", key)
        plan = await plans.add_plan(db, scope, {"title": f"{word} plan", "description": f"{word} aim"})
        steps = [{"action": f"{word} step", "expected": f"{word} sight"}]
        await editing.add_cases(db, scope, plan.number, [words | {"steps": steps, "criterion": f"{word} criterion"}])
        await plans.offer(db, scope, plan.number)
        terms = rounds.Terms(build=f"{word} build", build_hash="0123abcd")
        await rounds.open_round(db, scope, plan.number, [cast.people[who]], terms)
        return plan.number


async def fill(
    database: Database, cast: Cast, store: Store, word: str, who: str, key: str = "BRIDGE", *, with_items: bool = False
) -> tuple[int, int]:
    """A plan, its closed round with a result that has a file, and the question of acceptance. `with_items`: also a
    defect, which is an item. Returns the numbers of the decision and the file."""
    number = await offered(database, cast, word, who, key)
    file = await upload(database, cast, store, f"{word} photo", who, key)
    entry = results.Entry(uuid4(), 1, Outcome.FAILED, remark=f"{word} remark", files=(file,), device=f"{word} phone")
    async with database.write() as db:
        scope = await cast.scope(db, who, key)
        await results.record(db, scope, number, 1, entry)
        if with_items:
            found = defects.NewDefect(f"{word} defect", Severity.MAJOR)
            await defects.raise_defect(db, scope, number, 1, 1, found)
    async with database.write() as db:
        scope = await cast.scope(db, "wei", key)
        await rounds.close_round(db, scope, number, 1)
        asked = await accepting.ask(db, scope, number, accepting.Asking(part=f"{word} part"))
        return asked.decision_number, file


async def sign(
    database: Database, cast: Cast, keys: SigningKeys, number: int, who: str, key: str = "BRIDGE", comment: str = ""
) -> None:
    """Somebody accepts; with a comment, with reservations."""
    verdict = Verdict.APPROVED_WITH_REMARKS if comment else Verdict.APPROVED
    async with database.write() as db:
        scope = await cast.scope(db, who, key)
        decision = await decisions.decision(db, scope, number)
        given = Answer(verdict=verdict, digest=decision.digest.hex(), comment=comment)
        await settlement.decide(db, scope, keys, PORTAL, decision.number, given, proof_of(who))


async def draft(database: Database, cast: Cast, word: str) -> int:
    """A plan in BRIDGE that no client may know of."""
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        plan = await plans.add_plan(db, scope, {"title": f"{word} plan", "description": word})
        await editing.add_cases(db, scope, plan.number, [{"title": f"{word} case", "expected": word}])
        return plan.number
