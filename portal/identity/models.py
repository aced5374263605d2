"""Tables of sign-in: sign-ins under way, sessions, logout tokens already used, and registered robots."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime
from portal.people.models import BYTE_EXACT


class SignIn(Base):
    """A sign-in that was sent to a provider and has not come back. Taken once; only hashes of what a browser holds."""

    __tablename__ = "sign_in"
    __table_args__ = (Index("ix_sign_in_expires", "expires_at"),)

    state_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    id: Mapped[UUID] = mapped_column(default=uuid4)
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    provider: Mapped[str]
    nonce: Mapped[str]
    verifier: Mapped[str]
    next: Mapped[str]
    max_age: Mapped[int | None]
    """Seconds; the provider was asked that the person prove themselves anew unless they did so this recently."""
    acr: Mapped[str | None]
    """The `acr_values` that were asked for."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())


class Session(Base):
    """A person signed in with one browser."""

    __tablename__ = "session"
    __table_args__ = (
        Index("ix_session_account", "issuer", "sub"),
        Index("ix_session_sid", "issuer", "sid"),
        Index("ix_session_person", "person_id"),
        Index("ix_session_expires", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """SHA-256 of the cookie's value, which is kept nowhere."""
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    provider: Mapped[str]
    issuer: Mapped[str] = mapped_column(BYTE_EXACT)
    sub: Mapped[str] = mapped_column(BYTE_EXACT)
    sid: Mapped[str | None] = mapped_column(BYTE_EXACT)
    """The provider's own name for the session, by which it may end it here."""
    sign_in_id: Mapped[UUID]
    staff_roles: Mapped[list[str]] = mapped_column(JSON)
    acr: Mapped[str | None]
    amr: Mapped[list[str]] = mapped_column(JSON)
    auth_time: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When the person proved themselves to the provider, if it said so."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime())
    idle_until: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    user_agent: Mapped[str]
    view_as: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Staff looking as the client: {"key": project key, "roles": [client roles]}."""


class SpentToken(Base):
    """A logout token that was used: the same one must not end a later session."""

    __tablename__ = "spent_token"
    __table_args__ = (Index("ix_spent_token_expires", "expires_at"),)

    issuer: Mapped[str] = mapped_column(BYTE_EXACT, primary_key=True)
    jti: Mapped[str] = mapped_column(BYTE_EXACT, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())


class Robot(Base):
    """A program that may use the staff API, by the client id in its tokens."""

    __tablename__ = "robot"

    client_id: Mapped[str] = mapped_column(BYTE_EXACT, primary_key=True)
    name: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(JSON)
    """The most it may do, whatever its tokens say."""
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
