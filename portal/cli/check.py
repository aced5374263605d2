"""`portal check`: whether all that the portal stands on is right; one line each, exit code 1 when something is not."""

from collections.abc import Iterator
from functools import partial

import typer
from sqlalchemy.exc import DBAPIError

from portal.cli import looks, neighbours
from portal.cli.frame import FAILED, command, load, opened, say, sentences
from portal.cli.looks import Look, Note
from portal.db import Database
from portal.errors import PortalError
from portal.identity.providers import Providers
from portal.settings import Settings, SettingsError


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    command(app)(check)


async def check() -> None:
    """Look at settings, data directory, database, keys, files, mail, sign-in providers and more; a sentence for each.

    Exit code 1 when a line begins with "wrong"; what begins with "note" works, and is worth knowing. Sends no mail.
    """
    try:
        chosen = load()
    except SettingsError as error:
        for sentence in sentences(error):
            say(f"wrong  configuration: {sentence}")
        raise typer.Exit(FAILED) from error
    wrong = set[str]()
    async with opened(chosen, checked=False) as database, Providers(chosen) as providers:
        for look in all_looks(chosen, database, providers):
            if wrong.isdisjoint(look.needs):
                verdict, said = await _found(look)
                say(f"{verdict}{' ' * (7 - len(verdict))}{look.what}: {said}")
            else:
                verdict = "wrong"  # not told: what it needs was
            if verdict == "wrong":
                wrong.add(look.what)
    if wrong:
        raise typer.Exit(FAILED)


def all_looks(chosen: Settings, database: Database, providers: Providers) -> Iterator[Look]:
    """All that is looked at, in order."""
    yield Look("configuration", partial(looks.configuration, chosen))
    yield Look("agency name", partial(looks.agency_name, chosen))
    yield Look("data directory", partial(looks.data_directory, chosen))
    yield Look("database", partial(looks.database, chosen, database), needs=("data directory",))
    yield Look("migrations", partial(looks.migrations, database), needs=("database",))
    yield Look("webhooks", partial(looks.webhooks, database), needs=("migrations",))
    yield Look("signing keys", partial(looks.signing_keys, chosen), needs=("data directory",))
    yield Look("signed heads", partial(looks.signed_heads, chosen, database), needs=("migrations", "signing keys"))
    yield Look("files", partial(looks.files, chosen), needs=("data directory",))
    if chosen.clamd_url:
        yield Look("virus scanner", partial(looks.scanner, chosen.clamd_url))
    if chosen.timestamp_url:
        yield Look("time stamps", partial(looks.timestamps, chosen))
    if chosen.invoice_signatures:
        yield Look("invoice signatures", partial(looks.seals, chosen))
    yield Look("mail", partial(neighbours.mail, chosen))
    yield Look("outbox", partial(looks.outbox, database), needs=("migrations",))
    for provider in providers:
        name = f"provider {provider.settings.name}"
        yield Look(name, partial(neighbours.provider, providers, provider))
        yield Look(f"clock by {name}", partial(neighbours.clock_by, providers, provider.issuer), needs=(name,))
    yield Look("staff", partial(looks.staff, chosen))
    yield Look("API", partial(neighbours.api, providers))
    yield Look("address", partial(neighbours.address, chosen, providers), needs=("signing keys",))


async def _found(look: Look) -> tuple[str, str]:
    try:
        said = await look.at()
    except (PortalError, SettingsError, DBAPIError, OSError) as error:
        return "wrong", " ".join(sentences(error))
    return "note" if isinstance(said, Note) else "right", said
