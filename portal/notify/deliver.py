"""The ways out of the outbox: a mail server, or a folder where each mail is a file."""

import asyncio
import os
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from portal.notify import refused
from portal.notify.outbox import AddressRefused, Deliver
from portal.settings import Settings

if TYPE_CHECKING:
    import aiosmtplib

TIMEOUT_SECONDS = 30
"""For each thing that a mail server is asked."""
TALK_SECONDS = 90
"""For the whole talk: a server that answers each line just in time would hold a mail beyond its lease."""
NOT_LET_IN = (530, 535)
"""Replies of a server that refuses us, whomever we write to; one that says why begins with refused.POLICY."""
PORTS = {"smtp": 587, "smtps": 465}


def delivery(settings: Settings) -> Deliver:
    """How this portal sends mail: by `smtp_url` if it is set, else into `mail_folder` (default: data_dir/mail)."""
    if settings.smtp_url is not None:
        return by_smtp(settings.smtp_url.get_secret_value())
    return into_folder(settings.mail_folder or settings.data_dir / "mail")


def into_folder(folder: Path) -> Deliver:
    """Writes each mail as `<its id>.eml`; the same mail sent twice is one file."""

    async def deliver(message: EmailMessage) -> None:
        os.makedirs(folder, exist_ok=True)
        name = str(message["Message-ID"]).strip("<>").partition("@")[0]
        unfinished = folder / f".{name}.part"
        unfinished.write_bytes(bytes(message))
        os.replace(unfinished, folder / f"{name}.eml")

    return deliver


def by_smtp(address: str) -> Deliver:
    """Sends through the mail server of `smtp_url`."""

    async def deliver(message: EmailMessage) -> None:
        import aiosmtplib  # here: a portal that mails into a folder never needs it

        is_taken = False
        try:
            async with asyncio.timeout(TALK_SECONDS), connection(address) as server:
                await server.send_message(message)
                is_taken = True
        except aiosmtplib.SMTPRecipientsRefused as answer:
            one = answer.recipients[0]  # a mail has one
            if 500 <= one.code < 600 and one.code not in NOT_LET_IN and not one.message.startswith(refused.POLICY):
                raise AddressRefused(one.recipient, str(one.code)) from None
            raise one from None
        except Exception:
            if not is_taken:  # how it says goodbye is no reason to send the mail once more
                raise

    return deliver


def connection(address: str, timeout: float = TIMEOUT_SECONDS) -> "aiosmtplib.SMTP":
    """To the server of `smtp://user:password@host:587` (STARTTLS whenever a password is sent, or offered) or `smtps://…`:
    entered, it has encrypted and signed in. `timeout` in seconds is for each thing that the server is asked.
    """
    import aiosmtplib

    parts = urlsplit(address)
    password = unquote(parts.password) if parts.password else None
    return aiosmtplib.SMTP(
        hostname=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        username=unquote(parts.username) if parts.username else None,
        password=password,
        use_tls=parts.scheme == "smtps",
        # With a password in hand, never in the clear: True refuses a server that does not offer STARTTLS.
        start_tls=None if parts.scheme == "smtps" or password is None else True,
        timeout=timeout,
    )
