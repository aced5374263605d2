"""What every command stands on: settings, database, who acts, and how an outcome becomes words and an exit code.

Exit codes: 0 done; 1 refused or failed, with a sentence on standard error; 2 the command line itself is wrong;
3 `verify` found broken evidence.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import typer
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from portal import migrate, settings
from portal.access import SYSTEM, StaffRole, Viewer
from portal.access.models import Membership
from portal.db import Database
from portal.errors import Invalid, NotFound, PortalError
from portal.ledger.keys import SigningKeys, open_keys
from portal.people.models import Person
from portal.settings import Settings, SettingsError

FAILED = 1
BROKEN = 3

T = TypeVar("T")

As = Annotated[
    str | None,
    typer.Option("--as", metavar="EMAIL", help="Whom the ledger names for this; by default the portal itself."),
]
Key = Annotated[str, typer.Option("--project", metavar="KEY", help="The project's key, such as BRIDGE.")]


def command(app: typer.Typer, name: str | None = None, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Adds a command whose expected refusals end with a sentence and exit code 1."""

    def add(work: Callable[..., Any]) -> Callable[..., Any]:
        return app.command(name, **options)(guarded(work))

    return add


def guarded(work: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, with every expected refusal told on standard error and exit code 1."""
    from functools import wraps

    @wraps(work)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            result = work(*args, **kwargs)
            return asyncio.run(result) if isinstance(result, Coroutine) else result
        except BrokenPipeError as error:  # whoever read our lines has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(FAILED) from error
        except (PortalError, SettingsError, DBAPIError, OSError) as error:
            for sentence in sentences(error):
                typer.echo(sentence, err=True)
            raise typer.Exit(FAILED) from error

    return run


def sentences(error: Exception) -> list[str]:
    """What to tell of a refusal: one sentence a fault, with the field and value where they are known."""
    match error:
        case Invalid() if error.problems:
            return [_told(message, field, value) for field, message, value in error.problems]
        case PortalError():
            return [_told(error.message, error.field, error.value)]
        case DBAPIError():
            return [f"The database refused: {str(error.orig).splitlines()[0]}. Nothing was changed."]
        case ConnectionError() | socket.gaierror() if "bind" not in str(error):
            return [f"The database cannot be reached: {error.strerror or type(error).__name__}."]
        case OSError():
            return [f"{error.strerror or type(error).__name__}: {error.filename or ''}".rstrip(": ")]
    return str(error).splitlines()


def _told(message: str, field: str | None, value: Any) -> str:
    where = f"{field}: " if field else ""
    given = "" if value is None or str(value) in message else f" (given: {value!s:.200})"
    return f"{where}{message}{given}"


def load() -> Settings:
    """The settings from the environment. Raises SettingsError with a sentence for each fault."""
    return settings.load()


def host_of(chosen: Settings) -> str:
    """How signed heads name this portal: host, and port if there is one."""
    return urlsplit(chosen.base_url).netloc


def keys_of(chosen: Settings) -> SigningKeys:
    """The portal's signing keys; makes the first one."""
    return open_keys(chosen.keys_dir, host_of(chosen))


@asynccontextmanager
async def opened(chosen: Settings, *, checked: bool = True) -> AsyncIterator[Database]:
    """The database, closed at the end. Raises Conflict when its tables are not this release's (if `checked`)."""
    database = Database(chosen.database)
    try:
        if checked:
            migrate.make_room(database.url)
            async with database.read() as db:
                await migrate.require_head(db)
        yield database
    finally:
        await database.dispose()


async def viewer_for(db: AsyncSession, email: str | None) -> Viewer:
    """Who acts: the portal itself, or the person with this verified address.

    A person who is a member of a project acts with a client's eyes; anybody else with an address here is the
    agency's, and whoever can run this command may do all that staff may. Raises NotFound, Invalid when two have it.
    """
    if email is None:
        return SYSTEM
    people = (await db.scalars(select(Person).where(Person.email == email.lower(), Person.disabled_at.is_(None)))).all()
    if not people:
        raise NotFound("Nobody with this address has signed in yet.", field="--as", value=email)
    if len(people) > 1:
        raise Invalid("Several people have this address.", field="--as", value=email)
    person = people[0]
    side = "person" if await _is_client(db, person.id) else "staff"
    staff = frozenset(StaffRole) if side == "staff" else frozenset[StaffRole]()
    return Viewer("person", f"{side}:{person.id}", person.id, person.name, person.email, person.locale, staff)


async def _is_client(db: AsyncSession, person_id: UUID) -> bool:
    statement = select(Membership.person_id).where(Membership.person_id == person_id).limit(1)
    return await db.scalar(statement.execution_options(cross_project="whether somebody is a client at all")) is not None


def say(line: str = "") -> None:
    """A line on standard output."""
    typer.echo(line)


def is_terminal() -> bool:
    """Whether somebody watches: progress bars are for people, plain lines for logs."""
    return sys.stderr.isatty()
