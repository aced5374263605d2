"""Designs with their versions, what a version is made of, and pins with their replies."""

import sqlalchemy as sa
from alembic import op

from portal.db import UtcDateTime

revision = "2026_11_26_designs"
down_revision = "2026_11_26_decisions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the tables."""
    op.create_table(
        "design",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column(
            "audience",
            sa.Enum("internal", "client", "billing", name="audience", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("shown_version", sa.Integer(), nullable=True),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.Column("last_pin", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(audience = 'client') = (shown_version IS NOT NULL)", name=op.f("ck_design_shown_to_client")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_design_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", "number", name=op.f("pk_design")),
    )
    op.create_table(
        "design_version",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("design_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column(
            "audience",
            sa.Enum("internal", "client", "billing", name="audience", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("published_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(audience = 'client') = (published_at IS NOT NULL)", name=op.f("ck_design_version_published_to_client")
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "design_number"],
            ["design.project_id", "design.number"],
            name=op.f("fk_design_version_project_id_design_number_design"),
        ),
        sa.PrimaryKeyConstraint("project_id", "design_number", "version", name=op.f("pk_design_version")),
    )
    op.create_table(
        "design_part",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("design_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file_number", sa.Integer(), nullable=True),
        sa.Column("url", sa.String(), nullable=True),
        sa.CheckConstraint("file_number IS NOT NULL OR url IS NOT NULL", name=op.f("ck_design_part_is_something")),
        sa.ForeignKeyConstraint(
            ["project_id", "design_number", "version"],
            ["design_version.project_id", "design_version.design_number", "design_version.version"],
            name=op.f("fk_design_part_project_id_design_number_version_design_version"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "file_number"],
            ["file.project_id", "file.number"],
            name=op.f("fk_design_part_project_id_file_number_file"),
        ),
        sa.PrimaryKeyConstraint("project_id", "design_number", "version", "position", name=op.f("pk_design_part")),
    )
    op.create_table(
        "design_pin",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("design_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("x", sa.Integer(), nullable=False),
        sa.Column("y", sa.Integer(), nullable=False),
        sa.Column(
            "audience",
            sa.Enum("internal", "client", "billing", name="audience", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("by_staff", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.String(), nullable=True),
        sa.Column("resolved_version", sa.Integer(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(resolved_at IS NULL) = (resolved_version IS NULL)", name=op.f("ck_design_pin_resolved_on_a_version")
        ),
        sa.CheckConstraint(
            "x BETWEEN 0 AND 10000 AND y BETWEEN 0 AND 10000", name=op.f("ck_design_pin_within_the_picture")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_design_pin_person_id_person")),
        sa.ForeignKeyConstraint(
            ["project_id", "design_number", "version"],
            ["design_version.project_id", "design_version.design_number", "design_version.version"],
            name=op.f("fk_design_pin_project_id_design_number_version_design_version"),
        ),
        sa.PrimaryKeyConstraint("project_id", "design_number", "number", name=op.f("pk_design_pin")),
    )
    op.create_table(
        "design_reply",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("design_number", sa.Integer(), nullable=False),
        sa.Column("pin_number", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("by_staff", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_design_reply_person_id_person")),
        sa.ForeignKeyConstraint(
            ["project_id", "design_number", "pin_number"],
            ["design_pin.project_id", "design_pin.design_number", "design_pin.number"],
            name=op.f("fk_design_reply_project_id_design_number_pin_number_design_pin"),
        ),
        sa.PrimaryKeyConstraint("project_id", "seq", name=op.f("pk_design_reply")),
    )
    op.create_index("ix_design_audience", "design", ["project_id", "audience", "number"], unique=False)
    op.create_index(
        "ix_design_reply_pin", "design_reply", ["project_id", "design_number", "pin_number", "seq"], unique=False
    )


def downgrade() -> None:
    """Removes them."""
    op.drop_table("design_reply")
    op.drop_table("design_pin")
    op.drop_table("design_part")
    op.drop_table("design_version")
    op.drop_table("design")
