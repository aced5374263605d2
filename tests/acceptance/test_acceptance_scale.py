"""A plan of 5,000 cases and 50 testers costs as many statements as a small one, and indexes find what pages show."""

from uuid import uuid4

import pytest
from sqlalchemy import insert, select, text

from portal import clock
from portal.acceptance import case_pages, pages, queries, results, standing
from portal.acceptance.models import Outcome, RoundCase, TestResult, TestRound, TestStanding
from portal.acceptance.results import Entry
from portal.access import Role
from portal.access.models import Membership
from portal.people.models import Person
from tests.support.acceptance import add_plan, begun, close_round, offer, open_round, say_all
from tests.support.databases import as_owner
from tests.support.explain import steps_of
from tests.support.statements import counting

MANY, TESTERS = 5_000, 50
P, F = Outcome.PASSED, Outcome.FAILED

READS = {
    "list": lambda db, scope: queries.plans(db, scope),
    "plan": lambda db, scope: queries.plan_view(db, scope, 1),
    "cases": lambda db, scope: standing.plan_cases(db, scope, 1, 1),
    "criteria": lambda db, scope: standing.criteria_view(db, scope, 1),
    "chart": lambda db, scope: standing.defects_over_rounds(db, scope, 1),
    "round": lambda db, scope: pages.round_head(db, scope, 1, 1),
    "case": lambda db, scope: case_pages.case_page(db, scope, 1, 1, 2),
    "file": lambda db, scope: none(pages.file_of_plan(db, scope, 1, 1)),
    "acceptances": lambda db, scope: standing.acceptances(db, scope, 1),
}


async def none(work):
    """A read of something that is not there."""
    from portal.errors import NotFound

    with pytest.raises(NotFound):
        await work


async def crowd(database, cast, count):
    """So many more testers of the client."""
    people = [uuid4() for _ in range(count)]
    now = clock.now()
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        shared = {"locale": "en", "created_at": now, "updated_at": now}
        await db.execute(
            insert(Person),
            [{"id": one, "name": f"T{at}", "email": f"t{at}@example.com", **shared} for at, one in enumerate(people)],
        )
        roles = {role.value: role is Role.TESTER for role in Role}
        await db.execute(
            insert(Membership),
            [{"project_id": scope.project_id, "person_id": one, "company_id": cast.companies["Acme"], "since": now,
              **roles} for one in people],
        )  # fmt: skip
    for at, one in enumerate(people):
        cast.people[f"t{at}"] = one
    return [f"t{at}" for at in range(count)]


async def costs(database, cast, names):
    """How many statements each act and page takes."""
    found = {}
    async with database.read() as db:
        scope = await cast.scope(db, names[0])
        head = await pages.round_head(db, scope, 1, 1)
        for name, read in READS.items():
            with counting(database) as seen:
                await read(db, scope)
            found[name] = len(seen)
        for only in pages.Only:
            with counting(database) as seen:
                await pages.round_cases(db, scope, head.round, only=only)
            found[f"round {only}"] = len(seen)
    for count in (1, 3):
        entries = [Entry(uuid4(), case, F) for case in range(1, count + 1)]
        async with database.write() as db:
            scope = await cast.scope(db, names[0])
            with counting(database) as seen:
                await results.record_all(db, scope, 1, 1, entries)
        found[f"record {count}"] = len(seen)
    async with database.write() as db:
        scope = await cast.scope(db, names[0])
        with counting(database) as seen:
            await results.undo(db, scope, 1, 1, [one.id for one in entries])
    found["undo"] = len(seen)
    return found


async def test_small_and_large_cost_the_same(database, cast):
    names = await crowd(database, cast, TESTERS)
    await begun(database, cast, *names[:2])
    for name in names[:2]:
        await say_all(database, cast, dict.fromkeys(range(1, 4), P), name)
    small = await costs(database, cast, names)
    await close_round(database, cast)
    await add_plan(database, cast, [{"title": f"Case {at}", "priority": at % 3 + 1} for at in range(1, MANY + 1)])
    await offer(database, cast, 2)
    await open_round(database, cast, *names, plan=2)
    for name in names:
        await say_all(database, cast, dict.fromkeys(range(1, 4), P), name, plan=2)
    await as_first(database, cast)
    large = await costs(database, cast, names)
    assert large == small
    pages_of_three = {
        "plan": 1,
        "cases": 1,
        "round": 1,
        "round all": 1,
        "case": 3,
        "criteria": 2,
        "chart": 1,
        "list": 1,
    }
    assert {name: large[name] for name in pages_of_three} == pages_of_three
    assert max(large["record 1"], large["record 3"], large["undo"]) <= 18


