"""Billing: issuers, accounts, payment plans, invoices, payments, time; when the client confirmed a milestone."""

import sqlalchemy as sa
from alembic import op

from portal.db import Fixed, UtcDateTime

revision = "2026_11_26_billing"
down_revision = "2026_11_26_testers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the tables and the column."""
    op.add_column("milestone", sa.Column("accepted_on", sa.Date(), nullable=True))
    op.create_table(
        "issuer",
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("party", sa.JSON(), nullable=False),
        sa.Column("payment", sa.JSON(), nullable=False),
        sa.Column("accounting_currency", sa.String(length=3), nullable=False),
        sa.Column("colour", sa.String(length=7), nullable=False),
        sa.Column("logo", sa.LargeBinary(), nullable=True),
        sa.Column("updated_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_issuer")),
    )
    op.create_table(
        "invoice_series",
        sa.Column("issuer", sa.String(length=16), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["issuer"], ["issuer.code"], name=op.f("fk_invoice_series_issuer_issuer")),
        sa.PrimaryKeyConstraint("issuer", "year", name=op.f("pk_invoice_series")),
    )
    op.create_table(
        "billing_account",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.String(length=16), nullable=False),
        sa.Column("buyer", sa.JSON(), nullable=False),
        sa.Column("buyer_reference", sa.String(), nullable=False),
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("payment_days", sa.Integer(), nullable=False),
        sa.Column("payment_terms", sa.String(), nullable=False),
        sa.Column("reminds", sa.Boolean(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["issuer"], ["issuer.code"], name=op.f("fk_billing_account_issuer_issuer")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_billing_account_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_billing_account")),
    )
    op.create_table(
        "payment_plan_item",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "kind",
            sa.Enum("milestone", "date", "change_request", "period", name="plan_kind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("amendment", sa.Integer(), nullable=False),
        sa.Column("milestone_number", sa.Integer(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_category", sa.String(length=2), nullable=False),
        sa.Column("tax_rate", Fixed(4), nullable=False),
        sa.Column("invoice_number", sa.Integer(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'milestone') = (milestone_number IS NOT NULL)",
            name=op.f("ck_payment_plan_item_milestone_is_named"),
        ),
        sa.CheckConstraint("kind <> 'date' OR due_on IS NOT NULL", name=op.f("ck_payment_plan_item_date_is_given")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_payment_plan_item_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", "number", name=op.f("pk_payment_plan_item")),
    )
    op.create_table(
        "invoice",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "kind", sa.Enum("invoice", "credit_note", name="invoice_kind", native_enum=False, length=32), nullable=False
        ),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "issued",
                "partly_paid",
                "paid",
                "cancelled",
                name="invoice_state",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("issuer", sa.String(length=16), nullable=False),
        sa.Column("series_year", sa.Integer(), nullable=True),
        sa.Column("series_number", sa.Integer(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("payable_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("credited_minor", sa.BigInteger(), nullable=False),
        sa.Column("draft", sa.JSON(), nullable=False),
        sa.Column("document", sa.String(), nullable=True),
        sa.Column("document_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("unaccepted_reason", sa.String(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("credits_number", sa.Integer(), nullable=True),
        sa.Column("disputed_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("dispute_reason", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.CheckConstraint("(state = 'draft') = (document_digest IS NULL)", name=op.f("ck_invoice_issued_is_frozen")),
        sa.CheckConstraint("(state = 'draft') = (series_number IS NULL)", name=op.f("ck_invoice_issued_has_number")),
        sa.ForeignKeyConstraint(["issuer"], ["issuer.code"], name=op.f("fk_invoice_issuer_issuer")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_invoice_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", "number", name=op.f("pk_invoice")),
        sa.UniqueConstraint(
            "issuer", "series_year", "series_number", name=op.f("uq_invoice_issuer_series_year_series_number")
        ),
    )
    op.create_table(
        "invoice_word",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("invoice_number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("by_staff", sa.Boolean(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_invoice_word_person_id_person")),
        sa.ForeignKeyConstraint(
            ["project_id", "invoice_number"],
            ["invoice.project_id", "invoice.number"],
            name=op.f("fk_invoice_word_project_id_invoice_number_invoice"),
        ),
        sa.PrimaryKeyConstraint("project_id", "seq", name=op.f("pk_invoice_word")),
    )
    op.create_table(
        "bank_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("bank_reference", sa.String(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("counterparty", sa.String(), nullable=False),
        sa.Column("remittance", sa.String(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("unmatched", "matched", "ignored", name="entry_state", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("imported_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_entry")),
        sa.UniqueConstraint("account", "bank_reference", name=op.f("uq_bank_entry_account_bank_reference")),
    )
    op.create_table(
        "payment",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("invoice_number", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("external_ref", sa.String(), nullable=True),
        sa.Column("bank_entry_id", sa.Uuid(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.CheckConstraint("minor <> 0", name=op.f("ck_payment_is_some_money")),
        sa.ForeignKeyConstraint(["bank_entry_id"], ["bank_entry.id"], name=op.f("fk_payment_bank_entry_id_bank_entry")),
        sa.ForeignKeyConstraint(
            ["project_id", "invoice_number"],
            ["invoice.project_id", "invoice.number"],
            name=op.f("fk_payment_project_id_invoice_number_invoice"),
        ),
        sa.PrimaryKeyConstraint("project_id", "number", name=op.f("pk_payment")),
        sa.UniqueConstraint("project_id", "external_ref", name=op.f("uq_payment_project_id_external_ref")),
    )
    op.create_table(
        "time_entry",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("hours", Fixed(2), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("item_number", sa.Integer(), nullable=True),
        sa.Column("billable", sa.Boolean(), nullable=False),
        sa.Column("external_ref", sa.String(), nullable=True),
        sa.Column("invoice_number", sa.Integer(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_time_entry_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", "number", name=op.f("pk_time_entry")),
        sa.UniqueConstraint("project_id", "external_ref", name=op.f("uq_time_entry_project_id_external_ref")),
    )
    op.create_table(
        "payment_reminder",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "invoice_number"],
            ["invoice.project_id", "invoice.number"],
            name=op.f("fk_payment_reminder_project_id_invoice_number_invoice"),
        ),
        sa.PrimaryKeyConstraint("project_id", "invoice_number", "level", name=op.f("pk_payment_reminder")),
    )
    op.create_index(
        "ix_payment_plan_item_milestone", "payment_plan_item", ["project_id", "milestone_number"], unique=False
    )
    op.create_index("ix_invoice_open", "invoice", ["project_id", "state", "due_on"], unique=False)
    op.create_index("ix_invoice_reference", "invoice", ["reference"], unique=False)
    op.create_index("ix_invoice_word_invoice", "invoice_word", ["project_id", "invoice_number"], unique=False)
    op.create_index("ix_bank_entry_state", "bank_entry", ["state", "booked_on"], unique=False)
    op.create_index("ix_time_entry_day", "time_entry", ["project_id", "done_on"], unique=False)


def downgrade() -> None:
    """Removes them."""
    op.drop_table("payment_reminder")
    op.drop_table("time_entry")
    op.drop_table("payment")
    op.drop_table("bank_entry")
    op.drop_table("invoice_word")
    op.drop_table("invoice")
    op.drop_table("payment_plan_item")
    op.drop_table("billing_account")
    op.drop_table("invoice_series")
    op.drop_table("issuer")

    op.drop_column("milestone", "accepted_on")
