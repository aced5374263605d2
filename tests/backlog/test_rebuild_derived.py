"""What is derived from spans and items can be computed again: after commands nothing differs; else it is put right."""

from datetime import date
from decimal import Decimal

import pytest
import time_machine
from sqlalchemy import delete, select, text, update

from portal.access import SYSTEM, Scope
from portal.backlog import commands, queries
from portal.backlog.models import BurnDay, ItemLabel, Status
from portal.backlog.rebuild import Rebuilt, rebuild
from portal.db import Database
from portal.errors import NotAllowed
from portal.projects import commands as planning
from portal.projects import queries as projects
from tests.support import cast as stage


@pytest.fixture
async def cast(database: Database) -> stage.Cast:
    """The cast, and in BRIDGE four items that have lived a little."""
    cast = await stage.enter(database)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        for number in range(1, 5):
            fields = {"title": f"Stone {number}", "points": Decimal(number), "labels": ["arch", f"n{number}"]}
            await commands.add_item(db, scope, fields | ({"audience": "client"} if number % 2 else {}))
        await commands.change_item(db, scope, 1, {"status": "Done"})
        await commands.remove_item(db, scope, 4)
    return cast


async def rebuilt(database: Database) -> Rebuilt:
    async with database.write() as db:
        return await rebuild(db, await projects.scope_for(db, SYSTEM, "BRIDGE"))


async def test_nothing_differs_after_commands(database: Database, cast: stage.Cast) -> None:
    assert await rebuilt(database) == Rebuilt(items=4, burn_days=0, counters=0, labels=0, search=0)


async def test_each_wrong_row_is_found_and_put_right(database: Database, cast: stage.Cast) -> None:
    async with database.write() as db:
        scope = await projects.scope_for(db, SYSTEM, "BRIDGE")
        mine = BurnDay.project_id == scope.project_id
        await db.execute(update(BurnDay).where(mine, BurnDay.audience == "client").values(points_added=Decimal(99)))
        await db.execute(delete(BurnDay).where(mine, BurnDay.audience == "internal"))
        await db.execute(update(Status).where(Status.project_id == scope.project_id).values(client_items=7))
        await db.execute(delete(ItemLabel).where(ItemLabel.project_id == scope.project_id, ItemLabel.item_number == 2))
        await db.execute(text("DELETE FROM item_search"))
    found = await rebuilt(database)
    assert found == Rebuilt(items=4, burn_days=2, counters=3, labels=2, search=3)
    assert found.differed == 10
    assert (await rebuilt(database)).differed == 0


async def test_search_finds_again_what_a_lost_index_had_forgotten(database: Database, cast: stage.Cast) -> None:
    async with database.write() as db:
        await db.execute(text("DELETE FROM item_search"))
    await rebuilt(database)
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        assert [line.number for line in await queries.items(db, scope, queries.Filter(text="stone"))] == [1, 3]


async def test_another_project_is_not_touched(database: Database, cast: stage.Cast) -> None:
    async with database.write() as db:
        harbour = await cast.scope(db, "wei", "HARBOUR")
        await commands.add_item(db, harbour, {"title": "Quay", "points": Decimal(8)})
        await db.execute(update(BurnDay).where(BurnDay.project_id == harbour.project_id).values(items_added=5))
    await rebuilt(database)
    async with database.read() as db:
        day = await db.get(BurnDay, (harbour.project_id, "project", harbour.project_id, harbour.today, "internal"))
    assert day is not None
    assert day.items_added == 5


async def test_only_staff_may_rebuild(database: Database, cast: stage.Cast) -> None:
    async with database.write() as db:
        scope: Scope = await cast.scope(db, "ada")
        with pytest.raises(NotAllowed):
            await rebuild(db, scope)


async def test_a_day_of_another_zone_is_no_day_any_more(database: Database, cast: stage.Cast) -> None:
    """A chart would begin with it, and with nothing. In the afternoon of Berlin it is tomorrow on Kiritimati."""
    async with database.write() as db:
        scope = await cast.scope(db, "wei", "HARBOUR")
        with time_machine.travel("2026-11-27T12:00:00Z", tick=False):
            await commands.add_item(db, scope, {"title": "A", "points": Decimal(3)})
        await planning.change_project(db, scope, {"time_zone": "Pacific/Kiritimati"})
        moved = await projects.scope_for(db, SYSTEM, "HARBOUR")
        await rebuild(db, moved)
        days = await db.scalars(select(BurnDay.day).where(BurnDay.project_id == moved.project_id))
        assert set(days) == {date(2026, 11, 28)}
