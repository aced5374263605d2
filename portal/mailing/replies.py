"""Answers to our mails: what somebody wrote, without what they quoted, kept as a remark and never as a decision.

The address that a reply goes to carries a token that only the person's own mail had; the sender must be that person's
address too. Neither is a sign-in, and a remark decides nothing.
"""

import logging
import re
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses
from html.parser import HTMLParser

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.decisions import remarks
from portal.decisions.models import DecisionRemark
from portal.decisions.workflow import LONGEST_COMMENT
from portal.errors import NotAllowed, NotFound
from portal.ledger import commands as ledger
from portal.mailing import readers
from portal.notify import links
from portal.notify.models import MailReply

MOST_BYTES = 20 * 1024 * 1024
MOST_READ = 400_000
"""Characters of a message's text that are looked at: a hundred times what a remark may have, and what stands behind
that is no answer that anybody wrote. Anybody may send us twenty megabytes of empty lines."""
MOST_A_DAY = 20
"""Remarks by mail that one person can make on one decision."""
REFUSED = "This message was not kept: it answers no mail of ours to this sender. Please write in the portal."
"""To whoever sent it, whatever the reason: it tells nobody which addresses or decisions there are."""
_TOKEN = re.compile(r"reply\+([0-9a-f]{40})@", re.IGNORECASE)
_TO = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To")
_QUOTE_BEGINS = re.compile(
    r"""^(?: \s*-{2,}\s*(?:original\ message|forwarded\ message|исходное\ сообщение|原始邮件|ursprüngliche\ nachricht)
        | _{8,}\s*$
        | -{2}\s?$
        | (?:from|von|de|от|发件人|寄件者)\s*[:：]\s.*[@<]
        | (?:on|am|le|el)\b.{0,300}(?:wrote|schrieb|a\ écrit|escribió)[^\n]{0,100}:\s*$
        | .{0,300}(?:пишет|писал|писала|написал|написала)(?:\(а\))?\s*:\s*$
        | .{0,300}写道\s*[:：]\s*$
    )""",
    re.IGNORECASE | re.VERBOSE,
)

_log = logging.getLogger("portal.mailing")


class NotKept(NotAllowed):
    """A reply that is refused; `why` is for the log and never for the sender."""

    def __init__(self, why: str) -> None:
        super().__init__(REFUSED)
        self.why = why


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody sent: the token in the address, their own address, and their words."""

    token: str
    sender: str
    text: str


def read(content: bytes, recipient: str | None = None) -> Reply | None:
    """A reply out of a message; `recipient` is the envelope's, when the mail server tells it.

    None for what a machine sent by itself (absence notes): it is no answer. Raises NotKept.
    """
    message = message_from_bytes(content[:MOST_BYTES])
    if _is_automatic(message):
        return None
    named = recipient or " ".join(str(value) for name in _TO for value in message.get_all(name, []))
    tokens = {token.lower() for token in _TOKEN.findall(named)}
    senders = [address for _, address in getaddresses([str(one) for one in message.get_all("From", [])]) if address]
    if len(tokens) != 1 or len(senders) != 1:
        raise NotKept("no single token and sender")
    return Reply(tokens.pop(), senders[0].lower(), own_words(_body(message)))


def _is_automatic(message: Message) -> bool:
    """RFC 3834, and what mail servers did before it."""
    submitted = str(message.get("Auto-Submitted", "no")).partition(";")[0].strip().lower()
    precedence = str(message.get("Precedence", "")).strip().lower()
    return (
        submitted != "no"
        or precedence in ("bulk", "junk", "list", "auto_reply")
        or message.get_content_type() == "multipart/report"
        or any(name in message for name in ("X-Autoreply", "X-Autorespond", "List-Id"))
    )


def _body(message: Message) -> str:
    """The text that somebody wrote: the first plain one, else the first HTML one as text."""
    parts = [part for part in message.walk() if part.get_content_disposition() != "attachment"]
    for kind, as_text in (("text/plain", str), ("text/html", _html_text)):
        found = next((part for part in parts if part.get_content_type() == kind), None)
        if found is not None:
            return as_text(_decoded(found)[:MOST_READ])
    return ""


def _decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:  # a character set that nobody knows
        return content.decode("utf-8", "replace")


class _Words(HTMLParser):
    """The text of HTML without what is quoted."""

    HIDDEN = frozenset({"blockquote", "style", "script", "head", "title"})
    BLOCKS = frozenset({"p", "div", "br", "li", "tr", "h1", "h2", "h3"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Hides what is quoted, and breaks lines where the page does."""
        self.hidden += tag in self.HIDDEN
        if tag in self.BLOCKS:
            self.text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """Shows again what comes after something hidden."""
        self.hidden = max(0, self.hidden - (tag in self.HIDDEN))

    def handle_data(self, data: str) -> None:
        """Keeps text that is not hidden."""
        if not self.hidden:
            self.text.append(data)


