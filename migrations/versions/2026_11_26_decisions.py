"""Decisions with their answers, remarks and turns; delegations; receipts; a project's working hours."""

import sqlalchemy as sa
from alembic import op

from portal.db import UtcDateTime

revision = "2026_11_26_decisions"
down_revision = "2026_11_26_files"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the tables and columns."""
    op.add_column("project", sa.Column("work_starts", sa.Integer(), nullable=False, server_default="540"))
    op.add_column("project", sa.Column("work_ends", sa.Integer(), nullable=False, server_default="1020"))
    op.create_table(
        "decision",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "kind",
            sa.Enum("design", "requirement", "change_request", name="decision_kind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("subject_number", sa.Integer(), nullable=False),
        sa.Column("subject_version", sa.Integer(), nullable=False),
        sa.Column(
            "audience",
            sa.Enum("internal", "client", "billing", name="audience", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False),
        sa.Column("is_named", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("holds_up", sa.String(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("asked", "decided", "withdrawn", "superseded", name="decision_state", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column(
            "outcome",
            sa.Enum(
                "approved",
                "approved_with_remarks",
                "changes_wanted",
                "declined",
                name="verdict",
                native_enum=False,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("choice", sa.String(), nullable=True),
        sa.Column("settled_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("turn", sa.Enum("client", "agency", name="side", native_enum=False, length=32), nullable=True),
        sa.Column("reminded_on", sa.Date(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.CheckConstraint("(state = 'decided') = (outcome IS NOT NULL)", name=op.f("ck_decision_decided_has_outcome")),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_decision_digest_is_sha256")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_decision_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", "number", name=op.f("pk_decision")),
    )
    op.create_table(
        "decision_person",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("decision_number", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_decision_person_person_id_person")),
        sa.ForeignKeyConstraint(
            ["project_id", "decision_number"],
            ["decision.project_id", "decision.number"],
            name=op.f("fk_decision_person_project_id_decision_number_decision"),
        ),
        sa.PrimaryKeyConstraint("project_id", "decision_number", "person_id", name=op.f("pk_decision_person")),
    )
    op.create_table(
        "decision_answer",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("decision_number", sa.Integer(), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "verdict",
            sa.Enum(
                "approved",
                "approved_with_remarks",
                "changes_wanted",
                "declined",
                name="verdict",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("choice", sa.String(), nullable=True),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_decision_answer_person_id_person")),
        sa.ForeignKeyConstraint(["principal_id"], ["person.id"], name=op.f("fk_decision_answer_principal_id_person")),
        sa.ForeignKeyConstraint(
            ["project_id", "decision_number"],
            ["decision.project_id", "decision.number"],
            name=op.f("fk_decision_answer_project_id_decision_number_decision"),
        ),
        sa.PrimaryKeyConstraint("project_id", "decision_number", "principal_id", name=op.f("pk_decision_answer")),
    )
    op.create_table(
        "decision_remark",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("decision_number", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("by_staff", sa.Boolean(), nullable=False),
        sa.Column("is_question", sa.Boolean(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("by_mail", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_decision_remark_person_id_person")),
        sa.ForeignKeyConstraint(
            ["project_id", "decision_number"],
            ["decision.project_id", "decision.number"],
            name=op.f("fk_decision_remark_project_id_decision_number_decision"),
        ),
        sa.PrimaryKeyConstraint("project_id", "seq", name=op.f("pk_decision_remark")),
    )
    op.create_table(
        "decision_turn",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("decision_number", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("side", sa.Enum("client", "agency", name="side", native_enum=False, length=32), nullable=False),
        sa.Column("from_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("until_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.CheckConstraint("(until_at IS NULL) = (minutes IS NULL)", name=op.f("ck_decision_turn_ended_has_minutes")),
        sa.ForeignKeyConstraint(
            ["project_id", "decision_number"],
            ["decision.project_id", "decision.number"],
            name=op.f("fk_decision_turn_project_id_decision_number_decision"),
        ),
        sa.PrimaryKeyConstraint("project_id", "decision_number", "ordinal", name=op.f("pk_decision_turn")),
    )
    op.create_table(
        "decision_draft",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("decision_number", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("choice", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_decision_draft_person_id_person")),
        sa.ForeignKeyConstraint(
            ["project_id", "decision_number"],
            ["decision.project_id", "decision.number"],
            name=op.f("fk_decision_draft_project_id_decision_number_decision"),
        ),
        sa.PrimaryKeyConstraint("project_id", "decision_number", "person_id", name=op.f("pk_decision_draft")),
    )
    op.create_table(
        "decision_judgement",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("decision_number", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "decision_number"],
            ["decision.project_id", "decision.number"],
            name=op.f("fk_decision_judgement_project_id_decision_number_decision"),
        ),
        sa.PrimaryKeyConstraint("project_id", "seq", name=op.f("pk_decision_judgement")),
    )
    op.create_table(
        "delegation",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("to_person_id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("ended_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.CheckConstraint("from_on <= until_on", name=op.f("ck_delegation_from_before_until")),
        sa.CheckConstraint("person_id <> to_person_id", name=op.f("ck_delegation_to_somebody_else")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_delegation_person_id_person")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_delegation_project_id_project_ledger")
        ),
        sa.ForeignKeyConstraint(["to_person_id"], ["person.id"], name=op.f("fk_delegation_to_person_id_person")),
        sa.PrimaryKeyConstraint("project_id", "number", name=op.f("pk_delegation")),
    )
    op.create_table(
        "receipt",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("issued_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("timestamp", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_receipt_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", "seq", name=op.f("pk_receipt")),
    )
    op.create_index(
        "ix_receipt_unstamped",
        "receipt",
        ["issued_at"],
        unique=False,
        sqlite_where=sa.text('"timestamp" IS NULL'),
        postgresql_where=sa.text('"timestamp" IS NULL'),
    )
    op.create_index("ix_decision_state", "decision", ["project_id", "state", "number"], unique=False)
    op.create_index("ix_decision_subject", "decision", ["project_id", "kind", "subject_number"], unique=False)
    op.create_index(
        "uq_decision_open",
        "decision",
        ["project_id", "kind", "subject_number"],
        unique=True,
        sqlite_where=sa.text("state = 'asked'"),
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.create_index("ix_decision_remark_decision", "decision_remark", ["project_id", "decision_number"], unique=False)
    op.create_index("ix_decision_turn_open", "decision_turn", ["project_id", "until_at"], unique=False)
    op.create_index(
        "ix_decision_judgement_decision", "decision_judgement", ["project_id", "decision_number"], unique=False
    )
    op.create_index("ix_delegation_to", "delegation", ["project_id", "to_person_id"], unique=False)


def downgrade() -> None:
    """Removes them."""
    op.drop_table("receipt")
    op.drop_table("delegation")
    op.drop_table("decision_judgement")
    op.drop_table("decision_draft")
    op.drop_table("decision_turn")
    op.drop_table("decision_remark")
    op.drop_table("decision_answer")
    op.drop_table("decision_person")
    op.drop_table("decision")

    op.drop_column("project", "work_ends")
    op.drop_column("project", "work_starts")
