"""Tables of the contract and of the change requests that amend it."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Fixed, UtcDateTime, choice
from portal.money import PRICE_PLACES, QUANTITY_PLACES, RATE_PLACES

DAY_PLACES = 2
Quantity, Price, Rate, Days = Fixed(QUANTITY_PLACES), Fixed(PRICE_PLACES), Fixed(RATE_PLACES), Fixed(DAY_PLACES)


class ContractKind(StrEnum):
    """How the work is paid for."""

    FIXED_PRICE = "fixed_price"
    TIME_AND_MATERIALS = "time_and_materials"
    RETAINER = "retainer"


class Period(StrEnum):
    """How often a retainer is due."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class ChangeState(StrEnum):
    """Where a change request stands."""

    RAISED = "raised"
    BEING_PRICED = "being_priced"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class TaxCategory(StrEnum):
    """Categories of value added tax (UNCL5305, as EN 16931 allows them)."""

    STANDARD = "S"
    ZERO = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    INTRA_COMMUNITY = "K"
    EXPORT = "G"
    OUTSIDE_SCOPE = "O"
    CANARY_ISLANDS = "L"
    CEUTA_AND_MELILLA = "M"


_TAX = choice(TaxCategory, "tax_category")


class Contract(Base):
    """What was bought, as it was signed, and what it comes to by now. At most one a project.

    All amounts are net, in minor units of `currency`. A retainer's amounts are those of one `period`; what time and
    materials come to is an estimate, which `ceiling_minor` bounds.
    """

    __tablename__ = "contract"
    __table_args__ = (
        CheckConstraint("(kind = 'time_and_materials') = (original_ceiling_minor IS NOT NULL)", name="has_a_ceiling"),
        CheckConstraint("(original_ceiling_minor IS NULL) = (ceiling_minor IS NULL)", name="ceiling_is_whole"),
        CheckConstraint("(kind = 'retainer') = (period IS NOT NULL)", name="has_a_period"),
        CheckConstraint("total_minor >= 0", name="total_is_not_negative"),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    kind: Mapped[ContractKind] = mapped_column(choice(ContractKind, "contract_kind"))
    bought: Mapped[str]
    """What was bought, Markdown."""
    currency: Mapped[str] = mapped_column(String(3))
    period: Mapped[Period | None] = mapped_column(choice(Period, "period"))
    original_minor: Mapped[int] = mapped_column(BigInteger)
    """The sum of the original lines."""
    total_minor: Mapped[int] = mapped_column(BigInteger)
    """The original and every amendment."""
    original_ceiling_minor: Mapped[int | None] = mapped_column(BigInteger)
    ceiling_minor: Mapped[int | None] = mapped_column(BigInteger)
    """The original ceiling, moved by every amendment as the total is."""
    payment_terms: Mapped[str]
    quality_terms: Mapped[str]
    documents: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """Files as {number, name, sha256}."""
    milestones: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """Original dates as {number, on}."""
    signed_on: Mapped[date]
    deemed_after_days: Mapped[int | None]
    """After how many days without an answer something counts as accepted; None: never, as where nothing is agreed."""
    amendments: Mapped[int] = mapped_column(default=0)
    """How many there are: the last one's number."""
    seq: Mapped[int]


class ContractLine(Base):
    """A line of the original contract (`amendment` 0) or of an amendment. Never changed once it counts."""

    __tablename__ = "contract_line"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("contract.project_id"), primary_key=True)
    amendment: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    unit: Mapped[str] = mapped_column(String(3))
    """UN/ECE Recommendation 20."""
    unit_price: Mapped[Decimal] = mapped_column(Price)
    tax_category: Mapped[TaxCategory] = mapped_column(_TAX)
    tax_rate: Mapped[Decimal] = mapped_column(Rate)
    """Percent."""
    net_minor: Mapped[int] = mapped_column(BigInteger)


