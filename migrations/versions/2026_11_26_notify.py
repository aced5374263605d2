"""What people wish to be told, how far they were, which addresses refuse mail, and links and replies of mails."""

import sqlalchemy as sa
from alembic import op

from portal.db import UtcDateTime

revision = "2026_11_26_notify"
down_revision = "2026_11_26_changes"
branch_labels = None
depends_on = None

PERSON = ("person_id", "person.id")
PROJECT = ("project_id", "project_ledger.id")


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_{target.partition('.')[0]}"
    return sa.ForeignKeyConstraint([column], [target], name=op.f(name))


def upgrade() -> None:
    """Adds the tables. Whatever happened before this release is told already: nobody wants a mail about last year."""
    for column in ("dedupe_key", "topic"):
        op.add_column("mail_outbox", sa.Column(column, sa.String(), nullable=True))
    op.add_column("mail_outbox", sa.Column("person_id", sa.Uuid(), nullable=True))
    op.create_index("uq_mail_outbox_dedupe_key", "mail_outbox", ["dedupe_key"], unique=True)
    _wishes()
    _cursors()
    _addresses()
    op.execute(
        sa.text("INSERT INTO notify_cursor (project_id, seq) SELECT id, version FROM project_ledger WHERE version > 0"),
        execution_options={"cross_project": "every project's past is told"},
    )


def _wishes() -> None:
    op.create_table(
        "notify_preference",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("asked", sa.String(), nullable=True),
        sa.Column("news", sa.String(), nullable=True),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_until", sa.Time(), nullable=True),
        sa.Column("time_zone", sa.String(), nullable=True),
        sa.Column("digested_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("asked IN ('now', 'digest', 'off')", name=op.f("ck_notify_preference_asked")),
        sa.CheckConstraint("news IN ('now', 'daily', 'weekly', 'off')", name=op.f("ck_notify_preference_news")),
        sa.CheckConstraint(
            "(quiet_from IS NULL) = (quiet_until IS NULL)", name=op.f("ck_notify_preference_quiet_from_and_until")
        ),
        _to("notify_preference", *PERSON),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_notify_preference")),
    )
    op.create_table(
        "staff_standing",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("until_at", UtcDateTime(), nullable=False),
        _to("staff_standing", *PERSON),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_staff_standing")),
    )


def _cursors() -> None:
    op.create_table(
        "notify_cursor",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        _to("notify_cursor", *PROJECT),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_notify_cursor")),
    )
    op.create_table(
        "notify_reader",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        _to("notify_reader", *PROJECT),
        _to("notify_reader", *PERSON),
        sa.PrimaryKeyConstraint("project_id", "person_id", name=op.f("pk_notify_reader")),
    )
    op.create_index("ix_notify_reader_person", "notify_reader", ["person_id"])


def _addresses() -> None:
    op.create_table(
        "mail_refused",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.CheckConstraint("source IN ('smtp', 'bounce')", name=op.f("ck_mail_refused_source")),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_mail_refused")),
    )
    op.create_index("ix_mail_refused_last_at", "mail_refused", ["last_at"])
    op.create_table(
        "mail_link",
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        _to("mail_link", *PERSON),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_mail_link")),
    )
    op.create_index("ix_mail_link_expires_at", "mail_link", ["expires_at"])
    op.create_table(
        "mail_reply",
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("decision_number", sa.Integer(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        _to("mail_reply", *PERSON),
        _to("mail_reply", *PROJECT),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_mail_reply")),
    )
    op.create_index("ix_mail_reply_expires_at", "mail_reply", ["expires_at"])


def downgrade() -> None:
    """Removes them."""
    for table in (
        "mail_reply", "mail_link", "mail_refused", "notify_reader", "notify_cursor", "staff_standing",
        "notify_preference",
    ):  # fmt: skip
        op.drop_table(table)
    op.drop_index("uq_mail_outbox_dedupe_key", table_name="mail_outbox")
    for column in ("person_id", "topic", "dedupe_key"):
        op.drop_column("mail_outbox", column)
