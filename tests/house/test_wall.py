"""The wall around projects: which statements it lets through, and that it stands in every test."""

import uuid

import pytest
from sqlalchemy import insert, select, text, update

from portal.backlog.models import Item, ItemLabel, Status
from portal.db import Database
from portal.ledger.models import ProjectLedger
from portal.projects.models import Milestone
from tests.support.statements import AcrossProjects, Wall, across_projects, counting

BOUND = (
    "SELECT item.title FROM item WHERE item.project_id = ?",
    "SELECT i.title FROM item AS i WHERE i.number = 3 AND i.project_id = $1::UUID",
    "SELECT title FROM item WHERE project_id = :project",
    "SELECT item.title FROM item WHERE item.project_id IN (?, ?) AND (item.number = ? OR item.number = ?)",
    "SELECT item.title FROM item WHERE (item.project_id, item.number) IN ((?, ?), (?, ?))",
    "SELECT 1 FROM project_ledger JOIN item ON item.project_id = project_ledger.id WHERE project_ledger.key = ?",
    "SELECT 1 FROM item JOIN status ON status.id = item.status_id AND status.project_id = item.project_id"
    " WHERE item.project_id = ?",
    "SELECT 1 FROM item LEFT OUTER JOIN (status JOIN milestone ON milestone.project_id = status.project_id)"
    " ON status.project_id = item.project_id WHERE item.project_id = ?",
    "SELECT 1 FROM item_label WHERE item_label.project_id = ? AND EXISTS"
    " (SELECT 1 FROM item WHERE item.project_id = item_label.project_id AND item.number = item_label.item_number)",
    "WITH wanted AS (SELECT item.project_id, item.number FROM item WHERE item.project_id = ?)"
    " SELECT item_label.label FROM item_label JOIN wanted ON item_label.project_id = wanted.project_id",
    "SELECT 1 FROM item AS a WHERE a.project_id = ? UNION ALL SELECT 1 FROM item AS b WHERE ? = b.project_id",
    "UPDATE item SET title = ? WHERE item.project_id = ? AND item.number BETWEEN ? AND ?",
    "DELETE FROM item_label WHERE item_label.project_id = ?",
    "INSERT INTO item (project_id, number) VALUES (?, ?) ON CONFLICT (project_id, number) DO UPDATE SET title = ?",
    "SELECT person.name FROM person, company WHERE person.email = 'item WHERE'",
    "SELECT 1 FROM status LEFT OUTER JOIN item ON item.project_id = ? AND item.status_id = status.id"
    " WHERE status.project_id = ?",
    "SELECT count(*) FILTER (WHERE item.number = ?) FROM item WHERE item.project_id = CAST(? AS CHAR(32))",
    "SELECT 1 FROM item WHERE item.project_id = ? AND NOT (EXISTS"
    " (SELECT 1 FROM item_label WHERE item_label.project_id = item.project_id))",
    "SELECT 1 FROM ITEM WHERE Item.Project_Id = ?",
)
ACROSS = {
    "SELECT item.title FROM item": ("item",),
    "SELECT item.title FROM item WHERE item.number = ?": ("item",),
    "SELECT item.project_id = ? FROM item WHERE item.number = ?": ("item",),
    "SELECT item.title FROM item WHERE item.project_id = ? OR item.number = ?": ("item",),
    "SELECT item.title FROM item WHERE NOT (item.project_id = ?)": ("item",),
    "SELECT item.title FROM item WHERE item.project_id != ?": ("item",),
    "SELECT item.title FROM item WHERE item.project_id = item.number": ("item",),
    "SELECT item.title FROM item -- WHERE item.project_id = ?": ("item",),
    "SELECT item.title FROM item WHERE item.title = 'item.project_id = 1'": ("item",),
    "SELECT 1 FROM item JOIN status ON status.id = item.status_id WHERE item.project_id = ?": ("status",),
    "SELECT 1 FROM item, status WHERE item.project_id = ?": ("status",),
    "SELECT 1 FROM item JOIN status ON status.project_id = item.project_id": ("item", "status"),
    "SELECT 1 FROM membership JOIN person ON membership.project_id = person.id": ("membership",),
    "SELECT 1 FROM item WHERE item.project_id = ? AND EXISTS (SELECT 1 FROM item_label WHERE label = ?)": (
        "item_label",
    ),
    "SELECT 1 FROM item_label WHERE EXISTS (SELECT 1 FROM item WHERE item.project_id = ?)": ("item_label",),
    "SELECT 1 FROM item WHERE item.project_id = ? UNION SELECT 1 FROM item": ("item",),
    "WITH x AS (SELECT * FROM event) SELECT 1 FROM item JOIN x ON x.project_id = item.project_id": ("event",),
    "UPDATE item SET project_id = ?": ("item",),
    "DELETE FROM item WHERE item.number = ?": ("item",),
    "INSERT INTO item_label (project_id) SELECT item.project_id FROM item": ("item",),
    'SELECT 1 FROM "item" WHERE "item"."number" = ?': ("item",),
    "SELECT project.name FROM project WHERE project.company_id = ?": ("project",),
    "SELECT project_ledger.id FROM project_ledger ORDER BY project_ledger.key": ("project_ledger",),
    # An outer join keeps every row of what stands before it, whatever its condition says.
    "SELECT 1 FROM item LEFT OUTER JOIN status ON item.project_id = ? AND status.project_id = item.project_id": (
        "item", "status",
    ),
    "SELECT 1 FROM item LEFT JOIN status ON status.project_id = ? AND item.project_id = status.project_id": ("item",),
    "SELECT 1 FROM item LEFT JOIN (status JOIN milestone ON milestone.project_id = status.project_id)"
    " ON status.project_id = ? AND item.project_id = ?": ("item",),
    "SELECT 1 FROM item FULL OUTER JOIN status ON item.project_id = ? AND status.project_id = ?": ("item", "status"),
    # A subquery decides about the rows outside of it either way: NOT EXISTS keeps all the others.
    "SELECT 1 FROM item WHERE NOT (EXISTS"
    " (SELECT 1 FROM status WHERE status.project_id = ? AND item.project_id = ?))": ("item",),
    "SELECT count(*) FILTER (WHERE item.project_id = ?) FROM item": ("item",),
    "SELECT 1 FROM item WHERE item.project_id = coalesce(?, item.project_id)": ("item",),
    "SELECT 1 FROM item WHERE item.project_id IN (?, item.project_id)": ("item",),
    "SELECT 1 FROM item WHERE item.project_id IN (?, ?) IS FALSE": ("item",),
    "SELECT 1 FROM item WHERE CASE WHEN item.number = ? AND item.project_id = ? THEN 1 ELSE 1 END = 1": ("item",),
    "SELECT 1 FROM ITEM WHERE number = ?": ("item",),
}  # fmt: skip


