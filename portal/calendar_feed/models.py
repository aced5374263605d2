"""The table of calendar addresses: one a person at most."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime


class CalendarFeed(Base):
    """The secret address at which a person's calendar reads their days."""

    __tablename__ = "calendar_feed"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """SHA-256 of the address's secret, which is kept nowhere."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
