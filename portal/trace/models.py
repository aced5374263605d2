"""The table of the links between things of one project."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import Enum, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class TraceKind(StrEnum):
    """What can be linked. In this order stand the two ends of a link, so that each pair is kept once; append only."""

    REQUIREMENT = "requirement"
    DESIGN = "design"
    ITEM = "item"
    CHANGE_REQUEST = "change_request"
    TEST_PLAN = "test_plan"


_KIND = Enum(
    TraceKind, name="trace_kind", native_enum=False, length=32, values_callable=lambda kinds: [k.value for k in kinds]
)


class Trace(Base):
    """A link between two things of different kinds, read from both ends."""

    __tablename__ = "trace"
    __table_args__ = (Index("ix_trace_to", "project_id", "to_kind", "to_number", "from_kind", "from_number"),)

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    from_kind: Mapped[TraceKind] = mapped_column(_KIND, primary_key=True)
    from_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    to_kind: Mapped[TraceKind] = mapped_column(_KIND, primary_key=True)
    to_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    design_version: Mapped[int | None]
    """The version of the design that was meant; None for the design as it goes on, and for what is with no design."""
    seq: Mapped[int]
    """The event that made it what it is."""
