"""What `portal check` looks at.

Each look says in words what is right, or what works and is worth knowing (`Note`); for what is wrong it raises
PortalError, SettingsError, DBAPIError or OSError.
"""

import os
import pwd
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from portal import clock, migrate, wall
from portal.access import SYSTEM
from portal.billing.seals import open_seals
from portal.cli.frame import keys_of
from portal.db import Database
from portal.errors import Conflict, Invalid
from portal.files import intake
from portal.files import scanner as virus_scanner
from portal.files.store import open_store
from portal.ledger import checkpoint
from portal.ledger.models import LedgerHead
from portal.notify import outbox as mails
from portal.notify.webhooks import queries as endpoints
from portal.notify.webhooks.rules import BY_HAND
from portal.settings import Settings, is_loopback


class Note(str):
    """What is found works; but whoever installed it may not know what it means."""


@dataclass(frozen=True, slots=True)
class Look:
    """One thing to look at. When one of those that it needs is wrong, it is not looked at."""

    what: str
    at: Callable[[], Awaitable[str]]
    needs: tuple[str, ...] = ()


async def configuration(chosen: Settings) -> str:
    """Where people reach the portal. That the settings can be read at all was seen before."""
    said = f"{chosen.base_url}, {chosen.environment}"
    if chosen.environment == "production" and is_loopback(chosen.base_url):
        return Note(f"{said}: PORTAL_BASE_URL leads to this machine itself, so nobody else can open its links.")
    return said


async def agency_name(chosen: Settings) -> str:
    """How pages and mails call the agency."""
    if chosen.agency_name == Settings.model_fields["agency_name"].default:
        return Note(f"PORTAL_AGENCY_NAME is not set: pages and mails call you “{chosen.agency_name}”.")
    return chosen.agency_name


async def data_directory(chosen: Settings) -> str:
    """Whether the service can write there, and strangers cannot read."""
    path = chosen.data_dir.resolve()
    there = next(one for one in (path, *path.parents) if one.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise Conflict(f"{_name(os.geteuid())} may not write into {there}.")
    owner = there.stat().st_uid
    if there == path and os.geteuid() == 0 != owner:
        raise Conflict(
            f"{path} belongs to {_name(owner)}, and this runs as root: the service could not read what it makes. "
            f"Run every command as {_name(owner)}."
        )
    if chosen.environment == "production" and not chosen.data_dir.is_absolute():
        return Note(f"{path}, because this runs in {Path.cwd()}: give PORTAL_DATA_DIR a full path.")
    if there == path and path.stat().st_mode & 0o007:
        return Note(f"{path} can be read by everybody on this machine: chmod 700 it.")
    return str(path)


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:  # in a container users need no names
        return f"user {user}"


async def database(chosen: Settings, opened: Database) -> str:
    """Which database answers, and whether it keeps projects apart by itself. Makes none."""
    if _is_absent(opened):
        raise Conflict("There is none yet: run `portal migrate`.")
    async with opened.read() as db:
        await migrate.current(db)
        if opened.is_sqlite:
            return "SQLite"
        if not await wall.holds(db):
            return Note("PostgreSQL, without row-level security: one role owns the tables and serves.")
    if chosen.migration_database_url:
        return Note(
            "PostgreSQL, with row-level security. PORTAL_MIGRATION_DATABASE_URL is for `portal migrate` alone: "
            "what serves must not have it."
        )
    return "PostgreSQL, with row-level security"


def _is_absent(opened: Database) -> bool:
    """Whether there is no file yet: SQLite would make one."""
    return opened.is_sqlite and not Path(opened.url.partition(":///")[2]).exists()


async def migrations(database: Database) -> str:
    """The revision of the tables, which is this release's."""
    async with database.read() as db:
        await migrate.require_head(db)
    return migrate.head()


async def webhooks(database: Database) -> str:
    """How many there are. Raises Conflict, naming them, for those that were given up."""
    async with database.read() as db:
        found = await endpoints.endpoints(db, SYSTEM)
    lost = [f"{one.name} ({one.disabled_reason})" for one in found if one.disabled_reason not in (None, BY_HAND)]
    if lost:
        raise Conflict(f"Switched off after failures: {'; '.join(lost)}.")
    return f"{sum(one.disabled_at is None for one in found)} in use"


async def signing_keys(chosen: Settings) -> str:
    """The key in use; makes the first one."""
    keys = keys_of(chosen)
    return (
        f"{keys.current.kid} in use, {len(keys.retired)} retired; back up {chosen.keys_dir}, the database has no copy"
    )


async def signed_heads(chosen: Settings, database: Database) -> str:
    """Whether the keys belong to the database: a restored one may have been left without its own."""
    newest = select(LedgerHead.checkpoint).order_by(LedgerHead.at.desc()).limit(1)
    async with database.read() as db:
        note = await db.scalar(newest.execution_options(cross_project="whether the keys here are this database's"))
    if note is None:
        return "none yet"
    try:
        return f"the newest is of {checkpoint.verify(note, keys_of(chosen).public).size} events, by a key that is here"
    except Invalid as error:
        raise Conflict(
            f"The newest one cannot be checked by the keys in {chosen.keys_dir}: put back the folder that belongs to "
            f"this database. {error.message}"
        ) from error


async def files(chosen: Settings) -> str:
    """Where files lie; something was written there and read."""
    store = open_store(chosen)
    await store.probe()
    return str(store.folder) if store.folder else chosen.files_url


async def scanner(address: str) -> str:
    """Whether the virus scanner scans."""
    await virus_scanner.scan(address, intake.once(b"Is anybody there?"))
    return f"{address} answers"


async def timestamps(chosen: Settings) -> str:
    """Whether the certificates can be read; the authority itself is not asked."""
    from portal.ledger.timestamps import read_roots

    assert chosen.timestamp_certificates is not None  # the settings refuse an address without them
    return f"{chosen.timestamp_url}, {len(read_roots(chosen.timestamp_certificates))} certificates"


async def seals(chosen: Settings) -> str:
    """Who signs, and until when. Raises SettingsError and Conflict for what could not sign today."""
    found = open_seals(chosen).by_issuer
    for seal in found.values():
        seal.require_valid(clock.now())
    return "; ".join(f"{code} by {seal.name} until {seal.ends_at:%Y-%m-%d}" for code, seal in found.items())


async def outbox(database: Database) -> str:
    """Raises Conflict when mails wait that should have left."""
    async with database.read() as db:
        stuck = await mails.stuck(db)
    if not stuck.number:
        return "nothing waits that should have left"
    why = f"the last try ended with {stuck.error}" if stuck.error else "nobody has tried: does `portal serve` run?"
    since = f"{stuck.since:%Y-%m-%d %H:%M} UTC"
    raise Conflict(f"{stuck.number} wait that should have left, the first since {since}; {why}")


async def staff(chosen: Settings) -> str:
    """Whether anybody who signs in can be staff."""
    groups = sorted({group for one in chosen.oidc_providers for group in one.staff_groups})
    if not groups:
        return Note(
            "No provider in PORTAL_OIDC_PROVIDERS has staff_groups: whoever signs in is a client or a stranger."
        )
    return f"whoever is in {', '.join(groups)}"
