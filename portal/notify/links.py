"""What mails lead to: leaving a list, one page once, the place of a reply. No token lies in the database.

Tokens are made from the secret key: at each try to send a mail they come out the same, and whoever reads the database
can use none of them.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.notify.models import MailLink, MailReply
from portal.notify.rules import Topic
from portal.settings import Settings

KEPT = timedelta(days=60)
"""How long a link leads to its page, and a reply is taken."""
MAC_BYTES = 16
REPLY_BYTES = 20
_TOPICS = {Topic.ASKED: b"a", Topic.NEWS: b"n"}


class Purpose(StrEnum):
    """What a token is good for: none serves for anything else."""

    LEAVE = "leave a list"
    OPEN = "open a page"
    REPLY = "reply"


def _mac(settings: Settings, purpose: Purpose, message: bytes) -> bytes:
    key = settings.secret_key.get_secret_value().encode()
    return hmac.digest(key, b"portal mail: " + purpose.encode() + b"\0" + message, "sha256")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def leave_token(settings: Settings, person_id: UUID, topic: Topic) -> str:
    """The signed token by which a person leaves a list without signing in (RFC 8058)."""
    payload = person_id.bytes + _TOPICS[topic]
    sealed = payload + _mac(settings, Purpose.LEAVE, payload)[:MAC_BYTES]
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def read_leave_token(settings: Settings, token: str) -> tuple[UUID, Topic] | None:
    """Who leaves which list; None for a token that is not ours."""
    try:
        sealed = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    payload, mac = sealed[:-MAC_BYTES], sealed[-MAC_BYTES:]
    if not hmac.compare_digest(_mac(settings, Purpose.LEAVE, payload)[:MAC_BYTES], mac):
        return None
    topic = next((one for one, letter in _TOPICS.items() if letter == payload[16:]), None)
    return (UUID(bytes=payload[:16]), topic) if topic else None


def open_token(settings: Settings, mail_id: UUID) -> str:
    """The token of the link in a mail: 256 bits."""
    return base64.urlsafe_b64encode(_mac(settings, Purpose.OPEN, mail_id.bytes)).rstrip(b"=").decode()


def reply_token(settings: Settings, mail_id: UUID) -> str:
    """The token in the address that a mail is answered to; in letters that no mail server folds together."""
    return _mac(settings, Purpose.REPLY, mail_id.bytes)[:REPLY_BYTES].hex()


def add_link(db: AsyncSession, settings: Settings, mail_id: UUID, person_id: UUID, path: str) -> None:
    """Lets the link in a mail lead its person to a page of the portal, once."""
    token_hash = _hash(open_token(settings, mail_id))
    until = clock.now() + KEPT
    db.add(MailLink(token_hash=token_hash, person_id=person_id, path=path, expires_at=until, used_at=None))


def add_reply(
    db: AsyncSession, settings: Settings, mail_id: UUID, person_id: UUID, project_id: UUID, decision_number: int
) -> None:
    """Lets the answer to a mail become its person's remark on a decision."""
    db.add(
        MailReply(
            token_hash=_hash(reply_token(settings, mail_id)), person_id=person_id, project_id=project_id,
            decision_number=decision_number, expires_at=clock.now() + KEPT,
        )
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of a link: where it leads, or that it was used up. Neither: it is not this person's, or nobody's."""

    path: str | None = None
    is_spent: bool = False


async def open_link(db: AsyncSession, person_id: UUID | None, token: str) -> Opened:
    """Follows a link as the person who is signed in: the first time it leads on, and never again."""
    mine = (MailLink.token_hash == _hash(token), MailLink.person_id == person_id)
    now = clock.now()
    unused = (*mine, MailLink.used_at.is_(None), MailLink.expires_at > now)
    path = await db.scalar(update(MailLink).where(*unused).values(used_at=now).returning(MailLink.path))
    if path is not None:
        return Opened(path)
    return Opened(is_spent=await db.scalar(select(MailLink.path).where(*mine)) is not None)


async def reply_of(db: AsyncSession, token: str) -> MailReply | None:
    """Where a reply belongs; None for an unknown token or one that is too old."""
    statement = select(MailReply).where(MailReply.token_hash == _hash(token), MailReply.expires_at > clock.now())
    return await db.scalar(statement.execution_options(cross_project="the token of one mail names the project"))
