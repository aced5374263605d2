"""`portal serve`, `portal migrate`."""

from typing import Annotated

import typer

from portal import migrate as migrations
from portal.cli.frame import command, load, opened, say


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
    from portal import serve as server

    server.run(load(), host=host, port=port, workers=workers)


async def migrate() -> None:
    """Bring the database to this release's tables: before the first start, and at every upgrade."""
    async with opened(load(), checked=False) as database:
        before, after = await migrations.upgrade(database)
    say(
        f"The database is at {after}." if before == after else f"The database went from {before or 'empty'} to {after}."
    )
