"""What tells others of changes: PostgreSQL's own word that a ledger has moved."""

from alembic import op

revision = "2026_11_26_webhooks"
down_revision = "2026_11_26_notify"
branch_labels = None
depends_on = None

TELL = (
    # The project's id alone: whoever hears it asks for what they may see. Sent by the commit, once a transaction.
    """CREATE FUNCTION tell_of_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('portal_ledger', NEW.id::text);
    RETURN NULL;
END $$""",
    "CREATE TRIGGER project_ledger_tells AFTER UPDATE OF version ON project_ledger FOR EACH ROW "
    "WHEN (OLD.version IS DISTINCT FROM NEW.version) EXECUTE FUNCTION tell_of_ledger()",
)
TELL_NO_MORE = (
    "DROP TRIGGER IF EXISTS project_ledger_tells ON project_ledger",
    "DROP FUNCTION IF EXISTS tell_of_ledger()",
)


def upgrade() -> None:
    """Adds the tables and, on PostgreSQL, the trigger that tells of changes."""
    if op.get_bind().dialect.name == "postgresql":
        for statement in TELL:
            op.execute(statement)


def downgrade() -> None:
    """Removes them."""
    if op.get_bind().dialect.name == "postgresql":
        for statement in TELL_NO_MORE:
            op.execute(statement)
