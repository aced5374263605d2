"""The tables of mail: what is to be sent, what people wish to be told, which addresses refuse, links in mails."""

from datetime import datetime, time
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime


class Mail(Base):
    """One mail to one address. Its id makes the Message-ID, so that a second try is recognised as the same mail."""

    __tablename__ = "mail_outbox"
    __table_args__ = (
        CheckConstraint("sent_at IS NULL OR failed_at IS NULL", name="ends_once"),
        Index("ix_mail_outbox_due", "ended", "due_at"),
        Index("uq_mail_outbox_dedupe_key", "dedupe_key", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    recipient: Mapped[str]
    locale: Mapped[str]
    template: Mapped[str]
    context: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    due_at: Mapped[datetime] = mapped_column(UtcDateTime())
    """When to try next; while a sender works on it, when its lease ends."""
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    ended: Mapped[bool] = mapped_column(default=False)
    """Sent or given up: the index on what is due need not look at it again."""
    dedupe_key: Mapped[str | None]
    """Names the person and the event that the mail is for: there is one mail of a key at most."""
    person_id: Mapped[UUID | None]
    """Whom it is for, when it is somebody who has signed in; before it leaves they are asked for again."""
    topic: Mapped[str | None]
    """Which of the person's wishes it goes by (rules.Topic); None: an answer to an act, such as an invitation."""


class NotifyPreference(Base):
    """What a person wishes to be told, and when. What is empty was never chosen; rules.py has the defaults."""

    __tablename__ = "notify_preference"
    __table_args__ = (
        CheckConstraint("asked IN ('now', 'digest', 'off')", name="asked"),
        CheckConstraint("news IN ('now', 'daily', 'weekly', 'off')", name="news"),
        CheckConstraint("(quiet_from IS NULL) = (quiet_until IS NULL)", name="quiet_from_and_until"),
    )

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    asked: Mapped[str | None]
    """What waits for the person: at once, in the digest, or never."""
    news: Mapped[str | None]
    """Everything else: at once, in a daily or weekly digest, or never."""
    quiet_from: Mapped[time | None]
    quiet_until: Mapped[time | None]
    time_zone: Mapped[str | None]
    """IANA name; empty: the zone of the project that a mail is about."""
    digested_at: Mapped[datetime] = mapped_column(UtcDateTime())
    """When the last digest was made, or the person was first known here."""


class NotifyCursor(Base):
    """Up to which event a project's events were told."""

    __tablename__ = "notify_cursor"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)


class NotifyReader(Base):
    """Somebody who is told of a project: a member, or staff who did something there; and up to which event they were.

    It is no right: whether they may be told is asked of their membership or staff roles each time.
    """

    __tablename__ = "notify_reader"
    __table_args__ = (Index("ix_notify_reader_person", "person_id"),)

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)


class MailRefused(Base):
    """An address that mail could not be delivered to for ever."""

    __tablename__ = "mail_refused"
    __table_args__ = (CheckConstraint("source IN ('smtp', 'bounce')", name="source"),)

    address: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    """Whether our mail server refused it at once, or a message came back."""
    status: Mapped[str]
    """The reply code (`550`) or the enhanced status code of RFC 3463 (`5.1.1`)."""
    first_at: Mapped[datetime] = mapped_column(UtcDateTime())
    last_at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)
    times: Mapped[int]


class MailLink(Base):
    """A link in a mail that leads one person to one page, once, after they signed in. It signs nobody in."""

    __tablename__ = "mail_link"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    path: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class MailReply(Base):
    """Where a reply to a mail belongs: to one decision, as one person's remark."""

    __tablename__ = "mail_reply"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"))
    decision_number: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)
