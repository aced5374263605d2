"""The requirements room's tables, and the trace."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_requirements"
down_revision = "2026_11_26_designs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the tables."""
    op.create_table(
        "requirement",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("confirmed_version", sa.Integer(), nullable=True),
        sa.Column(
            "audience",
            sa.Enum("internal", "client", "billing", name="audience", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("external_ref", sa.String(), nullable=True),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_requirement_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", "number", name=op.f("pk_requirement")),
        sa.UniqueConstraint("project_id", "external_ref", name=op.f("uq_requirement_project_id_external_ref")),
    )
    op.create_table(
        "requirement_version",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("requirement_number", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "kind",
            sa.Enum("functional", "non_functional", name="requirement_kind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column(
            "priority",
            sa.Enum("must", "should", "could", "wont", name="requirement_priority", native_enum=False, length=32),
            nullable=True,
        ),
        sa.Column("criteria", sa.JSON(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("how_measured", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision_number", sa.Integer(), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "draft",
                "offered",
                "confirmed",
                "changes_wanted",
                "declined",
                "withdrawn",
                name="requirement_state",
                native_enum=False,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "decision_number"],
            ["decision.project_id", "decision.number"],
            name="fk_requirement_version_decision",
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "requirement_number"],
            ["requirement.project_id", "requirement.number"],
            name="fk_requirement_version_requirement",
        ),
        sa.PrimaryKeyConstraint("project_id", "requirement_number", "version", name=op.f("pk_requirement_version")),
    )
    op.create_table(
        "trace",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column(
            "from_kind",
            sa.Enum("requirement", "design", "item", "change_request", name="trace_kind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("from_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "to_kind",
            sa.Enum("requirement", "design", "item", "change_request", name="trace_kind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("to_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project_ledger.id"], name=op.f("fk_trace_project_id_project_ledger")),
        sa.PrimaryKeyConstraint(
            "project_id", "from_kind", "from_number", "to_kind", "to_number", name=op.f("pk_trace")
        ),
    )
    op.create_index(
        "ix_trace_to", "trace", ["project_id", "to_kind", "to_number", "from_kind", "from_number"], unique=False
    )


def downgrade() -> None:
    """Removes them."""
    op.drop_table("trace")
    op.drop_table("requirement_version")
    op.drop_table("requirement")
