"""Alembic's entry: runs the revisions on the connection that `portal migrate` hands over."""

from alembic import context
from sqlalchemy import Connection, text

from migrations import tables
from portal.db import Base

LOCK_TIMEOUT_SECONDS = 10


def run(connection: Connection) -> None:
    """Runs the revisions in one transaction; a table that others hold too long stops it instead of stopping them."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'"))
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        include_object=lambda _object, name, _kind, _reflected, _other: (
            name not in tables.NOT_MODELLED and not str(name).startswith("item_search_")
        ),
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
