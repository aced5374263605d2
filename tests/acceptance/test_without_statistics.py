"""A plan that PostgreSQL has counted nothing of yet: no page and no command walks all cases for each case.

It says of every statement how many rows it looked at (`EXPLAIN ANALYZE`): so many for each case at most, whatever the
machine. What SQLite does depends on no statistics; `test_acceptance_scale` looks at its plans.
"""

from uuid import uuid4

import pytest
from sqlalchemy import event

from portal.acceptance import (
    accepting,
    case_pages,
    covering,
    defects,
    machines,
    pages,
    queries,
    results,
    standing,
    waiting,
)
from portal.acceptance.models import Outcome, Severity
from portal.acceptance.results import Entry
from tests.support.acceptance import begun, close_round, open_round, say_all

P, F = Outcome.PASSED, Outcome.FAILED
MANY = 400
FOR_EACH = 12
"""Rows that a statement looks at for each case: its own, its standing, those said of it. All for each would be 400."""
AFTER = (1024 * MANY // 2, MANY // 2)

READS = {
    "plans": lambda db, scope: queries.plans(db, scope),
    "plan": lambda db, scope: queries.plan_view(db, scope, 1),
    "criteria": lambda db, scope: standing.criteria_view(db, scope, 1),
    "chart": lambda db, scope: standing.defects_over_rounds(db, scope, 1),
    "testers": lambda db, scope: queries.testers(db, scope, 1, 1),
    "acceptances": lambda db, scope: standing.acceptances(db, scope, 1),
    "acceptance lines": lambda db, scope: standing.acceptance_lines(db, scope, 1),
    "to test": lambda db, scope: waiting.to_test(db, scope),
    "waiting": lambda db, scope: waiting.in_project(db, scope),
} | {
    f"case {one}": lambda db, scope, one=one: case_pages.case_page(db, scope, 1, 1, one) for one in (1, MANY // 2, MANY)
}
READS |= {
    f"plan {only} {after}": lambda db, scope, only=only, after=after: standing.plan_cases(
        db, scope, 1, 1, only=only, after=after, limit=101
    )
    for only in standing.Only
    for after in (None, AFTER)
}
READS |= {
    f"round {only} {after}": lambda db, scope, only=only, after=after: of_round(db, scope, only, after)
    for only in pages.Only
    for after in (None, AFTER)
}


async def of_round(db, scope, only, after):
    row = (await pages.round_head(db, scope, 1, 1)).round
    return await pages.round_cases(db, scope, row, only=only, after=after, limit=101)


async def to_ask(db, scope):
    return await covering.to_ask(db, scope, await queries.plan(db, scope, 1))


def said(cases, outcome=P):
    return [Entry(uuid4(), one, outcome) for one in cases]


async def say_and_undo(db, scope):
    entries = said(range(1, 101))
    await results.record_all(db, scope, 1, 1, entries)
    await results.undo(db, scope, 1, 1, [one.id for one in entries])


async def import_twice(db, scope):
    found = [machines.Reported(f"Case {one}", P) for one in range(1, MANY + 1)]
    for run in ("1", "2"):
        await machines.record_machine(db, scope, 1, 1, "CI", run, found)


async def raise_defect(db, scope):
    await defects.raise_defect(db, scope, 1, 1, MANY - 10, defects.NewDefect("Broken", Severity.MAJOR))


WRITES = {"say and undo": ("eve", say_and_undo), "machine": ("dan", import_twice), "defect": ("ada", raise_defect)}


@pytest.fixture
async def run(database, cast):
    """A plan whose cases were all run once; every tenth failed."""
    await begun(database, cast, cases=[{"title": f"Case {one}", "priority": one % 3 + 1} for one in range(1, MANY + 1)])
    await say_all(database, cast, {one: F if one % 10 == 0 else P for one in range(1, MANY + 1)})
    return cast


class Watch:
    """The statements of a database, and how many rows each looked at."""

    def __init__(self, db):
        self.db, self.seen = db, []

    def note(self, _connection, _cursor, statement, parameters, _context, is_many):
        if statement.startswith(("SELECT", "UPDATE")):
            self.seen.append((statement, parameters[0] if is_many else parameters))

    async def __call__(self, work):
        """Does the work; returns the statement that looked at most rows, and at how many."""
        engine = self.db.get_bind()
        self.seen.clear()
        event.listen(engine, "before_cursor_execute", self.note)
        await work
        event.remove(engine, "before_cursor_execute", self.note)
        await self.db.flush()
        counted = [(await self._rows(*asked), asked[0]) for asked in self.seen]
        return max(counted)

    async def _rows(self, statement, parameters):
        explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
        connection = await self.db.connection()
        plan = (await connection.run_sync(lambda one: one.exec_driver_sql(explain, parameters).scalar_one()))[0]["Plan"]
        return looked_at(plan)


def looked_at(node):
    """How many rows a step of a plan and those below it read, kept or not."""
    left = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter", "Rows Removed by Index Recheck")
    below = [one for one in node.get("Plans", ()) if not is_setting(one)]
    return sum(node.get(name, 0) for name in left) * node["Actual Loops"] + sum(map(looked_at, below))


def is_setting(node):
    """Whether a step reads no table, but the project that the wall lets through: once for the whole statement."""
    return node["Node Type"] == "Result" and node.get("Parent Relationship") == "InitPlan"


@pytest.mark.parametrize("name", READS)
async def test_no_page_walks_all_cases_for_each(database, run, name):
    if database.is_sqlite:
        return
    async with database.read() as db:
        rows, statement = await Watch(db)(READS[name](db, await run.scope(db, "ada")))
        assert rows <= FOR_EACH * MANY, statement


@pytest.mark.parametrize("name", WRITES)
async def test_no_command_walks_all_cases_for_each(database, run, name):
    if database.is_sqlite:
        return
    who, work = WRITES[name]
    async with database.write() as db:
        rows, statement = await Watch(db)(work(db, await run.scope(db, who)))
        assert rows <= FOR_EACH * MANY, statement


async def test_neither_does_asking_nor_what_the_next_round_asks(database, run):
    if database.is_sqlite:
        return
    await close_round(database, run)
    async with database.write() as db:
        rows, statement = await Watch(db)(to_ask(db, await run.scope(db, "dan")))
        assert rows <= FOR_EACH * MANY, statement
        rows, statement = await Watch(db)(accepting.ask(db, await run.scope(db, "wei"), 1))
        assert rows <= FOR_EACH * MANY, statement


async def test_neither_does_taking_back_in_a_later_round(database, run):
    if database.is_sqlite:
        return
    await close_round(database, run)
    await open_round(database, run)
    async with database.write() as db:
        scope = await run.scope(db, "ada")
        entries = said(range(10, MANY + 1, 10))
        await results.record_all(db, scope, 1, 2, entries)
        rows, statement = await Watch(db)(results.undo(db, scope, 1, 2, [one.id for one in entries]))
        assert rows <= FOR_EACH * MANY, statement


async def test_a_single_key_is_found_at_once(database, run):
    """Verdicts are written case by case: an index that the key competes with would be walked for each."""
    if database.is_sqlite:
        return
    async with database.write() as db:
        watch = Watch(db)
        await watch(results.record_all(db, await run.scope(db, "ada"), 1, 1, said(range(10, 200, 10))))
        updates = [one for one in watch.seen if one[0].startswith("UPDATE test_round_case")]
        assert updates
        assert [await watch._rows(*one) for one in updates if await watch._rows(*one) > 2] == []
