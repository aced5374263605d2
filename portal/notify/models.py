"""The table of mails to send: written in the transaction that gives the reason, sent afterwards."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime


class Mail(Base):
    """One mail to one address. Its id makes the Message-ID, so that a second try is recognised as the same mail."""

    __tablename__ = "mail_outbox"
    __table_args__ = (
        CheckConstraint("sent_at IS NULL OR failed_at IS NULL", name="ends_once"),
        Index("ix_mail_outbox_due", "ended", "due_at"),
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
