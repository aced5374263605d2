"""Tables of the decisions: what was asked of whom, the answers with their evidence, remarks, turns and delegations."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, UtcDateTime, choice
from portal.ledger.models import AUDIENCE, Audience


class DecisionKind(StrEnum):
    """What kind of thing is decided. Each kind's room asks, and says in `portal.settlement` what follows."""

    DESIGN = "design"
    REQUIREMENT = "requirement"
    CHANGE_REQUEST = "change_request"
    MILESTONE = "milestone"
    ACCEPTANCE = "acceptance"


class DecisionState(StrEnum):
    """Where a decision stands. All but `asked` are final."""

    ASKED = "asked"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class Verdict(StrEnum):
    """What somebody answered, and what came of all answers together."""

    APPROVED = "approved"
    APPROVED_WITH_REMARKS = "approved_with_remarks"
    CHANGES_WANTED = "changes_wanted"
    DECLINED = "declined"

    @property
    def is_approval(self) -> bool:
        """Whether it says yes."""
        return self in (Verdict.APPROVED, Verdict.APPROVED_WITH_REMARKS)


class Side(StrEnum):
    """Who has to act next."""

    CLIENT = "client"
    AGENCY = "agency"


def _of_decision() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["project_id", "decision_number"], ["decision.project_id", "decision.number"])


_VERDICT, _SIDE = choice(Verdict, "verdict"), choice(Side, "side")


class Decision(Base):
    """One question to the client about one version of one thing, exactly as it was shown."""

    __tablename__ = "decision"
    __table_args__ = (
        CheckConstraint("length(digest) = 32", name="digest_is_sha256"),
        CheckConstraint("(state = 'decided') = (outcome IS NOT NULL)", name="decided_has_outcome"),
        Index("ix_decision_subject", "project_id", "kind", "subject_number"),
        Index("ix_decision_state", "project_id", "state", "number"),
        Index(
            "uq_decision_open", "project_id", "kind", "subject_number", unique=True,
            sqlite_where=text("state = 'asked'"), postgresql_where=text("state = 'asked'"),
        ),
    )  # fmt: skip

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[DecisionKind] = mapped_column(choice(DecisionKind, "decision_kind"))
    subject_number: Mapped[int]
    subject_version: Mapped[int]
    audience: Mapped[Audience] = mapped_column(AUDIENCE)
    """`client`, or `billing` for what shows money; never internal."""
    title: Mapped[str]
    content: Mapped[str]
    """What is decided, to the byte: canonical JSON with the texts, terms and files' digests that were shown."""
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of `content`; a form that carries another one decides nothing."""
    choices: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    """Alternatives to choose one of, as {key, title}; empty for a plain yes or no."""
    needed: Mapped[int]
    """How many must approve."""
    is_named: Mapped[bool]
    """Whether only the people of `decision_person` may answer; else everybody with the role."""
    asked_by: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime())
    due_on: Mapped[date | None]
    holds_up: Mapped[str]
    """What waits on it, in words for the client."""
    state: Mapped[DecisionState] = mapped_column(choice(DecisionState, "decision_state"))
    outcome: Mapped[Verdict | None] = mapped_column(_VERDICT)
    choice: Mapped[str | None]
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    reason: Mapped[str]
    """Why it was withdrawn, or which decision took its place."""
    turn: Mapped[Side | None] = mapped_column(_SIDE)
    """Who has to act; None when nobody has."""
    reminded_on: Mapped[date | None]
    seq: Mapped[int]


class DecisionPerson(Base):
    """Somebody who is asked by name."""

    __tablename__ = "decision_person"
    __table_args__ = (_of_decision(),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    decision_number: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)


class DecisionAnswer(Base):
    """One person's answer with the evidence of who gave it and how they were signed in. Never changed."""

    __tablename__ = "decision_answer"
    __table_args__ = (_of_decision(),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    decision_number: Mapped[int] = mapped_column(primary_key=True)
    principal_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    """Whose answer it counts as."""
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    """Who gave it: the same person, or the one to whom they delegated."""
    verdict: Mapped[Verdict] = mapped_column(_VERDICT)
    choice: Mapped[str | None]
    comment: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    evidence: Mapped[dict[str, Any]] = mapped_column(JSON)
    seq: Mapped[int]
    """The event, and with it the receipt, of this answer."""


class DecisionRemark(Base):
    """What somebody said about a decision; a question passes the turn to the agency until staff reply."""

    __tablename__ = "decision_remark"
    __table_args__ = (_of_decision(), Index("ix_decision_remark_decision", "project_id", "decision_number"))

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    decision_number: Mapped[int]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    by_staff: Mapped[bool]
    is_question: Mapped[bool]
    text: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by_mail: Mapped[bool] = mapped_column(default=False)


class DecisionTurn(Base):
    """A stretch of time in which one side waited for the other. `minutes` (of working time) once it ended."""

    __tablename__ = "decision_turn"
    __table_args__ = (
        _of_decision(),
        Index("ix_decision_turn_open", "project_id", "until_at"),
        CheckConstraint("(until_at IS NULL) = (minutes IS NULL)", name="ended_has_minutes"),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    decision_number: Mapped[int] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    side: Mapped[Side] = mapped_column(_SIDE)
    from_at: Mapped[datetime] = mapped_column(UtcDateTime())
    until_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    minutes: Mapped[int | None]


class DecisionDraft(Base):
    """An answer that somebody had written when they were sent to prove themselves anew; it decides nothing."""

    __tablename__ = "decision_draft"
    __table_args__ = (_of_decision(),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    decision_number: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    verdict: Mapped[str]
    comment: Mapped[str]
    choice: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime())


class DecisionJudgement(Base):
    """A private word of staff about a decision. No client response has any trace of it."""

    __tablename__ = "decision_judgement"
    __table_args__ = (_of_decision(), Index("ix_decision_judgement_decision", "project_id", "decision_number"))

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    decision_number: Mapped[int]
    author: Mapped[str]
    text: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime())


class Delegation(Base):
    """ "X decides for me until Friday": from a day to a day of the project, both included."""

    __tablename__ = "delegation"
    __table_args__ = (
        CheckConstraint("from_on <= until_on", name="from_before_until"),
        CheckConstraint("person_id <> to_person_id", name="to_somebody_else"),
        Index("ix_delegation_to", "project_id", "to_person_id"),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    to_person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    from_on: Mapped[date]
    until_on: Mapped[date]
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    evidence: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """Who gave it and how they were signed in, as with an answer; None where it was given before that was kept."""
    seq: Mapped[int]
