"""The contract with its lines and amendments, change requests with their alternatives, and why items moved."""

import sqlalchemy as sa
from alembic import op

from portal.db import Fixed, UtcDateTime

revision = "2026_11_26_changes"
down_revision = "2026_11_26_requirements"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the tables."""
    op.create_table(
        "contract",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "fixed_price", "time_and_materials", "retainer", name="contract_kind", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column("bought", sa.String(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "period", sa.Enum("month", "quarter", "year", name="period", native_enum=False, length=32), nullable=True
        ),
        sa.Column("original_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("original_ceiling_minor", sa.BigInteger(), nullable=True),
        sa.Column("ceiling_minor", sa.BigInteger(), nullable=True),
        sa.Column("payment_terms", sa.String(), nullable=False),
        sa.Column("quality_terms", sa.String(), nullable=False),
        sa.Column("documents", sa.JSON(), nullable=False),
        sa.Column("milestones", sa.JSON(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("amendments", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.CheckConstraint("(kind = 'retainer') = (period IS NOT NULL)", name=op.f("ck_contract_has_a_period")),
        sa.CheckConstraint(
            "(kind = 'time_and_materials') = (original_ceiling_minor IS NOT NULL)",
            name=op.f("ck_contract_has_a_ceiling"),
        ),
        sa.CheckConstraint(
            "(original_ceiling_minor IS NULL) = (ceiling_minor IS NULL)", name=op.f("ck_contract_ceiling_is_whole")
        ),
        sa.CheckConstraint("total_minor >= 0", name=op.f("ck_contract_total_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_contract_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_contract")),
    )
    op.create_table(
        "contract_line",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("amendment", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("quantity", Fixed(4), nullable=False),
        sa.Column("unit", sa.String(length=3), nullable=False),
        sa.Column("unit_price", Fixed(6), nullable=False),
        sa.Column(
            "tax_category",
            sa.Enum("S", "Z", "E", "AE", "K", "G", "O", "L", "M", name="tax_category", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("tax_rate", Fixed(4), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["contract.project_id"], name=op.f("fk_contract_line_project_id_contract")
        ),
        sa.PrimaryKeyConstraint("project_id", "amendment", "position", name=op.f("pk_contract_line")),
    )
    op.create_table(
        "change_request",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("wanted", sa.String(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "raised",
                "being_priced",
                "offered",
                "accepted",
                "declined",
                "withdrawn",
                "expired",
                name="change_state",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("raised_by", sa.String(), nullable=False),
        sa.Column("raised_by_person", sa.Uuid(), nullable=True),
        sa.Column("by_client", sa.Boolean(), nullable=False),
        sa.Column("raised_at", UtcDateTime(), nullable=False),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.Column("offers", sa.Integer(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("decision_number", sa.Integer(), nullable=True),
        sa.Column("amendment_number", sa.Integer(), nullable=True),
        sa.Column("choice", sa.String(length=1), nullable=True),
        sa.Column("closing", sa.String(), nullable=False),
        sa.Column("refusal", sa.String(), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state = 'accepted') = (amendment_number IS NOT NULL)", name=op.f("ck_change_request_accepted_amends")
        ),
        sa.CheckConstraint(
            "state <> 'offered' OR decision_number IS NOT NULL", name=op.f("ck_change_request_offered_is_asked")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_change_request_project_id_project_ledger")
        ),
        sa.ForeignKeyConstraint(
            ["raised_by_person"], ["person.id"], name=op.f("fk_change_request_raised_by_person_person")
        ),
        sa.PrimaryKeyConstraint("project_id", "number", name=op.f("pk_change_request")),
    )
    op.create_table(
        "contract_amendment",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("change_number", sa.Integer(), nullable=False),
        sa.Column("choice", sa.String(length=1), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("days", Fixed(2), nullable=True),
        sa.Column("milestones", sa.JSON(), nullable=False),
        sa.Column("decision_number", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "change_number"],
            ["change_request.project_id", "change_request.number"],
            name=op.f("fk_contract_amendment_project_id_change_number_change_request"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["contract.project_id"], name=op.f("fk_contract_amendment_project_id_contract")
        ),
        sa.PrimaryKeyConstraint("project_id", "number", name=op.f("pk_contract_amendment")),
    )
    op.create_table(
        "change_alternative",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("change_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=1), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("free", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("days", Fixed(2), nullable=True),
        sa.Column("quality", sa.String(), nullable=False),
        sa.Column("milestones", sa.JSON(), nullable=False),
        sa.Column("items_added", sa.JSON(), nullable=False),
        sa.Column("items_changed", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "change_number"],
            ["change_request.project_id", "change_request.number"],
            name=op.f("fk_change_alternative_project_id_change_number_change_request"),
        ),
        sa.PrimaryKeyConstraint("project_id", "change_number", "key", name=op.f("pk_change_alternative")),
    )
    op.create_table(
        "change_line",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("change_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=1), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("quantity", Fixed(4), nullable=False),
        sa.Column("unit", sa.String(length=3), nullable=False),
        sa.Column("unit_price", Fixed(6), nullable=False),
        sa.Column(
            "tax_category",
            sa.Enum("S", "Z", "E", "AE", "K", "G", "O", "L", "M", name="tax_category", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("tax_rate", Fixed(4), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "change_number", "key"],
            ["change_alternative.project_id", "change_alternative.change_number", "change_alternative.key"],
            name=op.f("fk_change_line_project_id_change_number_key_change_alternative"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "change_number", "key", "position", name=op.f("pk_change_line")),
    )
    op.create_table(
        "item_cause",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("item_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("change_number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_item_cause_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", "item_number", "at", name=op.f("pk_item_cause")),
    )
    op.create_index("ix_change_request_state", "change_request", ["state", "valid_until"], unique=False)
    op.create_index("uq_contract_amendment_change", "contract_amendment", ["project_id", "change_number"], unique=True)


def downgrade() -> None:
    """Removes them."""
    op.drop_table("item_cause")
    op.drop_table("change_line")
    op.drop_table("change_alternative")
    op.drop_table("contract_amendment")
    op.drop_table("change_request")
    op.drop_table("contract_line")
    op.drop_table("contract")