async def as_first(database, cast):
    """Plan 2 takes the place of plan 1, so that the same reads find it."""
    tables = ("test_plan_version", "test_case", "test_round", "test_tester", "test_round_case", "test_result",
              "test_standing", "test_defect", "test_file")  # fmt: skip
    async with as_owner(database) as owned, owned.write() as db:
        is_sqlite = db.get_bind().dialect.name == "sqlite"
        if is_sqlite:
            await db.execute(text("PRAGMA defer_foreign_keys = ON"))
        else:
            await db.execute(text("SET session_replication_role = replica"))
        for old, new in ((1, 9), (2, 1)):
            for table, column in (("test_plan", "number"), *((one, "plan_number") for one in tables)):
                statement = text(f"UPDATE {table} SET {column} = :new WHERE {column} = :old")
                await db.execute(
                    statement.execution_options(cross_project="the test moves a plan"), {"new": new, "old": old}
                )
        if not is_sqlite:
            await db.execute(text("SET session_replication_role = origin"))


async def test_indexes_find_what_pages_show(database, cast):
    names = await crowd(database, cast, 2)
    await begun(database, cast, *names, cases=[{"title": f"Case {at}"} for at in range(1, 2001)])
    await say_all(database, cast, {1: P, 2: F}, names[0])
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        of_round = (RoundCase.project_id == scope.project_id, RoundCase.plan_number == 1)
        numbers = list(await db.scalars(select(RoundCase.case_number).where(*of_round)))
        row = {"project_id": scope.project_id, "plan_number": 1, "round_number": 1, "digest": bytes(32), "verdict": P,
               "at": clock.now(), "seq": 1}  # fmt: skip
        await db.execute(insert(TestStanding), [{**row, "case_number": one} for one in numbers if one > 2])
        said = {"project_id": scope.project_id, "plan_number": 1, "round_number": 1, "source": "", "outcome": P,
                "remark": "", "files": [], "device": "", "at": clock.now(), "is_latest": True, "undone_at": None,
                "seq": 1}  # fmt: skip
        for who in ("t0", "t1", "ada", "eve"):
            mine = said | {"person_id": cast.people[who]}
            await db.execute(
                insert(TestResult), [{**mine, "id": uuid4(), "case_number": one} for one in numbers if one > 2]
            )
    await analysed(database)
    steps = await steps_of_all(database, cast, names[0])
    for name, found in steps.items():
        assert found, name
        wrong = [one for one in found if not by_index(one)]
        assert wrong == [], (name, wrong)


async def analysed(database):
    if database.engine.dialect.name == "postgresql":
        async with as_owner(database) as owned, owned.engine.connect() as connection:
            outside = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await outside.execute(text("ANALYZE"))


async def steps_of_all(database, cast, who):
    """The steps of the plans of every statement, by what is read."""
    found = {}
    async with database.read() as db:
        scope = await cast.scope(db, who)
        row = await db.scalar(select(TestRound).where(TestRound.project_id == scope.project_id))
        reads = READS | {"round cases": lambda db, scope: pages.round_cases(db, scope, row)}
        for name, read in reads.items():
            if name != "criteria":  # it counts the cases of a version, which one walk of its key does best
                found[name] = await steps_of(db, read(db, scope))
    return found


def by_index(step):
    """Whether a step asks an index: none walks all cases, round cases, results or standings."""
    large = ("test_case", "test_round_case", "test_result", "test_standing")
    if step.startswith("SCAN "):
        return not step.startswith(tuple(f"SCAN {table}" for table in large))
    return not any(f"Seq Scan on {table}" in step for table in large) or "test_case_" in step
