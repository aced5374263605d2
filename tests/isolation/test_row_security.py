"""The second wall, kept by PostgreSQL itself: what a statement that names no project can see and write."""

import json
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from portal import wall
from portal.backlog.models import Item, Status
from portal.db import Database
from portal.errors import NotFound
from portal.identity.arrive import arrive
from portal.identity.sessions import hash_of
from portal.ledger import commands as ledger
from portal.ledger.models import ProjectLedger
from tests.support.cast import Cast
from tests.support.databases import as_owner
from tests.support.statements import keys

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
REFUSED = "violates row-level security policy"


@dataclass(frozen=True)
class Two:
    """Ada's project and Mallory's, in a database whose sessions are the product's and not a test's."""

    database: Database
    cast: Cast
    bridge: UUID
    harbour: UUID

    def session(self, **options: object) -> AsyncSession:
        """A session as the portal has it, which sees no more than the wall lets it."""
        return AsyncSession(self.database.engine.execution_options(**options))


@pytest.fixture
async def two(cast: Cast, database: Database) -> Two:
    async with database.read() as db:
        found = [
            (await cast.scope(db, name, key)).project_id for name, key in (("ada", "BRIDGE"), ("mallory", "HARBOUR"))
        ]
    return Two(database, cast, *found)


async def raw(db: AsyncSession, table: str, column: str = "project_id") -> set[UUID]:
    """The projects of all rows that a statement sees which names none, past SQLAlchemy and its hooks."""
    driver = (await (await db.connection()).get_raw_connection()).driver_connection
    assert driver is not None
    return {row[0] for row in await driver.fetch(f"SELECT {column} FROM {table}")}


