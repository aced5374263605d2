"""The revisions make exactly the tables that the models describe, and can be taken back."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from migrations import tables
from portal import migrate
from portal.db import Base, Database
from tests.support.databases import as_owner

SEARCH = "item_search"


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection, opts={"include_object": lambda _object, name, *_rest: not str(name).startswith(SEARCH)}
    )
    return [one for one in compare_metadata(context, Base.metadata) if "alembic_version" not in str(one)]


def down_to_nothing(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.files("migrations")))
    config.attributes["connection"] = connection
    command.downgrade(config, "base")


async def tables_of(database: Database) -> set[str]:
    async with database.read() as db:
        connection = await db.connection()
        return set(await connection.run_sync(lambda one: inspect(one).get_table_names()))


async def test_the_revisions_make_what_the_models_describe(database):
    assert tables.ROOMS
    async with database.read() as db:
        assert await (await db.connection()).run_sync(differences) == []


async def test_every_revision_can_be_taken_back_and_made_again(database):
    before = await tables_of(database)
    async with as_owner(database) as owned:
        async with owned.engine.execution_options(writes=True).begin() as connection:
            await connection.run_sync(down_to_nothing)
        assert await tables_of(owned) == {"alembic_version"}
        await migrate.upgrade(owned)
        assert await tables_of(owned) == before


async def test_migrating_twice_changes_nothing(database):
    async with as_owner(database) as owned:
        assert await migrate.upgrade(owned) == (migrate.head(), migrate.head())
