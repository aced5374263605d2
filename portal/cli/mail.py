"""`portal mail`: what comes back by mail, piped in by the mail server; and a mail to try out the way."""

import sys
from typing import Annotated
from urllib.parse import urlsplit

import typer
from sqlalchemy.exc import DBAPIError

from portal.cli.frame import command, load, opened, say
from portal.errors import Unavailable
from portal.mailing import replies
from portal.notify import bounces, trial
from portal.settings import Settings

LATER = 75
"""sysexits.h EX_TEMPFAIL: the mail server keeps the message and tries again."""
MOST_BYTES = 25 * 1024 * 1024

mail_app = typer.Typer(
    help="Mail that comes back, piped in by the mail server; and one to try it out.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    command(mail_app)(test)
    command(mail_app)(bounce)
    command(mail_app)(reply)
    app.add_typer(mail_app, name="mail")


async def test(address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Such as ada@agency.example.")]) -> None:
    """Send one mail at once, as the settings say, and tell what the mail server says to it."""
    say(await trial.send(load(), address))


def _message() -> bytes:
    return sys.stdin.buffer.read(MOST_BYTES)


async def bounce() -> None:
    """Write down the addresses of a delivery report (RFC 3464) on standard input. Anything else is let pass."""
    settings = load()
    try:
        report = bounces.read(_message(), urlsplit(settings.base_url).hostname or "localhost")
    except (ValueError, RecursionError):  # whatever strangers send, a bounce is never answered by a bounce
        report = None
    refused = await _record(settings, report) if report else []
    say(f"Addresses refused: {len(refused)}.")


async def _record(settings: Settings, report: bounces.Bounce) -> list[str]:
    try:
        async with opened(settings) as database, database.write() as db:
            return await bounces.record(db, report)
    except (Unavailable, DBAPIError, OSError) as error:
        raise typer.Exit(LATER) from error


async def reply(
    to: Annotated[
        str | None, typer.Option("--to", metavar="ADDRESS", help="The envelope's recipient, where the server tells it.")
    ] = None,
) -> None:
    """Keep an answer to a mail about a decision, on standard input, as its sender's remark."""
    settings = load()
    try:
        found = replies.read(_message(), to)
    except (ValueError, RecursionError):
        raise replies.NotKept("unreadable") from None
    if found is None:
        say("An automatic message: nothing was kept.")
        return
    try:
        async with opened(settings) as database, database.write() as db:
            kept = await replies.take(db, found)
    except (Unavailable, DBAPIError, OSError) as error:
        raise typer.Exit(LATER) from error
    say("Kept as a remark." if kept else "Kept before.")
