"""Which version of a design a link means, where one was meant."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_27_trace_version"
down_revision = "2026_11_27_round_reminders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column."""
    op.add_column("trace", sa.Column("design_version", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Takes it away."""
    op.drop_column("trace", "design_version")
