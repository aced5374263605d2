"""`portal check`: whether all that the portal stands on is right; one line each, exit code 1 when something is not."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import typer
from sqlalchemy.exc import DBAPIError

from portal import clock, migrate, wall
from portal.access import SYSTEM
from portal.billing.seals import open_seals
from portal.cli.frame import FAILED, command, keys_of, load, opened, say, sentences
from portal.db import Database
from portal.errors import Conflict, PortalError
from portal.files import intake, scanner
from portal.files.store import open_store
from portal.identity.fetch import ProviderFault
from portal.identity.providers import Issuer, Providers
from portal.notify.webhooks import queries as webhooks
from portal.notify.webhooks.rules import BY_HAND
from portal.settings import Settings, SettingsError


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    command(app)(check)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `fault` is None when it is right."""

    what: str
    is_right: bool
    detail: str


async def check() -> None:
    """Look at configuration, database, migrations, signing keys, files, virus scanner and sign-in providers."""
    try:
        chosen = load()
    except SettingsError as error:
        for sentence in sentences(error):
            say(f"wrong  configuration: {sentence}")
        raise typer.Exit(FAILED) from error
    say(f"right  configuration: {chosen.base_url}, {chosen.environment}")
    faults = 0
    async for finding in findings(chosen):
        say(f"{'right' if finding.is_right else 'wrong'}  {finding.what}: {finding.detail}")
        faults += not finding.is_right
    if faults:
        raise typer.Exit(FAILED)


async def findings(chosen: Settings) -> AsyncIterator[Finding]:
    """All that was looked at, in order."""
    async with opened(chosen, checked=False) as database:
        yield await _found("database", lambda: _database(database))
        yield (migrations := await _found("migrations", lambda: _migrations(database)))
        if migrations.is_right:
            yield await _found("webhooks", lambda: _webhooks(database))
    yield await _found("signing keys", lambda: _keys(chosen))
    yield await _found("files", lambda: _files(chosen))
    if chosen.clamd_url:
        yield await _found("virus scanner", lambda: _scanner(chosen.clamd_url))
    if chosen.timestamp_url:
        yield await _found("time stamps", lambda: _timestamps(chosen))
    if chosen.invoice_signatures:
        yield await _found("invoice signatures", lambda: _seals(chosen))
    async with Providers(chosen) as providers:
        for provider in providers:
            yield await _found(f"provider {provider.settings.name}", lambda one=provider.issuer: _issuer(one))  # type: ignore[misc]
        if providers.api is not None:
            yield await _found("API token issuer", lambda: _issuer(providers.api))  # type: ignore[arg-type]


async def _found(what: str, look: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return Finding(what, True, await look())
    except ProviderFault as error:
        return Finding(what, False, str(error))
    except (PortalError, SettingsError, DBAPIError, OSError) as error:
        return Finding(what, False, " ".join(sentences(error)))


async def _database(database: Database) -> str:
    async with database.read() as db:
        await migrate.current(db)
        if database.is_sqlite:
            return "SQLite"
        walled = await wall.holds(db)
    return f"PostgreSQL, {'with' if walled else 'without'} row-level security"


async def _timestamps(chosen: Settings) -> str:
    from portal.ledger.timestamps import read_roots

    assert chosen.timestamp_certificates is not None  # the settings refuse an address without them
    return f"{chosen.timestamp_url}, {len(read_roots(chosen.timestamp_certificates))} certificates"


async def _seals(chosen: Settings) -> str:
    """Who signs, and until when. Raises SettingsError and Conflict for what could not sign today."""
    found = open_seals(chosen).by_issuer
    for seal in found.values():
        seal.require_valid(clock.now())
    return "; ".join(f"{code} by {seal.name} until {seal.ends_at:%Y-%m-%d}" for code, seal in found.items())


async def _migrations(database: Database) -> str:
    async with database.read() as db:
        await migrate.require_head(db)
    return migrate.head()


async def _webhooks(database: Database) -> str:
    """How many there are. Raises Conflict, naming them, for those that were given up."""
    async with database.read() as db:
        found = await webhooks.endpoints(db, SYSTEM)
    lost = [f"{one.name} ({one.disabled_reason})" for one in found if one.disabled_reason not in (None, BY_HAND)]
    if lost:
        raise Conflict(f"Switched off after failures: {'; '.join(lost)}.")
    return f"{sum(one.disabled_at is None for one in found)} in use"


async def _keys(chosen: Settings) -> str:
    keys = keys_of(chosen)
    return f"{keys.current.kid} in use, {len(keys.retired)} retired"


async def _files(chosen: Settings) -> str:
    store = open_store(chosen)
    await store.probe()
    return str(store.folder) if store.folder else chosen.files_url


async def _scanner(address: str) -> str:
    await scanner.scan(address, intake.once(b"Is anybody there?"))
    return f"{address} answers"


async def _issuer(issuer: Issuer) -> str:
    await issuer.metadata()
    keys = await issuer.keys_for(None)
    return f"{issuer.issuer} answers" + ("" if keys else " without keys")
