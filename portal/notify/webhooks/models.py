"""Tables of webhooks: where events go, how far each project has got there, and what came of each try."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime

ROW_ID = BigInteger().with_variant(Integer(), "sqlite")


class WebhookEndpoint(Base):
    """One of the agency's systems that is told of events."""

    __tablename__ = "webhook_endpoint"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str]
    url: Mapped[str]
    secret: Mapped[str]
    """Sealed (sealing.py): who signs needs it, and a copy of the database has it not. Shown once, when it is made."""
    old_secret: Mapped[str | None]
    old_secret_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """Until when the secret before signs too."""
    kinds: Mapped[list[str]] = mapped_column(JSON)
    """Kinds of events, `item.moved` or `item.*`; empty: all."""
    audiences: Mapped[list[str]] = mapped_column(JSON)
    only_project_id: Mapped[UUID | None] = mapped_column(ForeignKey("project_ledger.id"))
    """The one project that it is told of; None: all, those to come too."""
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime())
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    disabled_reason: Mapped[str | None]
    lease_until: Mapped[datetime] = mapped_column(UtcDateTime())
    """Until when one sender has it for itself, so that no two send the same at once."""
    test_id: Mapped[UUID | None]
    """A trial that somebody asked for and that has not been sent yet."""


class WebhookCursor(Base):
    """How far one project's events have got at one endpoint. Without a row: nothing yet."""

    __tablename__ = "webhook_cursor"

    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoint.id"), primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    """The last event that was delivered, or that the endpoint does not want."""
    attempts: Mapped[int]
    """Failed tries of the next event."""
    due_at: Mapped[datetime] = mapped_column(UtcDateTime())
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime())


class WebhookDelivery(Base):
    """One try, and what came of it."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("ix_webhook_delivery_endpoint", "endpoint_id", "id"),
        Index("ix_webhook_delivery_at", "at"),
    )

    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True)
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoint.id"))
    project_id: Mapped[UUID | None] = mapped_column(ForeignKey("project_ledger.id"))
    """None: a trial."""
    seq: Mapped[int | None] = mapped_column(BigInteger)
    webhook_id: Mapped[str]
    kind: Mapped[str]
    attempt: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    status: Mapped[int | None]
    """The HTTP status; None: no answer came."""
    milliseconds: Mapped[int]
    error: Mapped[str | None]
    response: Mapped[str]
    """The beginning of the answer. Whatever the other side wrote: for administrators alone."""
