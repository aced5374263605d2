"""What tells others of changes: webhooks, calendar addresses, and PostgreSQL's own word that a ledger has moved."""

import sqlalchemy as sa
from alembic import op

from portal.db import UtcDateTime

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


ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Adds the tables and, on PostgreSQL, the trigger that tells of changes."""
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("old_secret", sa.String(), nullable=True),
        sa.Column("old_secret_until", UtcDateTime(), nullable=True),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("audiences", sa.JSON(), nullable=False),
        sa.Column("only_project_id", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("disabled_at", UtcDateTime(), nullable=True),
        sa.Column("disabled_reason", sa.String(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=False),
        sa.Column("test_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["only_project_id"], ["project_ledger.id"], name=op.f("fk_webhook_endpoint_only_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
    )
    op.create_table(
        "webhook_cursor",
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("failing_since", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoint.id"], name=op.f("fk_webhook_cursor_endpoint_id_webhook_endpoint")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_webhook_cursor_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("endpoint_id", "project_id", name=op.f("pk_webhook_cursor")),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("response", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoint.id"], name=op.f("fk_webhook_delivery_endpoint_id_webhook_endpoint")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_webhook_delivery_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
    )
    op.create_index("ix_webhook_delivery_endpoint", "webhook_delivery", ["endpoint_id", "id"], unique=False)
    op.create_index("ix_webhook_delivery_at", "webhook_delivery", ["at"], unique=False)
    op.create_table(
        "calendar_feed",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_calendar_feed_person_id_person")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_calendar_feed_token_hash")),
    )
    if op.get_bind().dialect.name == "postgresql":
        for statement in TELL:
            op.execute(statement)


def downgrade() -> None:
    """Removes them."""
    if op.get_bind().dialect.name == "postgresql":
        for statement in TELL_NO_MORE:
            op.execute(statement)
    for table in ("calendar_feed", "webhook_delivery", "webhook_cursor", "webhook_endpoint"):
        op.drop_table(table)
