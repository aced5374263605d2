"""A project of any size for the bench: items over a year of work, about ten events each, and somebody who looks."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from portal import clock, ledger
from portal.acceptance import editing, rounds
from portal.acceptance import plans as test_plans
from portal.access import SYSTEM
from portal.access.models import Membership
from portal.backlog import plan as plans
from portal.backlog import spans, store
from portal.backlog.models import Category, Item, ItemType
from portal.db import Database
from portal.decisions import commands as decisions
from portal.decisions.models import DecisionKind
from portal.decisions.rules import Question
from portal.identity.models import Session
from portal.identity.sessions import hash_of
from portal.ledger.models import Audience
from portal.people.models import Company, Person
from portal.projects import commands as projects
from portal.projects import queries

KEY = "BENCH"
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
DAYS = 250
CHUNK = 2_000
CASES_AT_ONCE = 200
EVENTS_AN_ITEM = 10
QUESTIONS = 12
ZONE = ZoneInfo("Europe/Berlin")


async def seed(database: Database, items: int) -> str:
    """Fills an empty, migrated database; returns the session token of a client who may open the project."""
    async with database.write() as db:
        company, person = uuid4(), uuid4()
        now = clock.now()
        db.add(Company(id=company, name="Bench client", external_ref=None, created_at=now, updated_at=now))
        db.add(Person(id=person, name="Ada", email="ada@client.example", locale="en", created_at=now, updated_at=now))
        await db.flush()
        scope = await projects.open_project(
            db, SYSTEM, key=KEY, company_id=company, name="Bench", time_zone="Europe/Berlin", at=START
        )
        for number in range(12):
            first = START.date() + timedelta(days=21 * number)
            last = first + timedelta(days=20)
            await projects.add_iteration(
                db, scope, name=f"Sprint {number + 1}", starts_on=first, ends_on=last, at=START
            )
        token = await _sign_in(db, scope.project_id, company, person)
    for first in range(1, items + 1, CHUNK):
        async with database.write() as db:
            await _chunk(db, scope, range(first, min(first + CHUNK, items + 1)))
    async with database.write() as db:
        await _round(db, await queries.scope_for(db, SYSTEM, KEY), person, items)
        await _questions(db, await queries.scope_for(db, SYSTEM, KEY))
    return token


async def _questions(db: Any, scope: Any) -> None:
    """Decisions that wait for the client."""
    for number in range(1, QUESTIONS + 1):
        content = {"title": f"Requirement {number}", "description": " ".join(WORDS), "version": 1}
        question = Question(
            kind=DecisionKind.REQUIREMENT, subject_number=number, subject_version=1,
            title=f"Requirement {number}: the {WORDS[number % len(WORDS)]}", content=content,
        )  # fmt: skip
        await decisions.ask(db, scope, question)


async def _round(db: Any, scope: Any, person: UUID, items: int) -> None:
    """A plan with a case for every fourth item, at most 5,000, and its first round, which runs."""
    plan = await test_plans.add_plan(db, scope, {"title": "Acceptance"})
    numbers = range(1, min(max(items // 4, 10), 5_000) + 1)
    for first in range(0, len(numbers), CASES_AT_ONCE):
        some = numbers[first : first + CASES_AT_ONCE]
        await editing.add_cases(db, scope, plan.number, [{"title": f"Case {one}", "priority": 2} for one in some])
    await test_plans.offer(db, scope, plan.number)
    await rounds.open_round(db, scope, plan.number, [person], rounds.Terms(build="1.0"))


async def _sign_in(db: Any, project_id: UUID, company: UUID, person: UUID) -> str:
    now, token = clock.now(), secrets.token_urlsafe(32)
    db.add(Membership(project_id=project_id, person_id=person, company_id=company, approver=True, since=now))
    db.add(
        Session(
            token_hash=hash_of(token), person_id=person, provider="bench", issuer="https://bench.example", sub="ada",
            sid=None, sign_in_id=uuid4(), staff_roles=[], acr=None, amr=[], auth_time=None, created_at=now,
            last_seen_at=now, idle_until=now + timedelta(days=1), expires_at=now + timedelta(days=1),
            user_agent="bench",
            view_as=None,
        )
    )  # fmt: skip
    return token


async def _chunk(db: Any, scope: Any, numbers: range) -> None:
    plan = await plans.load(db, scope)
    random = Random(numbers.start)
    changes = store.Changes(scope.project_id, ZONE)
    iterations = sorted(plan.iterations.values(), key=lambda one: one.number)
    columns = {status.category: status.id for status in plan.statuses.values()}
    items, events = [], []
    for number in numbers:
        item, told = _life(number, random, scope, changes, iterations, columns)
        items.append(item)
        events += told
    last = await ledger.append(db, scope.project_id, sorted(events, key=lambda event: event.at))
    for item in items:
        item.seq = last
        changes.count(item, 1)
        changes.texts.append(item)
        changes.labelled[item.number] = item.labels
    db.add_all(items)
    await db.flush()
    await store.write(db, changes)


def _life(number: int, random: Random, scope: Any, changes: Any, iterations: Any, columns: Any) -> Any:
    born = START + timedelta(days=random.randrange(DAYS), minutes=random.randrange(500))
    points = Decimal(random.choice((1, 2, 3, 5, 8)))
    iteration = iterations[min((born.date() - START.date()).days // 21, len(iterations) - 1)].id
    audience = Audience.CLIENT if random.random() < 0.8 else Audience.INTERNAL
    facts = spans.Facts(points, None, Category.TODO, None, None, audience)
    moments = [born + timedelta(days=day) for day in sorted(random.sample(range(1, 30), 3))]
    path: list[tuple[datetime, str, Any]] = [
        (moments[0], "iteration", iteration),
        (moments[1], "category", Category.DOING),
    ]
    if random.random() < 0.7:
        path.append((moments[2], "category", Category.DONE))
    life = spans.from_changes(born, facts, [spans.Change(*one) for one in path])  # type: ignore[arg-type]
    changes.relive(number, [], life)
    end = life[-1].facts
    item = Item(
        project_id=scope.project_id, number=number, type=random.choice(list(ItemType)),
        title=f"Item {number}: {random.choice(WORDS)} the {random.choice(WORDS)} of the report",
        description=" ".join(random.choices(WORDS, k=30)), acceptance_criteria="", priority="", position=number * 1024,
        points=points, hours=None, status_id=columns[end.category], iteration_id=end.iteration, milestone_id=None,
        parent_number=None, assignee_id=None, labels=[random.choice(WORDS)], audience=audience,
        external_ref=f"bench:{number}", external_key=f"BENCH-{number}", external_url=None, blocked_reason=None,
        blocked_on=None, blocked_since=None, created_at=born, updated_at=life[-1].valid_from,
        done_at=life[-1].valid_from if end.category is Category.DONE else None, deleted=False,
    )  # fmt: skip
    return item, list(_events(number, born, audience, random))


def _events(number: int, born: datetime, audience: Audience, random: Random) -> Iterator[ledger.NewEvent]:
    for step in range(EVENTS_AN_ITEM):
        body = {"changes": {"title": [random.choice(WORDS), random.choice(WORDS)]}, "reason": ""}
        yield ledger.NewEvent(
            "item.added" if step == 0 else "item.changed", "item", number, audience, body, "system",
            born + timedelta(hours=step),
        )  # fmt: skip


WORDS = (
    "improve", "water", "ledger", "bridge", "harbour", "export", "invoice", "letter", "search", "mobile", "picture",
    "status", "signal", "window", "garden", "engine", "matrix", "planet", "silver", "market", "winter", "orange",
)  # fmt: skip