async def test_every_table_of_a_project_stands_behind_it(two: Two) -> None:
    kept = text(
        "SELECT relname, relrowsecurity FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    async with two.session() as db:
        secured = {row.relname: row.relrowsecurity for row in await db.execute(kept)}
    assert [table for table in keys() if not secured[table]] == []


async def test_every_table_lets_nobody_see_or_write_more_than_its_own_rule(two: Two) -> None:
    rules = text("SELECT tablename, policyname, cmd FROM pg_policies")
    async with two.session() as db:
        found = {tuple(row) for row in await db.execute(rules)}
    more = {row for row in found if row[1:] != ("own_project", "ALL")}
    assert {row[0] for row in found} == set(keys())
    assert more == {
        ("project", "finding", "SELECT"),
        ("project_ledger", "finding", "SELECT"),
        ("project_ledger", "locking", "UPDATE"),
        ("membership", "finding", "SELECT"),
        ("webhook_delivery", "others", "ALL"),
    }


async def test_the_service_owns_nothing_and_bypasses_nothing(two: Two) -> None:
    async with two.session() as db:
        assert await wall.holds(db)
    async with as_owner(two.database) as owned, AsyncSession(owned.engine) as db:
        assert not await wall.holds(db)


async def test_outside_of_all_projects_every_table_is_empty(two: Two) -> None:
    async with two.session() as db:
        seen = {table: await raw(db, table) for table in keys() if table not in wall.FINDING}
    assert {table for table, projects in seen.items() if projects} == set()


async def test_inside_a_project_every_table_has_its_rows_alone(two: Two) -> None:
    async with two.session() as db:
        await two.cast.scope(db, "ada")
        seen = {table: await raw(db, table) for table in keys() if table not in wall.FINDING}
        assert {projects for found in seen.values() for projects in found} == {two.bridge}
        assert {"item", "item_span", "event", "status"} <= {table for table, found in seen.items() if found}
        assert await raw(db, "membership") == {two.bridge}
        assert await raw(db, "project_ledger", "id") == await raw(db, "project", "id") == {two.bridge}


@pytest.mark.parametrize("name", ["mallory", "nemo"])
async def test_who_does_not_belong_to_a_project_does_not_open_it(two: Two, name: str) -> None:
    async with two.session() as db:
        with pytest.raises(NotFound):
            await two.cast.scope(db, name)
        assert await raw(db, "item") == set()


async def test_inside_a_project_another_is_not_even_found(two: Two) -> None:
    async with two.session() as db:
        await two.cast.scope(db, "dan")
        with pytest.raises(NotFound):
            await two.cast.scope(db, "dan", "HARBOUR")
        with pytest.raises(NotFound):
            await ledger.lock(db, two.harbour)
        assert await raw(db, "item") == {two.bridge}


async def test_the_lock_of_a_ledger_leads_into_its_project(two: Two) -> None:
    async with two.session() as db:
        await ledger.lock(db, two.harbour)
        assert await raw(db, "item") == {two.harbour}


async def test_a_page_of_somebody_is_inside_their_project(two: Two) -> None:
    async with two.session() as db:
        await arrive(db, hash_of(two.cast.tokens["ada"]), "BRIDGE")
        assert await raw(db, "item") == {two.bridge}
    async with two.session() as db:
        await arrive(db, hash_of(two.cast.tokens["ada"]), "HARBOUR")
        assert await raw(db, "item") == set()
    async with two.session() as db:
        await arrive(db, hash_of(two.cast.tokens["dan"]), "HARBOUR")
        assert await raw(db, "item") == {two.harbour}


class TestWriting:
    async def test_a_row_of_another_project_is_not_added(self, two: Two) -> None:
        async with two.session() as db:
            await two.cast.scope(db, "dan")
            with pytest.raises(DBAPIError, match=REFUSED):
                await db.execute(insert(Status).values(a_status(two.harbour)))

    async def test_outside_of_all_projects_nothing_is_added(self, two: Two) -> None:
        async with two.session() as db:
            with pytest.raises(DBAPIError, match=REFUSED):
                await db.execute(insert(Status).values(a_status(two.harbour)))

    async def test_a_row_is_not_moved_to_another_project(self, two: Two) -> None:
        async with two.session() as db:
            await two.cast.scope(db, "dan")
            mine = update(Status).where(Status.project_id == two.bridge)
            with pytest.raises(DBAPIError, match=REFUSED):
                await db.execute(mine.values(project_id=two.harbour))

    async def test_rows_of_another_project_are_neither_changed_nor_removed(self, two: Two) -> None:
        async with two.session() as db:
            await two.cast.scope(db, "dan")
            theirs = Item.project_id == two.harbour
            changed = await db.execute(update(Item).where(theirs).values(title="Mine now").returning(Item.id))
            assert changed.all() == []
            driver = (await (await db.connection()).get_raw_connection()).driver_connection
            assert driver is not None
            assert await driver.execute("DELETE FROM membership WHERE project_id = $1", two.harbour) == "DELETE 0"

    @pytest.mark.parametrize(
        "statement", ["DELETE FROM project_ledger", "DELETE FROM project", "DELETE FROM membership"]
    )
    async def test_what_can_be_found_can_not_be_removed(self, two: Two, statement: str) -> None:
        async with two.session() as db:
            driver = (await (await db.connection()).get_raw_connection()).driver_connection
            assert driver is not None
            assert await driver.execute(statement) == "DELETE 0"

    async def test_a_ledger_is_not_changed_from_outside(self, two: Two) -> None:
        async with two.session() as db:
            with pytest.raises(DBAPIError, match=REFUSED):
                await db.execute(update(ProjectLedger).where(ProjectLedger.id == two.harbour).values(version=0))

    @pytest.mark.parametrize("statement", [
        "ALTER TABLE item DISABLE ROW LEVEL SECURITY", "DROP POLICY own_project ON item", "TRUNCATE item",
        "DROP TRIGGER event_refuses_change ON event", "UPDATE alembic_version SET version_num = ''",
    ])  # fmt: skip
    async def test_the_service_cannot_take_the_wall_down(self, two: Two, statement: str) -> None:
        async with two.session() as db:
            driver = (await (await db.connection()).get_raw_connection()).driver_connection
            assert driver is not None
            with pytest.raises(Exception, match=r"must be owner|permission denied"):
                await driver.execute(statement)


class TestLeavingNothingOpen:
    async def test_a_connection_takes_no_project_into_its_next_transaction(self, two: Two) -> None:
        alone = Database(two.database.url, pool_size=1)
        try:
            for end in ("commit", "rollback", "close"):
                async with AsyncSession(alone.engine) as db:
                    await two.cast.scope(db, "ada")
                    await getattr(db, end)()
                async with AsyncSession(alone.engine) as db:
                    assert await raw(db, "item") == set()
        finally:
            await alone.dispose()

    async def test_a_statement_across_projects_sees_all_and_closes_behind_itself(self, two: Two) -> None:
        every = select(Item.project_id).execution_options(cross_project="this test")
        async with two.session() as db:
            assert set(await db.scalars(every)) == {two.bridge, two.harbour}
            assert await raw(db, "item") == set()
            await two.cast.scope(db, "ada")
            assert set(await db.scalars(every)) == {two.bridge, two.harbour}
            assert await raw(db, "item") == {two.bridge}

    async def test_one_that_fails_leaves_nothing_open(self, two: Two) -> None:
        wrong = select(func.sqrt(-1), Item.project_id).execution_options(cross_project="this test")
        async with two.session() as db:
            await two.cast.scope(db, "ada")
            with pytest.raises(DBAPIError):
                async with db.begin_nested():
                    await db.execute(wrong)
            assert await raw(db, "item") == {two.bridge}

    async def test_a_savepoint_that_is_undone_takes_its_project_with_it(self, two: Two) -> None:
        async with two.session() as db:
            async with db.begin_nested() as inner:
                await two.cast.scope(db, "ada")
                await inner.rollback()
            assert await raw(db, "item") == set()

    async def test_a_transaction_can_go_from_one_project_to_the_next(self, two: Two) -> None:
        async with two.session() as db:
            for project_id in (two.bridge, two.harbour):
                await wall.enter(db, project_id)
                assert await raw(db, "item") == {project_id}
            await wall.leave(db)
            assert await raw(db, "item") == set()


async def test_a_session_of_the_product_can_begin_inside_a_project(two: Two) -> None:
    async with two.database.read(two.bridge) as db:
        assert await raw(db, "item") == {two.bridge}
    async with two.database.write(two.harbour) as db:
        assert await raw(db, "item") == {two.harbour}


async def test_a_plan_expects_as_many_rows_as_without_the_wall(two: Two) -> None:
    asked = "EXPLAIN (FORMAT JSON) SELECT * FROM item WHERE project_id = $1 AND number = 1"
    found = []
    async with as_owner(two.database) as owned, AsyncSession(owned.engine) as db:
        found.append(await _plan(db, asked, two.bridge))
    async with two.session() as db:
        found.append(await _plan(db, asked, two.bridge))
    without, within = found
    assert within["Node Type"] == without["Node Type"]
    assert within.get("Index Cond") == without.get("Index Cond")
    assert within["Plan Rows"] == without["Plan Rows"]


async def _plan(db: AsyncSession, asked: str, project_id: UUID) -> dict[str, object]:
    driver = (await (await db.connection()).get_raw_connection()).driver_connection
    assert driver is not None
    found = await driver.fetchval(asked, project_id)  # parsed already where SQLAlchemy has set its codecs
    plan: dict[str, object] = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return plan


def a_status(project_id: UUID) -> dict[str, object]:
    """A row for a board column."""
    return {"id": uuid4(), "project_id": project_id, "name": "Smuggled", "category": "todo", "position": 99}