def _html_text(html: str) -> str:
    words = _Words()
    words.feed(html)
    return "".join(words.text)


def own_words(text: str) -> str:
    """What somebody wrote themselves: without quoted lines, and nothing from where the quoted mail or signature begins.

    As long as a remark may be. A mail program's "On … wrote:" may be broken over two lines.
    """
    kept: list[str] = []
    lines = "".join(map(_sign, text.replace("\r\n", "\n"))).split("\n")
    for at, line in enumerate(lines):
        both = f"{line} {lines[at + 1]}" if at + 1 < len(lines) and line.strip() else line
        if _QUOTE_BEGINS.match(line) or (re.match(r"(?i)(?:on|am|le|el)\b", line) and _QUOTE_BEGINS.match(both)):
            break
        if not line.startswith(">"):
            kept.append(line.rstrip())
    own = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()
    return own if len(own) <= LONGEST_COMMENT else own[: LONGEST_COMMENT - 2].rstrip() + " …"


def _sign(sign: str) -> str:
    """A sign of a mail as it is kept: mail programs part words by many kinds of spaces, of which none may be lost."""
    if sign.isprintable() or sign in "\n\t":
        return sign
    return " " if sign.isspace() else ""


async def take(db: AsyncSession, reply: Reply) -> DecisionRemark | None:
    """Keeps a reply as its person's remark; None when it was kept before. Raises NotKept, and logs why, not what."""
    try:
        return await _take(db, reply)
    except NotKept as refusal:
        _log.warning("A reply by mail was refused.", extra={"why": refusal.why})
        raise


async def _take(db: AsyncSession, reply: Reply) -> DecisionRemark | None:
    place = await links.reply_of(db, reply.token)
    if place is None:
        raise NotKept("unknown token")
    viewer = await readers.person(db, place.person_id)
    if viewer is None or viewer.email.lower() != reply.sender:
        raise NotKept("another sender")
    if not reply.text:
        raise NotKept("nothing written")
    try:
        # Locked before anything is asked: of the same message twice at once one is kept, with the rights of then.
        key = (await ledger.lock(db, place.project_id)).key
        scope = await readers.scope_of(db, viewer, key)
        if scope.is_staff:
            raise NotKept("staff by now")
        if await _is_known(db, place, reply.text):
            return None
        return await remarks.remark(db, scope, place.decision_number, reply.text, by_mail=True)
    except NotFound:
        raise NotKept("no member, or nothing that they may see") from None


async def _is_known(db: AsyncSession, place: MailReply, text: str) -> bool:
    """Whether the same words came before. Raises NotKept when too many came today."""
    mine = (
        DecisionRemark.project_id == place.project_id,
        DecisionRemark.decision_number == place.decision_number,
        DecisionRemark.person_id == place.person_id,
        DecisionRemark.by_mail,
        DecisionRemark.at > clock.now() - timedelta(days=1),
    )
    if await db.scalar(select(DecisionRemark.seq).where(*mine, DecisionRemark.text == text).limit(1)) is not None:
        return True
    if (await db.scalar(select(func.count()).select_from(DecisionRemark).where(*mine)) or 0) >= MOST_A_DAY:
        raise NotKept("too many in a day")
    return False
