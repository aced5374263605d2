"""`portal export`, `portal keys`, `portal rebuild`: proof of the ledger, and what follows from it."""

from pathlib import Path
from typing import Annotated

import typer

from portal.backlog.rebuild import Rebuilt
from portal.backlog.rebuild import rebuild as rebuild_project
from portal.cli.frame import As, command, host_of, keys_of, load, opened, say, viewer_for
from portal.cli.progress import progress
from portal.cli.projects import every_key
from portal.export import export as write_export
from portal.ledger import keys as signing
from portal.ledger.archive import Edition
from portal.projects import queries as projects
from portal.settings import Settings

keys_app = typer.Typer(help="The keys that sign the ledger's heads.", no_args_is_help=True)

Editions = Annotated[Edition, typer.Option(help="For whom: what others may see is in it as digests alone.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    command(app)(export)
    command(app)(rebuild)
    command(keys_app, "list")(list_keys)
    command(keys_app, "rotate")(rotate_keys)
    app.add_typer(keys_app, name="keys")


async def export(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="The project's key.")],
    edition: Editions = Edition.STAFF,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file; KEY-EDITION.zip if not given.")
    ] = None,
    as_: As = None,
) -> None:
    """Write a project's archive: state, events, signed heads and public keys; `portal verify` checks it offline."""
    chosen = load()
    path = output or Path(f"{project}-{edition}.zip")
    async with opened(chosen) as database, database.read() as db:
        scope = await projects.scope_for(db, await viewer_for(db, as_), project)
        archive = await write_export(db, scope, edition, path, keys_of(chosen))
    say(f"{archive.path}: {archive.events} events, root {archive.root.hex()}")
    say("Its head.note is the proof that this history existed: keep it where nobody can change it.")


async def rebuild(
    project: Annotated[
        str | None, typer.Argument(metavar="[PROJECT]", help="A project's key; all, if not given.")
    ] = None,
    as_: As = None,
) -> None:
    """Compute burndown days, counters, labels and search again from spans and items, and say what differed."""
    async with opened(load()) as database:
        async with database.read() as db:
            viewer = await viewer_for(db, as_)
            keys = [project] if project else await every_key(db, viewer)
        for key in keys:
            async with database.write() as db:
                scope = await projects.scope_for(db, viewer, key)
                with progress(f"{key}: items") as shown:
                    found = await rebuild_project(db, scope, shown.advance)
            say(told(key, found))


def told(key: str, found: Rebuilt) -> str:
    """What a rebuild found, in a line."""
    if not found.differed:
        return f"{key}: {found.items} items, nothing differed"
    parts = {"burndown days": found.burn_days, "counters": found.counters, "labels": found.labels,
             "search entries": found.search}  # fmt: skip
    wrong = ", ".join(f"{number} {what}" for what, number in parts.items() if number)
    return f"{key}: {found.items} items; were wrong and are right now: {wrong}"


def list_keys() -> None:
    """The public keys that verify this portal's heads, the one in use first."""
    _say_keys(load(), keys_of(load()))


def rotate_keys() -> None:
    """Sign with a new key from now on; the old one's public half stays, so that what it signed can be verified."""
    chosen = load()
    keys_of(chosen)
    _say_keys(chosen, signing.rotate(chosen.keys_dir, host_of(chosen)))
    say("Restart the portal, so that it signs with the new key, and back up the keys' folder.")


def _say_keys(chosen: Settings, keys: signing.SigningKeys) -> None:
    say(f"in use   {keys.current.kid}")
    for key in keys.retired:
        say(f"retired  {key.kid}")
    say(f"published at {chosen.base_url}/.well-known/portal-keys.json")
