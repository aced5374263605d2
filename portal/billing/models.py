"""Tables of billing: who issues and who pays, the payment plan, invoices, payments, bank entries, time, reminders."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Fixed, UtcDateTime, choice

Hours = Fixed(2)


class PlanKind(StrEnum):
    """What makes a part of the price due."""

    MILESTONE = "milestone"
    DATE = "date"
    CHANGE_REQUEST = "change_request"
    PERIOD = "period"


class InvoiceKind(StrEnum):
    """UNTDID 1001: 380 and 381."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class InvoiceState(StrEnum):
    """Where an invoice stands. Overdue and disputed are said beside it: they come and go."""

    DRAFT = "draft"
    ISSUED = "issued"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    CANCELLED = "cancelled"


class EntryState(StrEnum):
    """What became of a line of a bank statement."""

    UNMATCHED = "unmatched"
    MATCHED = "matched"
    IGNORED = "ignored"


class Issuer(Base):
    """A legal person of the agency that sends invoices, each with a series of numbers of its own."""

    __tablename__ = "issuer"

    code: Mapped[str] = mapped_column(String(16), primary_key=True)
    """Begins its invoices' numbers."""
    party: Mapped[dict[str, Any]] = mapped_column(JSON)
    """As `document.Party`."""
    payment: Mapped[dict[str, Any]] = mapped_column(JSON)
    """As `document.PaymentMeans`."""
    accounting_currency: Mapped[str] = mapped_column(String(3))
    colour: Mapped[str] = mapped_column(String(7))
    logo: Mapped[bytes | None] = mapped_column(LargeBinary)
    """PNG or SVG, at most 200 kB."""
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime())


