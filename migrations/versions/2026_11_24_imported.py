"""What imports last saw of their sources."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_imported"
down_revision = "2026_11_24_foundation"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "imported",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("external_ref", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("changes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_imported_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", "kind", "external_ref", name=op.f("pk_imported")),
    )


def downgrade() -> None:
    """Removes it."""
    op.drop_table("imported")
