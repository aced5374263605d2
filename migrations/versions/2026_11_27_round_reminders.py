"""When the testers of a round were reminded of its last day, so that they are once."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_27_round_reminders"
down_revision = "2026_11_26_acceptance"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column."""
    op.add_column("test_round", sa.Column("reminded_on", sa.Date(), nullable=True))


def downgrade() -> None:
    """Takes it away."""
    op.drop_column("test_round", "reminded_on")
