"""Tables of the people: client companies, persons, the accounts that sign them in, and invitations."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime

BYTE_EXACT = (
    String().with_variant(String(collation="C"), "postgresql").with_variant(String(collation="BINARY"), "sqlite")
)
"""Text that is compared byte for byte, whatever the database's own collation thinks is equal."""


class Company(Base):
    """A client of the agency."""

    __tablename__ = "company"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(unique=True)
    external_ref: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime())


class Person(Base):
    """Somebody who has signed in at least once: of a client, or of the agency."""

    __tablename__ = "person"
    __table_args__ = (Index("ix_person_email", "email"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str]
    email: Mapped[str] = mapped_column(default="")
    """An address that a provider verified, or empty; for reaching the person, never for recognising them."""
    locale: Mapped[str] = mapped_column(default="en")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime())
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Identity(Base):
    """The account at a provider by which a person is recognised: this pair alone, byte for byte."""

    __tablename__ = "identity"

    issuer: Mapped[str] = mapped_column(BYTE_EXACT, primary_key=True)
    sub: Mapped[str] = mapped_column(BYTE_EXACT, primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    bound_at: Mapped[datetime] = mapped_column(UtcDateTime())


class Invitation(Base):
    """An address that may join a project, once, by signing in with that address verified."""

    __tablename__ = "invitation"
    __table_args__ = (
        CheckConstraint("accepted_at IS NULL OR revoked_at IS NULL", name="ends_once"),
        CheckConstraint("(accepted_at IS NULL) = (person_id IS NULL)", name="accepted_by_somebody"),
        Index("ix_invitation_email", "email"),
        Index(
            "uq_invitation_open",
            "project_id",
            "email",
            unique=True,
            sqlite_where=text("accepted_at IS NULL AND revoked_at IS NULL"),
            postgresql_where=text("accepted_at IS NULL AND revoked_at IS NULL"),
        ),
        UniqueConstraint("project_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"))
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.id"))
    email: Mapped[str]
    """ASCII, lower case."""
    roles: Mapped[list[str]] = mapped_column(JSON)
    provider: Mapped[str | None]
    """The provider that must vouch for the address; None: whichever configured one does so first."""
    locale: Mapped[str] = mapped_column(default="en")
    invited_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    last_sent_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class StaffStanding(Base):
    """The staff roles that somebody's last sign-in brought, for telling them of things while they are away.

    It lets nobody in: sessions carry their own roles. It counts as long as a session of that sign-in could.
    """

    __tablename__ = "staff_standing"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    roles: Mapped[list[str]] = mapped_column(JSON)
    until_at: Mapped[datetime] = mapped_column(UtcDateTime())
