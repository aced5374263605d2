"""The changes room's tables."""

revision = "2026_11_26_changes"
down_revision = "2026_11_26_requirements"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the tables."""


def downgrade() -> None:
    """Removes them."""