@pytest.mark.parametrize("statement", BOUND)
def test_lets_through_what_is_bound_to_one_project(statement: str) -> None:
    assert across_projects(statement) == ()


@pytest.mark.parametrize("statement", ACROSS)
def test_names_the_tables_that_are_read_across_projects(statement: str) -> None:
    assert across_projects(statement) == ACROSS[statement]


async def test_stands_in_every_test(database: Database, wall: Wall) -> None:
    async with database.read() as db:
        with pytest.raises(AcrossProjects, match="reads item without naming its project"):
            await db.execute(select(Item.title).where(Item.number == 1))
        with pytest.raises(AcrossProjects):
            await db.execute(text("SELECT count(*) FROM event"))
        with pytest.raises(AcrossProjects):
            await db.execute(update(Status).where(Status.id == uuid.uuid4()).values(position=1))
    assert len(wall.take_refused()) == 3


async def test_a_statement_may_say_why_it_looks_across(database: Database) -> None:
    async with database.read() as db:
        found = await db.execute(select(Item.title).execution_options(cross_project="this test"))
    assert found.all() == []


async def test_a_session_writes_back_the_rows_that_it_read(database: Database) -> None:
    project = uuid.uuid4()
    async with database.write() as db:
        await db.execute(
            insert(ProjectLedger).values(
                id=project, key="ABC", version=0, client_version=0, billing_version=0, frontier=b""
            )
        )
        db.add(Milestone(project_id=project, number=1, name="First", seq=1))
    async with database.write() as db:
        (await db.scalars(select(Milestone).where(Milestone.project_id == project))).one().name = "Beta"
    async with database.read() as db:
        assert (await db.scalars(select(Milestone.name).where(Milestone.project_id == project))).all() == ["Beta"]


async def test_counts_the_statements_of_a_block(database: Database) -> None:
    async with database.read() as db:
        with counting(database) as statements:
            await db.execute(select(ItemLabel.label).where(ItemLabel.project_id == uuid.uuid4()))
            await db.execute(text("SELECT 1"))
        await db.execute(text("SELECT 2"))
    assert [statement.split()[:2] for statement in statements] == [["SELECT", "item_label.label"], ["SELECT", "1"]]
