"""Row-level security around every table of a project, and what the service's role may do; on PostgreSQL alone."""

from alembic import op
from sqlalchemy import inspect

from portal import wall

revision = "2026_11_27_wall"
down_revision = "2026_11_27_round_verdicts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Puts the wall around what there is; later tables bring theirs in their own revision (`wall.guard`)."""
    if op.get_bind().dialect.name == "postgresql":
        for table, column in _tables().items():
            for statement in wall.guard(table, column, has_others=table == "webhook_delivery"):
                op.execute(statement)
        op.execute(wall.STATISTICS)
        op.execute(wall.REVOKE_STATISTICS)


def downgrade() -> None:
    """Takes it away."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(wall.NO_STATISTICS)
        for table in _tables():
            for statement in wall.unguard(table):
                op.execute(statement)


def _tables() -> dict[str, str]:
    found = inspect(op.get_bind())
    columns = {table: {column["name"] for column in found.get_columns(table)} for table in found.get_table_names()}
    return {table: "project_id" for table, names in columns.items() if "project_id" in names} | wall.FINDING
