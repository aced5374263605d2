"""Members who are testers, and may be nothing else."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_testers"
down_revision = "2026_11_26_webhooks"
branch_labels = None
depends_on = None

CHECK = op.f("ck_membership_has_a_role")


def upgrade() -> None:
    """Adds the role."""
    with op.batch_alter_table("membership") as table:
        table.add_column(sa.Column("tester", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.drop_constraint(CHECK, type_="check")
        table.create_check_constraint(CHECK, "viewer OR approver OR billing OR tester")


def downgrade() -> None:
    """Takes it away, and with it who had no other."""
    others = sa.text("DELETE FROM membership WHERE NOT (viewer OR approver OR billing)")
    op.execute(others.execution_options(cross_project="the role is taken away everywhere"))
    with op.batch_alter_table("membership") as table:
        table.drop_constraint(CHECK, type_="check")
        table.drop_column("tester")
        table.create_check_constraint(CHECK, "viewer OR approver OR billing")
