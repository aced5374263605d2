"""`portal serve`, `portal migrate`."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from sqlalchemy import make_url

from portal import migrate as migrations
from portal.cli.frame import command, load, opened, say
from portal.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    command(app)(serve)
    command(app)(migrate)


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="Processes; more than one needs PostgreSQL to be worth it.", min=1)] = 1,
) -> None:
    """Serve the portal until told to stop. The database must be migrated."""
    with _collecting_later():
        from portal import serve as server

        server.run(load(), host=host, port=port, workers=workers)


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Without the garbage collector, until the server is up and settled: nearly all that a start makes lives on, and
    looking through it again and again takes a fifth of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def migrate() -> None:
    """Bring the database to this release's tables: before the first start, and at every upgrade."""
    chosen = load()
    service = service_role(chosen)
    if service is not None:
        chosen = chosen.model_copy(update={"database_url": chosen.migration_database_url})
    async with opened(chosen, checked=False) as database:
        before, after = await migrations.upgrade(database, service=service)
    say(
        f"The database is at {after}." if before == after else f"The database went from {before or 'empty'} to {after}."
    )


def service_role(chosen: Settings) -> str | None:
    """The role as which the portal signs in, where another one owns the tables; None where one is for both."""
    if not chosen.migration_database_url:
        return None
    service, owner = (make_url(url).username for url in (chosen.database_url, chosen.migration_database_url))
    return service if service != owner else None