class InvoiceSeries(Base):
    """The last number that an issuer gave in a year. Its row is locked by whoever takes the next: no hole, no twin."""

    __tablename__ = "invoice_series"

    issuer: Mapped[str] = mapped_column(ForeignKey("issuer.code"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class BillingAccount(Base):
    """How one project is billed: by whom, to whom, and on which terms."""

    __tablename__ = "billing_account"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    issuer: Mapped[str] = mapped_column(ForeignKey("issuer.code"))
    buyer: Mapped[dict[str, Any]] = mapped_column(JSON)
    """As `document.Party`."""
    buyer_reference: Mapped[str] = mapped_column(default="")
    order_number: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(String(8))
    """Of its invoices: en, de, ru or zh_CN."""
    payment_days: Mapped[int]
    payment_terms: Mapped[str] = mapped_column(default="")
    reminds: Mapped[bool] = mapped_column(default=True)
    """Whether overdue invoices are reminded of by mail."""
    seq: Mapped[int]


class PlanItem(Base):
    """A part of the price and what makes it due. The parts of a contract or an amendment sum to its net exactly."""

    __tablename__ = "payment_plan_item"
    __table_args__ = (
        CheckConstraint("(kind = 'milestone') = (milestone_number IS NOT NULL)", name="milestone_is_named"),
        CheckConstraint("kind <> 'date' OR due_on IS NOT NULL", name="date_is_given"),
        Index("ix_payment_plan_item_milestone", "project_id", "milestone_number"),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[PlanKind] = mapped_column(choice(PlanKind, "plan_kind"))
    amendment: Mapped[int]
    """0: the original contract; else the amendment's number."""
    milestone_number: Mapped[int | None]
    due_on: Mapped[date | None]
    text: Mapped[str]
    currency: Mapped[str] = mapped_column(String(3))
    net_minor: Mapped[int] = mapped_column(BigInteger)
    tax_category: Mapped[str] = mapped_column(String(2))
    tax_rate: Mapped[Decimal] = mapped_column(Fixed(4))
    invoice_number: Mapped[int | None]
    """The draft or invoice that bills it."""
    seq: Mapped[int]


class Invoice(Base):
    """An invoice or credit note: a draft until it is issued, and from then on the same to the byte."""

    __tablename__ = "invoice"
    __table_args__ = (
        UniqueConstraint("issuer", "series_year", "series_number"),
        CheckConstraint("(state = 'draft') = (series_number IS NULL)", name="issued_has_number"),
        CheckConstraint("(state = 'draft') = (document_digest IS NULL)", name="issued_is_frozen"),
        Index("ix_invoice_open", "project_id", "state", "due_on"),
        Index("ix_invoice_reference", "reference"),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Its place in the project's addresses; drafts have one too. The legal number is `reference`."""
    kind: Mapped[InvoiceKind] = mapped_column(choice(InvoiceKind, "invoice_kind"))
    state: Mapped[InvoiceState] = mapped_column(choice(InvoiceState, "invoice_state"))
    issuer: Mapped[str] = mapped_column(ForeignKey("issuer.code"))
    series_year: Mapped[int | None]
    series_number: Mapped[int | None]
    reference: Mapped[str | None]
    """The number that stands on it, such as `BH-2026-0042`."""
    title: Mapped[str]
    language: Mapped[str] = mapped_column(String(8))
    currency: Mapped[str] = mapped_column(String(3))
    net_minor: Mapped[int] = mapped_column(BigInteger)
    tax_minor: Mapped[int] = mapped_column(BigInteger)
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    payable_minor: Mapped[int] = mapped_column(BigInteger)
    paid_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    """What was paid less what was paid back."""
    credited_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    draft: Mapped[dict[str, Any]] = mapped_column(JSON)
    """As `document.InvoiceDocument`, while it can still change."""
    document: Mapped[str | None]
    """The frozen document: canonical JSON."""
    document_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    files: Mapped[dict[str, Any]] = mapped_column(JSON)
    """`pdf`, `cii` and `ubl` as {number, sha256, size} in the project's store, once issued; the XML only where EN 16931
    can say it, and with a PDF that was signed the level of its `signature`."""
    unaccepted_reason: Mapped[str] = mapped_column(default="")
    """Why a milestone is billed that is not accepted; the client reads it."""
    issued_on: Mapped[date | None]
    due_on: Mapped[date | None]
    credits_number: Mapped[int | None]
    """Of a credit note: the invoice that it takes back."""
    disputed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    dispute_reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    seq: Mapped[int]


class InvoiceWord(Base):
    """A question, dispute or answer about an invoice. The clock of who waits runs from a client's to the agency's."""

    __tablename__ = "invoice_word"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "invoice_number"], ["invoice.project_id", "invoice.number"]),
        Index("ix_invoice_word_invoice", "project_id", "invoice_number"),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    invoice_number: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    """`question`, `dispute`, `answer` or `settled`."""
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    by_staff: Mapped[bool]
    text: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    minutes: Mapped[int | None]
    """Of an answer: working minutes since the client's word that it answers."""


class BankEntry(Base):
    """A line of a bank statement of the agency; which project it belongs to is known once it is matched."""

    __tablename__ = "bank_entry"
    __table_args__ = (
        UniqueConstraint("account", "bank_reference"),
        Index("ix_bank_entry_state", "state", "booked_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    account: Mapped[str]
    """IBAN or account number, as the statement has it."""
    bank_reference: Mapped[str]
    """What makes the entry the same when its statement comes twice."""
    booked_on: Mapped[date]
    currency: Mapped[str] = mapped_column(String(3))
    minor: Mapped[int] = mapped_column(BigInteger)
    """Positive for what came in."""
    counterparty: Mapped[str]
    remittance: Mapped[str]
    state: Mapped[EntryState] = mapped_column(choice(EntryState, "entry_state"))
    note: Mapped[str] = mapped_column(default="")
    """Why it was not matched by itself, or why it was ignored."""
    imported_at: Mapped[datetime] = mapped_column(UtcDateTime())


class Payment(Base):
    """Money for an invoice: positive when it came in, negative when it was paid back. Never changed."""

    __tablename__ = "payment"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "invoice_number"], ["invoice.project_id", "invoice.number"]),
        UniqueConstraint("project_id", "external_ref"),
        CheckConstraint("minor <> 0", name="is_some_money"),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    invoice_number: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    minor: Mapped[int] = mapped_column(BigInteger)
    paid_on: Mapped[date]
    text: Mapped[str]
    external_ref: Mapped[str | None]
    bank_entry_id: Mapped[UUID | None] = mapped_column(ForeignKey("bank_entry.id"))
    seq: Mapped[int]


class TimeEntry(Base):
    """Work done on a day. What it costs the agency is not kept here at all."""

    __tablename__ = "time_entry"
    __table_args__ = (
        UniqueConstraint("project_id", "external_ref"),
        Index("ix_time_entry_day", "project_id", "done_on"),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project_ledger.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    done_on: Mapped[date]
    hours: Mapped[Decimal] = mapped_column(Hours)
    role: Mapped[str]
    """What kind of work: the contract's rate is found by it."""
    worker: Mapped[str]
    """A name for the client as far as the project shows names."""
    text: Mapped[str]
    item_number: Mapped[int | None]
    billable: Mapped[bool]
    external_ref: Mapped[str | None]
    invoice_number: Mapped[int | None]
    seq: Mapped[int]


class PaymentReminder(Base):
    """A reminder of an overdue invoice that was sent: each level once."""

    __tablename__ = "payment_reminder"
    __table_args__ = (ForeignKeyConstraint(["project_id", "invoice_number"], ["invoice.project_id", "invoice.number"]),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    invoice_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    seq: Mapped[int]
