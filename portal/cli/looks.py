"""What `portal check` looks at. Each look says in words what is right, or what works and is worth knowing (`Note`);

it raises PortalError, SettingsError, DBAPIError or OSError for what is wrong.
"""

import os
import pwd
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

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
from portal.identity import fetch
from portal.identity.fetch import ProviderFault
from portal.identity.providers import Issuer, Providers
from portal.identity.tokens import LEEWAY_SECONDS
from portal.ledger import checkpoint
from portal.ledger.models import LedgerHead
from portal.notify import outbox as mails
from portal.notify import trial
from portal.notify.webhooks import queries as endpoints
from portal.notify.webhooks.rules import BY_HAND
from portal.settings import Settings, SettingsError, is_loopback


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
    """Which database answers, and whether it keeps projects apart by itself."""
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


async def mail(chosen: Settings) -> str:
    """Whether mails can leave, from whom, and where their links lead. Sends none."""
    if chosen.smtp_url is None:
        folder = chosen.mail_folder or chosen.data_dir / "mail"
        return Note(f"PORTAL_SMTP_URL is not set, so no mail leaves; what would be sent is written into {folder}.")
    if chosen.mail_from.endswith("@localhost") and not is_loopback(chosen.base_url):
        raise SettingsError(f"PORTAL_MAIL_FROM is {chosen.mail_from}: mail servers elsewhere refuse such a sender.")
    greeted = await trial.greet(chosen.smtp_url.get_secret_value())
    said = f"{greeted.place} answers, {greeted.manner}; from {chosen.mail_from}, with links to {chosen.base_url}"
    return said if greeted.is_encrypted or is_loopback(f"//{greeted.place}") else Note(said)


async def outbox(database: Database) -> str:
    """Raises Conflict when mails wait that should have left."""
    async with database.read() as db:
        stuck = await mails.stuck(db)
    if not stuck.number:
        return "nothing waits that should have left"
    why = f"the last try ended with {stuck.error}" if stuck.error else "nobody has tried: does `portal serve` run?"
    raise Conflict(f"{stuck.number} mails wait, the first since {stuck.since:%Y-%m-%d %H:%M} UTC; {why}")


async def issuer(issuer: Issuer) -> str:
    """Whether its discovery document and its keys can be had."""
    await issuer.metadata()
    keys = await issuer.keys_for(None)
    return f"{issuer.issuer} answers" + ("" if keys else " without keys")


async def clock_by(providers: Providers, issuer: Issuer) -> str:
    """Whether this machine's clock and the provider's agree as far as sign-ins need it."""
    answer = await providers.http.get(issuer.discovery_address)
    try:
        ahead = clock.now() - parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return Note(f"{urlsplit(issuer.issuer).netloc} does not say what time it is.")
    if abs(ahead) >= timedelta(seconds=LEEWAY_SECONDS):
        way = "ahead of" if ahead > timedelta() else "behind"
        raise Conflict(
            f"This machine's clock is {abs(ahead).total_seconds():.0f} s {way} the provider's: from {LEEWAY_SECONDS} s "
            "on sign-ins are refused. Set it by NTP."
        )
    return f"agrees within {LEEWAY_SECONDS} s"


async def staff(chosen: Settings) -> str:
    """Whether anybody who signs in can be staff."""
    groups = sorted({group for one in chosen.oidc_providers for group in one.staff_groups})
    if not groups:
        return Note(
            "No provider in PORTAL_OIDC_PROVIDERS has staff_groups: whoever signs in is a client or a stranger."
        )
    return f"whoever is in {', '.join(groups)}"


async def api(providers: Providers) -> str:
    """Whose access tokens open the API."""
    if providers.api is None:
        return Note("PORTAL_API_ISSUER is not set: the API refuses every call.")
    return await issuer(providers.api)


async def address(chosen: Settings, providers: Providers) -> str:
    """Whether the portal's own address leads to the portal with this data directory."""
    try:
        answer = await providers.http.get(f"{chosen.base_url}/.well-known/portal-keys.json")
    except ProviderFault as fault:
        return Note(f"{fault.message} That is no fault before `portal serve` and the proxy in front of it run.")
    if answer.status_code == 421:
        raise Conflict(f"The proxy at {chosen.base_url} does not hand on the Host that it was asked for.")
    served = fetch.json_object(answer, "the portal's keys")
    if keys_of(chosen).jwks() != served:
        raise Conflict(
            f"The portal at {chosen.base_url} has other keys than {chosen.keys_dir}: it runs with other settings than "
            "this command, or has not been restarted since the keys were changed."
        )
    return f"{chosen.base_url} leads to this portal"
