"""Without an index of verdicts: what PostgreSQL knows nothing of yet it looked up by this one instead of by the key."""

from alembic import op

revision = "2026_11_27_round_verdicts"
down_revision = "2026_11_27_trace_version"
branch_labels = None
depends_on = None

NAME, TABLE = "ix_test_round_case_verdict", "test_round_case"


def upgrade() -> None:
    """Takes the index away."""
    op.drop_index(NAME, TABLE)


def downgrade() -> None:
    """Makes it again."""
    op.create_index(NAME, TABLE, ["project_id", "plan_number", "round_number", "verdict"], unique=False)
