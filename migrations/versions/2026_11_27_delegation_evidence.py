"""How somebody was signed in who let another one decide for them."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_27_delegation_evidence"
down_revision = "2026_11_27_cases_traced"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; of those that were given until now nothing was kept."""
    op.add_column("delegation", sa.Column("evidence", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Takes it away."""
    op.drop_column("delegation", "evidence")
