"""Messages that came back (RFC 3464): which of our mails could not be delivered, and to whom.

Anybody can send us a message that looks like a bounce. It counts only for a mail that we sent, named by its
Message-ID, and for the very address that this mail went to.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.notify import refused
from portal.notify.models import Mail

MOST_BYTES = 20 * 1024 * 1024
MOST_RECIPIENTS = 50
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_OUR_ID = re.compile(r"<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@([^<>\s]{1,255})>")


@dataclass(frozen=True, slots=True)
class Failed:
    """An address at which delivery failed for good, with the enhanced status code of RFC 3463."""

    address: str
    status: str


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a delivery report says: the mail that it is about, and where it failed."""

    mail_id: UUID
    failed: tuple[Failed, ...]


def read(content: bytes, host: str) -> Bounce | None:
    """The report in a message about a mail of ours (`host`: of our Message-IDs); None when it is nothing like that.

    Reports of a delay are none: the mail is still on its way.
    """
    parts = list(message_from_bytes(content[:MOST_BYTES]).walk())
    failed = tuple(
        one for part in parts if part.get_content_type() == "message/delivery-status" for one in _failed(part)
    )
    mail_id = next((found for part in parts if (found := _returned_id(part, host))), None)
    return Bounce(mail_id, failed[:MOST_RECIPIENTS]) if failed and mail_id else None


def _blocks(part: Message) -> list[Message]:
    """The messages inside a part: the blocks of fields of a report, or the one message that was returned."""
    inner = part.get_payload()
    return [one for one in inner if isinstance(one, Message)] if isinstance(inner, list) else []


def _failed(report: Message) -> Iterator[Failed]:
    for block in _blocks(report):
        status = _STATUS.search(str(block.get("Status", "")))
        address = str(block.get("Original-Recipient") or block.get("Final-Recipient") or "").partition(";")[2].strip()
        if str(block.get("Action", "")).strip().lower() == "failed" and status and "@" in address:
            yield Failed(address.lower(), status[0])


def _returned_id(part: Message, host: str) -> UUID | None:
    """The Message-ID of our mail, from the copy of it, or of its headers, that the report returns."""
    if part.get_content_type() == "text/rfc822-headers":
        text = part.get_payload(decode=True)
        headers = text.decode("utf-8", "replace") if isinstance(text, bytes) else ""
        named = re.search(r"(?im)^message-id:\s*(<[^>]*>)", headers)
        said = named[1] if named else ""
    elif part.get_content_type() == "message/rfc822":
        said = next((str(inner.get("Message-ID", "")) for inner in _blocks(part)), "")
    else:
        return None
    found = _OUR_ID.search(said)
    return UUID(found[1]) if found and found[2].lower() == host.lower() else None


async def record(db: AsyncSession, bounce: Bounce) -> list[str]:
    """Writes down the addresses that a report names and its mail went to; returns them."""
    mail = await db.scalar(select(Mail).where(Mail.id == bounce.mail_id))
    if mail is None:
        return []
    failed = [one for one in bounce.failed if one.address == mail.recipient.lower()]
    for one in failed[:1]:  # one mail has one address, however often a report names it
        await refused.record(db, one.address, "bounce", one.status)
    return [one.address for one in failed[:1]]
