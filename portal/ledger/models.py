"""Tables of the ledger: one narrow row a project, its events, its signed heads."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Enum, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime


class Audience(StrEnum):
    """Who may see an event or a row: nobody outside the agency, unless it was said otherwise."""

    INTERNAL = "internal"
    CLIENT = "client"
    BILLING = "billing"


AUDIENCE = Enum(
    Audience, name="audience", native_enum=False, length=16, values_callable=lambda kinds: [k.value for k in kinds]
)


class ProjectLedger(Base):
    """A project *is* this row: writers of one project queue on it, and other projects never meet it.

    Each of the three versions is the seq of the last event that somebody may see: `version` of the last event of all
    (the size of the tree), `client_version` of the last one for `client`, `billing_version` of the last one for
    `billing`. A viewer's version is the greatest among the audiences that the viewer has.
    """

    __tablename__ = "project_ledger"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    version: Mapped[int] = mapped_column(BigInteger, default=0)
    client_version: Mapped[int] = mapped_column(BigInteger, default=0)
    billing_version: Mapped[int] = mapped_column(BigInteger, default=0)
    frontier: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    """The right edge of the Merkle tree: `version.bit_count()` hashes of 32 bytes, the largest subtree first."""


class Event(Base):
    """One change of a project. Never changed and never removed: the database itself refuses it (triggers.py)."""

    __tablename__ = "event"
    __table_args__ = (
        CheckConstraint("audience IN ('internal', 'client', 'billing')", name="audience"),
        CheckConstraint("seq >= 1", name="seq_from_one"),
        CheckConstraint("length(digest) = 32", name="digest_is_sha256"),
        Index("ix_event_audience", "project_id", "audience", "seq"),
        Index("ix_event_subject", "project_id", "subject_kind", "subject_number", "seq"),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    """When the fact was true; for imports, the source's time."""
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime())
    """When it was written here."""
    actor: Mapped[str]
    """An opaque reference (`person:<uuid>`, `contributor:<uuid>`, `robot:<client id>`, `system`), never a name."""
    kind: Mapped[str]
    subject_kind: Mapped[str]
    subject_number: Mapped[int | None] = mapped_column(BigInteger)
    audience: Mapped[Audience] = mapped_column(AUDIENCE)
    body: Mapped[str]
    """RFC 8785 canonical JSON, as text: what was digested is what is stored."""
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of the whole event's canonical form (canonical.py)."""


class LedgerHead(Base):
    """A signed head of a project's tree. Never changed and never removed."""

    __tablename__ = "ledger_head"
    __table_args__ = (CheckConstraint("length(root) = 32", name="root_is_sha256"),)

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """How many events the head covers."""
    root: Mapped[bytes] = mapped_column(LargeBinary(32))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    checkpoint: Mapped[str] = mapped_column(String)
    """The signed note (checkpoint.py)."""


class Receipt(Base):
    """The proof of one event for whoever took part in it (receipts.py). Only its time stamp is added later."""

    __tablename__ = "receipt"
    __table_args__ = (
        Index(
            "ix_receipt_unstamped", "issued_at",
            sqlite_where=text('"timestamp" IS NULL'), postgresql_where=text('"timestamp" IS NULL'),
        ),
    )  # fmt: skip

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """The event that it proves."""
    token: Mapped[str] = mapped_column(String)
    """JWS in compact form."""
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime())
    timestamp: Mapped[bytes | None] = mapped_column(LargeBinary)
    """An RFC 3161 time stamp over the token, where an authority is configured and has answered."""
