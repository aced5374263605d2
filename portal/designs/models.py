"""Tables of the designs: each with its versions, what a version is made of, and the remarks that are pinned to it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime
from portal.ledger.models import AUDIENCE, Audience


def _of_design() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["project_id", "design_number"], ["design.project_id", "design.number"])


def _of_version() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["project_id", "design_number", "version"],
        ["design_version.project_id", "design_version.design_number", "design_version.version"],
    )


class Design(Base):
    """Something that is drawn before it is built. The client knows of it from its first published version on."""

    __tablename__ = "design"
    __table_args__ = (
        CheckConstraint("(audience = 'client') = (shown_version IS NOT NULL)", name="shown_to_client"),
        Index("ix_design_audience", "project_id", "audience", "number"),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    title: Mapped[str]
    description: Mapped[str]
    """Markdown."""
    audience: Mapped[Audience] = mapped_column(AUDIENCE)
    shown_version: Mapped[int | None]
    """The newest version that the client sees."""
    last_version: Mapped[int]
    """The newest version of all; 0 before the first."""
    last_pin: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    created_by: Mapped[str]
    seq: Mapped[int]


class DesignVersion(Base):
    """One state of a design. Its parts never change; published, it can be decided on."""

    __tablename__ = "design_version"
    __table_args__ = (
        _of_design(),
        CheckConstraint("(audience = 'client') = (published_at IS NOT NULL)", name="published_to_client"),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    design_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    note: Mapped[str]
    """What changed since the version before."""
    audience: Mapped[Audience] = mapped_column(AUDIENCE)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    created_by: Mapped[str]
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    seq: Mapped[int]


class DesignPart(Base):
    """A picture or document of a version, or a prototype elsewhere with the picture that was taken of it."""

    __tablename__ = "design_part"
    __table_args__ = (
        _of_version(),
        ForeignKeyConstraint(["project_id", "file_number"], ["file.project_id", "file.number"]),
        CheckConstraint("file_number IS NOT NULL OR url IS NOT NULL", name="is_something"),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    design_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 1 on: the files in their order, then the links."""
    file_number: Mapped[int | None]
    """Of a link, its snapshot; only a link can be without."""
    url: Mapped[str | None]


class DesignPin(Base):
    """A remark at a place of a picture. It is carried from version to version until it is resolved (carrying.py)."""

    __tablename__ = "design_pin"
    __table_args__ = (
        _of_version(),
        CheckConstraint("x BETWEEN 0 AND 10000 AND y BETWEEN 0 AND 10000", name="within_the_picture"),
        CheckConstraint("(resolved_at IS NULL) = (resolved_version IS NULL)", name="resolved_on_a_version"),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    design_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
    """On which it was made."""
    position: Mapped[int]
    """Of the part on which it was made."""
    page: Mapped[int] = mapped_column(server_default="1")
    """Of that part's document; a picture is one page."""
    x: Mapped[int]
    """Ten-thousandths of the picture's width from the left."""
    y: Mapped[int]
    """Ten-thousandths of the picture's height from the top."""
    audience: Mapped[Audience] = mapped_column(AUDIENCE)
    """Internal when it was made on a draft, and then for ever: what was said among us stays there."""
    text: Mapped[str]
    author: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    by_staff: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    resolved_by: Mapped[str | None]
    resolved_version: Mapped[int | None]
    """The last version that shows it."""
    seq: Mapped[int]


class DesignReply(Base):
    """An answer to a pin; its audience is the pin's."""

    __tablename__ = "design_reply"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "design_number", "pin_number"],
            ["design_pin.project_id", "design_pin.design_number", "design_pin.number"],
        ),
        Index("ix_design_reply_pin", "project_id", "design_number", "pin_number", "seq"),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    design_number: Mapped[int]
    pin_number: Mapped[int]
    text: Mapped[str]
    author: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    by_staff: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcDateTime())