class Amendment(Base):
    """What an accepted change request did to the contract. Never changed."""

    __tablename__ = "contract_amendment"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "change_number"], ["change_request.project_id", "change_request.number"]),
        Index("uq_contract_amendment_change", "project_id", "change_number", unique=True),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("contract.project_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    change_number: Mapped[int]
    choice: Mapped[str] = mapped_column(String(1))
    """Which alternative was taken."""
    net_minor: Mapped[int] = mapped_column(BigInteger)
    total_minor: Mapped[int] = mapped_column(BigInteger)
    """The contract's total with this amendment."""
    days: Mapped[Decimal | None] = mapped_column(Days)
    milestones: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """Moved dates as {number, from, on}."""
    decision_number: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    seq: Mapped[int]


class ChangeRequest(Base):
    """Something that the client or the agency wants changed. It shows no price: that stands in the alternatives."""

    __tablename__ = "change_request"
    __table_args__ = (
        CheckConstraint("state <> 'offered' OR decision_number IS NOT NULL", name="offered_is_asked"),
        CheckConstraint("(state = 'accepted') = (amendment_number IS NOT NULL)", name="accepted_amends"),
        Index("ix_change_request_state", "state", "valid_until"),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    title: Mapped[str]
    reason: Mapped[str]
    """Why, Markdown."""
    wanted: Mapped[str]
    """What is wanted, Markdown."""
    files: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """Files as {number, name, sha256, preview}, the last for whether a picture was drawn of it."""
    state: Mapped[ChangeState] = mapped_column(choice(ChangeState, "change_state"))
    raised_by: Mapped[str]
    """The actor."""
    raised_by_person: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    by_client: Mapped[bool]
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime())
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When it was accepted, declined, withdrawn or expired."""
    offers: Mapped[int] = mapped_column(default=0)
    """How often it was offered: the version of what is decided."""
    valid_until: Mapped[date | None]
    """The last day on which the present offer can be accepted, in the project's zone."""
    decision_number: Mapped[int | None]
    """The question of the latest offer."""
    amendment_number: Mapped[int | None]
    choice: Mapped[str | None] = mapped_column(String(1))
    closing: Mapped[str] = mapped_column(default="")
    """Why the agency withdrew it."""
    refusal: Mapped[str] = mapped_column(default="")
    """What the client said when it declined or wanted changes. It may speak of the price: for who sees money."""
    items: Mapped[list[int]] = mapped_column(JSON)
    """Backlog items that the accepted alternative added, changed or removed."""
    seq: Mapped[int]


class ChangeAlternative(Base):
    """One way to do it: A, B, … Without lines it has no price, unless it is `free` on purpose."""

    __tablename__ = "change_alternative"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "change_number"], ["change_request.project_id", "change_request.number"]),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    change_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(1), primary_key=True)
    title: Mapped[str]
    free: Mapped[bool]
    currency: Mapped[str] = mapped_column(String(3))
    net_minor: Mapped[int] = mapped_column(BigInteger)
    days: Mapped[Decimal | None] = mapped_column(Days)
    quality: Mapped[str]
    """What it does to quality, Markdown."""
    milestones: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """Newly agreed dates as {number, on}."""
    items_added: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    items_changed: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """Items as {number, title, fields, removed}; `title` as it was when the offer was made."""


class ChangeLine(Base):
    """One line of an alternative's price."""

    __tablename__ = "change_line"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "change_number", "key"],
            ["change_alternative.project_id", "change_alternative.change_number", "change_alternative.key"],
            ondelete="CASCADE",
        ),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    change_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(1), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    unit: Mapped[str] = mapped_column(String(3))
    unit_price: Mapped[Decimal] = mapped_column(Price)
    tax_category: Mapped[TaxCategory] = mapped_column(_TAX)
    tax_rate: Mapped[Decimal] = mapped_column(Rate)
    net_minor: Mapped[int] = mapped_column(BigInteger)
