"""Who belongs to which project: the one table that access is decided from."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime


class Membership(Base):
    """A person of a client company in one project, with at least one role."""

    __tablename__ = "membership"
    __table_args__ = (
        CheckConstraint("viewer OR approver OR billing OR tester", name="has_a_role"),
        Index("ix_membership_person", "person_id"),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.id"))
    viewer: Mapped[bool] = mapped_column(default=True)
    approver: Mapped[bool] = mapped_column(default=False)
    billing: Mapped[bool] = mapped_column(default=False)
    tester: Mapped[bool] = mapped_column(default=False)
    since: Mapped[datetime] = mapped_column(UtcDateTime())
