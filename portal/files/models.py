"""The table of files. Their bytes lie in the store (store.py), under the project and their SHA-256."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime
from portal.ledger.models import AUDIENCE, Audience


class File(Base):
    """A file of a project. Its content never changes and it is never removed: whatever was decided may name its digest.

    Only its audience may: what it is part of was shown to the client (opening.py).
    """

    __tablename__ = "file"
    __table_args__ = (
        UniqueConstraint("project_id", "number"),
        CheckConstraint("audience IN ('internal', 'client', 'billing')", name="audience"),
        CheckConstraint("length(sha256) = 32", name="sha256_length"),
        CheckConstraint("preview IS NULL OR length(preview) = 32", name="preview_length"),
        CheckConstraint("size >= 1", name="size_positive"),
        Index("ix_file_sha256", "project_id", "sha256"),
        Index("ix_file_preview", "project_id", "preview"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"))
    number: Mapped[int]
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    size: Mapped[int] = mapped_column(BigInteger)
    """Bytes."""
    media_type: Mapped[str]
    """What the content was found to be (kinds.py); never what the sender called it."""
    name: Mapped[str]
    """What the sender called it, cleaned (names.py): for showing alone."""
    audience: Mapped[Audience] = mapped_column(AUDIENCE)
    width: Mapped[int | None]
    """Of a picture, or of a PDF's first page as it is drawn: points, as one looks at it."""
    height: Mapped[int | None]
    preview: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """SHA-256 of the picture that we drew of it, of a PDF's pages one behind the other; None where we draw none."""
    page_count: Mapped[int | None]
    """How many pages a PDF has that could be drawn."""
    pages: Mapped[list[list[int]] | None] = mapped_column(JSON(none_as_null=True))
    """Of its first pages: width, height, and how many bytes of the preview show it, 0 for a broken one (pages.py)."""
    project_bytes: Mapped[int] = mapped_column(BigInteger)
    """What the project's files take, up to this one: each content once. Kept so that no sum grows with the project."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    created_by: Mapped[str]
    """The actor (`person:<uuid>`, `staff:<uuid>`, `robot:<client id>`)."""
    seq: Mapped[int] = mapped_column(BigInteger)
