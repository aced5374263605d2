"""The files room's table."""

import sqlalchemy as sa
from alembic import op

from portal.db import UtcDateTime

revision = "2026_11_26_files"
down_revision = "2026_11_24_imported"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("audience", sa.String(16), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("preview", sa.LargeBinary(32), nullable=True),
        sa.Column("project_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("audience IN ('internal', 'client', 'billing')", name=op.f("ck_file_audience")),
        sa.CheckConstraint("length(sha256) = 32", name=op.f("ck_file_sha256_length")),
        sa.CheckConstraint("preview IS NULL OR length(preview) = 32", name=op.f("ck_file_preview_length")),
        sa.CheckConstraint("size >= 1", name=op.f("ck_file_size_positive")),
        sa.ForeignKeyConstraint(["project_id"], ["project_ledger.id"], name=op.f("fk_file_project_id_project_ledger")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
        sa.UniqueConstraint("project_id", "number", name=op.f("uq_file_project_id_number")),
    )
    op.create_index("ix_file_sha256", "file", ["project_id", "sha256"])
    op.create_index("ix_file_preview", "file", ["project_id", "preview"])


def downgrade() -> None:
    """Removes it."""
    op.drop_table("file")
