"""Tables of the requirements: each with its versions, of which the latest is the one that stands."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime, choice
from portal.ledger.models import AUDIENCE, Audience


class RequirementKind(StrEnum):
    """Whether it says what the software does, or how well it does it."""

    FUNCTIONAL = "functional"
    NON_FUNCTIONAL = "non_functional"


class Priority(StrEnum):
    """MoSCoW: how much it is needed in what is being built now."""

    MUST = "must"
    SHOULD = "should"
    COULD = "could"
    WONT = "wont"


class State(StrEnum):
    """Where one version stands. `draft` was never asked about; `withdrawn` was, and nobody may answer any more."""

    DRAFT = "draft"
    OFFERED = "offered"
    CONFIRMED = "confirmed"
    CHANGES_WANTED = "changes_wanted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Requirement(Base):
    """What the project is to do or to be, whatever its wording has become."""

    __tablename__ = "requirement"
    __table_args__ = (UniqueConstraint("project_id", "external_ref"),)

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
    """The version that stands now: the highest."""
    confirmed_version: Mapped[int | None]
    """The latest version that the client confirmed; an older one than `version` when it was changed since."""
    audience: Mapped[Audience] = mapped_column(AUDIENCE)
    """Internal until it is published, then for the client with all later versions."""
    external_ref: Mapped[str | None]
    words: Mapped[str]
    """Title and description of the present version without capitals, for searching."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime())
    seq: Mapped[int]


class RequirementVersion(Base):
    """One wording of a requirement. Once the client was asked about it, its texts never change again."""

    __tablename__ = "requirement_version"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "requirement_number"], ["requirement.project_id", "requirement.number"],
            name="fk_requirement_version_requirement",
        ),
        ForeignKeyConstraint(
            ["project_id", "decision_number"], ["decision.project_id", "decision.number"],
            name="fk_requirement_version_decision",
        ),
    )  # fmt: skip

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    requirement_number: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[RequirementKind] = mapped_column(choice(RequirementKind, "requirement_kind"))
    title: Mapped[str]
    description: Mapped[str]
    priority: Mapped[Priority | None] = mapped_column(choice(Priority, "requirement_priority"))
    criteria: Mapped[list[str]] = mapped_column(JSON)
    """Acceptance criteria in their order."""
    metric: Mapped[str]
    target: Mapped[str]
    how_measured: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    decision_number: Mapped[int | None]
    """The last decision in which the client was asked about this version; from then on it is frozen."""
    outcome: Mapped[State | None] = mapped_column(choice(State, "requirement_state"))
    """What the client answered: confirmed, changes wanted or declined."""
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    seq: Mapped[int]
