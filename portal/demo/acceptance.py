"""Tests of the demo: what the recalls prototype must do before it is accepted, tested by machines and by Ada.

People's results are nobody's to invent: the machine's are there, and the rest waits for whoever signs in as Ada.
"""

import asyncio
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance import editing, machines, plans, queries, rounds
from portal.acceptance.machines import Reported
from portal.acceptance.models import Outcome
from portal.access import SYSTEM, Scope
from portal.access.models import Membership
from portal.db import Database
from portal.people.models import Person
from portal.projects import queries as projects

TESTER = "ada@first-client.example"
PAUSE_SECONDS = 1.0
CASES: tuple[dict[str, Any], ...] = (
    {
        "section": "Map", "title": "The map shows where a product was sold", "priority": 1,
        "precondition": "The page of all recalls is open.",
        "steps": [
            {"action": "Point at a state, or touch it", "expected": "Its recalls and products are counted"},
            {"action": "Choose the state", "expected": "Only this state is shown"},
            {"action": "Go back", "expected": "The whole map is there again"},
        ],
        "expected": "The darker a state, the more recalls concern it.",
        "criterion": "Each state shows how many recalls and products concern it.",
    },
    {
        "section": "Filters", "title": "Filters narrow the map, the chart and the list together", "priority": 1,
        "steps": [
            {"action": "Choose a product and a status", "expected": "Map, chart and list change at once"},
            {"action": "Clear all filters with one button", "expected": "Everything is there again"},
        ],
        "criterion": "Each filter can be combined with every other.",
    },
    {
        "section": "Phone", "title": "All of it works on a phone held upright", "priority": 2,
        "steps": [{"action": "Open the page on a phone", "expected": "Nothing is cut off"}],
        "expected": "Every control can be touched with a thumb.",
    },
    {"section": "Words", "title": "The words are those of the agency’s glossary", "priority": 3},
    {
        "section": "Automatic", "title": "The data of a week load in less than a minute", "priority": 1,
        "is_automatic": True, "external_ref": "pipeline.test_load.test_a_week",
    },
)  # fmt: skip


async def load(database: Database, key: str) -> None:
    """Offers a plan unless there is one."""
    async with database.write() as db:
        scope = await projects.scope_for(db, SYSTEM, key)
        if not await queries.plans(db, scope, limit=1):
            fields = {
                "title": "Acceptance of the prototype",
                "description": "What a **shopper** must be able to do before the prototype is shown to the public.",
                "criteria": {"all_run": True, "most_failed": {"1": 0, "2": 1}},
            }
            plan = await plans.add_plan(db, scope, fields)
            await editing.add_cases(db, scope, plan.number, CASES)
            await plans.offer(db, scope, plan.number)


async def begin(database: Database, key: str) -> None:
    """Opens the plan's first round as soon as Ada, who is to test, has signed in for the first time."""
    while not await _is_ready(database, key):  # noqa: ASYNC110, it is signing in that makes her a member
        await asyncio.sleep(PAUSE_SECONDS)
    async with database.write() as db:
        scope = await projects.scope_for(db, SYSTEM, key)
        ada = await _tester(db, scope)
        if ada is not None and not await queries.rounds(db, scope, 1):
            await _open(db, scope, ada)


async def _is_ready(database: Database, key: str) -> bool:
    async with database.read() as db:
        return await _tester(db, await projects.scope_for(db, SYSTEM, key)) is not None


async def _open(db: AsyncSession, scope: Scope, ada: UUID) -> None:
    terms = rounds.Terms(build="0.9.2", address="https://recalls.example", build_hash="9f2c41d07be1")
    opened = await rounds.open_round(db, scope, 1, [ada], terms)
    reported = [Reported("pipeline.test_load.test_a_week", Outcome.PASSED, "41 seconds")]
    await machines.record_machine(db, scope, 1, opened.number, "CI", "run 812", reported)


async def _tester(db: AsyncSession, scope: Scope) -> UUID | None:
    member = Membership.person_id == Person.id
    statement = select(Person.id).join(Membership, member).where(Membership.project_id == scope.project_id)
    found: UUID | None = await db.scalar(statement.where(Person.email == TESTER))
    return found
