"""Which cases test a requirement or an item is asked by each of their pages."""

from alembic import op

revision = "2026_11_27_cases_traced"
down_revision = "2026_11_27_design_pages"
branch_labels = None
depends_on = None

FIELDS = ("requirement", "item")


def upgrade() -> None:
    """Adds the indexes."""
    for field in FIELDS:
        op.create_index(f"ix_test_case_{field}", "test_case", ["project_id", f"{field}_number"])


def downgrade() -> None:
    """Takes them away."""
    for field in FIELDS:
        op.drop_index(f"ix_test_case_{field}", table_name="test_case")
