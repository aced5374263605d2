"""Test plans for tests: one that was offered, a round that runs, what testers say, and what approvers answer."""

from typing import Any
from uuid import UUID, uuid4

from api.testing_rounds import PERSON
from portal import clock, settlement
from portal.acceptance import accepting, editing, plans, results, rounds
from portal.acceptance.models import Acceptance, Outcome, TestPlan, TestResult, TestRound
from portal.acceptance.results import Entry
from portal.access import Role
from portal.access.models import Membership
from portal.db import Database
from portal.decisions import queries as decisions
from portal.decisions.commands import Answer, Answered
from portal.decisions.models import Verdict
from portal.ledger.keys import SigningKeys
from portal.people.models import Identity, Person
from portal.projects import commands as projects
from tests.support.cast import ISSUER, Cast
from tests.support.decisions import PORTAL, proof_of

CASES: list[dict[str, Any]] = [
    {
        "title": "One signs in",
        "priority": 1,
        "steps": [{"action": "Open the page", "expected": "It asks for a name"}, {"action": "Sign in", "expected": ""}],
        "expected": "The front page",
    },
    {"title": "One pays", "priority": 2, "expected": "A receipt"},
    {"title": "One signs out", "priority": 3},
]


async def add_milestone(database: Database, cast: Cast, name: str = "First release", **fields: Any) -> int:
    """A milestone that Wei plans."""
    async with database.write() as db:
        row = await projects.add_milestone(db, await cast.scope(db, "wei"), name=name, **fields)
        return row.number


async def add_plan(database: Database, cast: Cast, cases: Any = tuple(CASES), **fields: Any) -> TestPlan:
    """A plan that Dan writes, with these cases; a draft."""
    async with database.write() as db:
        scope = await cast.scope(db, "dan")
        plan = await plans.add_plan(db, scope, {"title": "Acceptance of the first release"} | fields)
        await editing.add_cases(db, scope, plan.number, cases)
        return plan


async def offer(database: Database, cast: Cast, plan: int = 1) -> None:
    """Dan offers the newest version."""
    async with database.write() as db:
        await plans.offer(db, await cast.scope(db, "dan"), plan)


async def open_round(
    database: Database, cast: Cast, *testers: str, plan: int = 1, key: str = "BRIDGE", **terms: Any
) -> TestRound:
    """Dan opens a round, for Ada and Eve unless others are named."""
    async with database.write() as db:
        people = [cast.people[name] for name in testers or ("ada", "eve")]
        return await rounds.open_round(db, await cast.scope(db, "dan", key), plan, people, rounds.Terms(**terms))


async def close_round(database: Database, cast: Cast, number: int = 1, plan: int = 1) -> TestRound:
    """Dan closes a round."""
    async with database.write() as db:
        return await rounds.close_round(db, await cast.scope(db, "dan"), plan, number)


async def begun(database: Database, cast: Cast, *testers: str, cases: Any = tuple(CASES), **fields: Any) -> TestRound:
    """A plan that was offered, and its first round."""
    plan = await add_plan(database, cast, cases, **fields)
    await offer(database, cast, plan.number)
    return await open_round(database, cast, *testers, plan=plan.number)


async def say(
    database: Database,
    cast: Cast,
    who: str,
    case: int,
    outcome: Outcome,
    *,
    number: int = 1,
    plan: int = 1,
    **more: Any,
) -> TestResult:
    """What a tester says of a case."""
    given: dict[str, Any] = {"id": uuid4(), "case": case, "outcome": outcome}
    entry = Entry(**(given | more))
    async with database.write() as db:
        return await results.record(db, await cast.scope(db, who), plan, number, entry)


async def say_all(
    database: Database, cast: Cast, outcomes: dict[int, Outcome], who: str = "ada", *, number: int = 1, plan: int = 1
) -> list[UUID]:
    """What a tester says of several cases at once; the results' ids."""
    entries = [Entry(uuid4(), case, outcome) for case, outcome in outcomes.items()]
    async with database.write() as db:
        return [one.id for one in await results.record_all(db, await cast.scope(db, who), plan, number, entries)]


async def ask(database: Database, cast: Cast, plan: int = 1, who: str = "wei", **wanted: Any) -> Acceptance:
    """Wei asks for acceptance."""
    async with database.write() as db:
        return await accepting.ask(db, await cast.scope(db, who), plan, accepting.Asking(**wanted))


async def answer(
    database: Database,
    cast: Cast,
    keys: SigningKeys,
    acceptance: Acceptance,
    verdict: Verdict = Verdict.APPROVED,
    comment: str = "",
    who: str = "ada",
) -> Answered:
    """What somebody of the client answers, with all that follows from it."""
    async with database.write() as db:
        scope = await cast.scope(db, who)
        decision = await decisions.decision(db, scope, acceptance.decision_number)
        given = Answer(verdict=verdict, digest=decision.digest.hex(), comment=comment)
        return await settlement.decide(db, scope, keys, PORTAL, decision.number, given, proof_of(who))


OF_EXAMPLES = (
    ("POST /v1/projects/{key}/tests/{number}/acceptances", 6),
    ("/tests/{number}/acceptances", 4),
    ("closing", 5),
    ("/tests/{number}/rounds/", 1),
    ("POST /v1/projects/{key}/tests/{number}/rounds", 3),
    ("GET ", 1),
    ("", 2),
)
"""Which plan of `stage` an operation works on: the first line of which it has the words."""


def names_for(method: str, path: str) -> dict[str, Any]:
    """Which of the stage's plans an operation of the API works on."""
    if "/tests/{number}" not in path:
        return {}
    return {"number": next(plan for words, plan in OF_EXAMPLES if words in f"{method} {path}")}


async def stage(database: Database, cast: Cast) -> dict[str, Any]:
    """BRIDGE, which has milestone 1, plans for examples: tested, drafted, offered, asked about, tested, tested."""
    await join(database, cast, "example", Role.TESTER, person=UUID(PERSON))
    await begun(database, cast)
    await say(database, cast, "ada", 1, Outcome.FAILED)
    await add_plan(database, cast, milestone_number=1)
    await add_plan(database, cast)
    await offer(database, cast, 3)
    for number in (4, 5, 6):
        await begun(database, cast)
        await say(database, cast, "ada", 1, Outcome.PASSED, plan=number)
    for number in (4, 6):
        await close_round(database, cast, plan=number)
    await ask(database, cast, 4, part="The shop", is_whole=False)
    return {"round_number": 1, "case": 1, "acceptance": 1}


async def join(
    database: Database, cast: Cast, name: str, *roles: Role, key: str = "BRIDGE", person: UUID | None = None
) -> None:
    """Somebody new of the client joins a project with these roles alone, and the cast."""
    person = cast.people[name] = person or uuid4()
    async with database.write() as db:
        scope = await cast.scope(db, "wei", key)
        now = clock.now()
        db.add(
            Person(
                id=person, name=name.title(), email=f"{name}@example.com", locale="en", created_at=now, updated_at=now
            )
        )
        await db.flush()
        db.add(Identity(issuer=ISSUER, sub=name, person_id=person, bound_at=now))
        held = {role.value: role in roles for role in Role}
        db.add(
            Membership(
                project_id=scope.project_id, person_id=person, company_id=cast.companies["Acme"], since=now, **held
            )
        )
