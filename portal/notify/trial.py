"""Trying out the way of mails: is the mail server there, does it encrypt and know us, does a mail leave? In sentences.

For the command line alone; what the outbox meets it writes down by itself.
"""

import asyncio
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from portal import clock
from portal.errors import Invalid, Unavailable
from portal.notify.compose import one_line
from portal.notify.deliver import PORTS, connection, delivery
from portal.notify.outbox import AddressRefused
from portal.settings import Settings

if TYPE_CHECKING:
    import aiosmtplib

PATIENCE_SECONDS = 10.0
"""For the whole talk with the mail server."""
MOST_SAID = 200
"""Characters of what a mail server says that are shown."""


@dataclass(frozen=True, slots=True)
class Greeted:
    """A mail server that answered: `host:port`, and how."""

    place: str
    is_encrypted: bool
    user: str | None

    @property
    def manner(self) -> str:
        """In words."""
        login = f"takes the log-in of {self.user}" if self.user else "without a log-in"
        return f"{'encrypted' if self.is_encrypted else 'NOT encrypted'}, {login}"


async def greet(address: str) -> Greeted:
    """Reaches the server of `smtp_url`, encrypts, signs in and leaves; no mail is sent.

    Raises Unavailable, saying what went wrong and never the password, after ten seconds at the latest.
    """
    place = _place(address)
    with _in_words(place):
        async with asyncio.timeout(PATIENCE_SECONDS), connection(address, PATIENCE_SECONDS) as server:
            await server.noop()
            is_encrypted = server.get_transport_info("sslcontext") is not None
    user = urlsplit(address).username
    return Greeted(place, is_encrypted, unquote(user) if user else None)


async def send(settings: Settings, recipient: str) -> str:
    """Sends one mail at once, past the outbox, and says where it went. Raises Invalid for an address that is none, and
    Unavailable as `greet` does.
    """
    message = letter(settings, recipient)
    if settings.smtp_url is None:
        await delivery(settings)(message)
        folder = settings.mail_folder or settings.data_dir / "mail"
        return f"PORTAL_SMTP_URL is not set: the mail lies in {folder}, and none leaves."
    place = _place(settings.smtp_url.get_secret_value())
    with _in_words(place):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await delivery(settings)(message)
    return f"{place} took the mail to {recipient} from {settings.mail_from}."


def letter(settings: Settings, recipient: str) -> EmailMessage:
    """The mail that is sent to try it out. Raises Invalid for an address that is none."""
    made = EmailMessage(policy=SMTP)
    try:
        made["To"] = Address(addr_spec=recipient)
    except (ValueError, IndexError) as error:
        raise Invalid("An address is needed, such as ada@agency.example.", field="ADDRESS", value=recipient) from error
    made["From"] = Address(one_line(settings.agency_name), addr_spec=settings.mail_from)
    made["Subject"] = f"{one_line(settings.agency_name)}: a mail to try it out"
    made["Date"] = format_datetime(clock.now())
    made["Message-ID"] = f"<{uuid4()}@{urlsplit(settings.base_url).hostname}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(
        f"Mail from the portal arrives. Links in its mails lead to {settings.base_url}\n\n"
        "An administrator sent this by `portal mail test`.\n"
    )
    return made


def _place(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.hostname}:{parts.port or PORTS[parts.scheme]}"


@contextmanager
def _in_words(place: str) -> Iterator[None]:
    """What a mail server or the way to it does, as Unavailable with a sentence."""
    import aiosmtplib

    try:
        yield
    except AddressRefused as refused:
        raise Unavailable(f"{place} refuses {refused.address} for ever ({refused.status}).") from None
    except aiosmtplib.SMTPAuthenticationError as error:
        raise Unavailable(f"{place} refuses the user name or the password: {_said(error)}.") from None
    except aiosmtplib.SMTPResponseException as error:
        raise Unavailable(f"{place} refuses: {_said(error)}.") from None
    except TimeoutError:
        form = "587 is for smtp://, 465 for smtps://"
        raise Unavailable(
            f"{place} did not answer within {PATIENCE_SECONDS:g} s: is it the right port ({form})?"
        ) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise Unavailable(f"{place} {_fault(error)}.") from None


def _said(error: "aiosmtplib.SMTPResponseException") -> str:
    return f"{error.code} {one_line(error.message)[:MOST_SAID]}".rstrip(" .")


def _fault(error: Exception) -> str:
    match error.__cause__ or error:
        case ssl.SSLCertVerificationError() as wrong:
            return f"shows a certificate that is not believed: {wrong.verify_message.rstrip('.')}"
        case ssl.SSLError() as wrong:
            return (
                f"does not encrypt as it should ({wrong.reason}): smtps:// encrypts from the first byte, smtp:// later"
            )
        case OSError(errno=int(number)) as wrong:
            return f"cannot be reached: {os.strerror(number) if number > 0 else wrong.strerror}"
    return f"does not do its part: {one_line(str(error))[:MOST_SAID]}".rstrip(".")
