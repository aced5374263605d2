"""Test acceptance: plans, cases, rounds, results, defects, acceptances; and when a contract lets silence count."""

import sqlalchemy as sa
from alembic import op

from portal.db import UtcDateTime

revision = "2026_11_26_acceptance"
down_revision = "2026_11_26_billing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the tables, and the contract's column."""
    op.add_column("contract", sa.Column("deemed_after_days", sa.Integer(), nullable=True))
    op.create_table(
        "test_plan",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("milestone_number", sa.Integer(), nullable=True),
        sa.Column("change_number", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("offered_version", sa.Integer(), nullable=True),
        sa.Column("last_case", sa.Integer(), nullable=False),
        sa.Column("is_gate", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_test_plan_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", "number", name=op.f("pk_test_plan")),
    )
    op.create_table(
        "test_plan_version",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("plan_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "state", sa.Enum("draft", "offered", name="test_plan_state", native_enum=False, length=32), nullable=False
        ),
        sa.Column(
            "rule",
            sa.Enum(
                "worst_of_latest", "latest", "majority_of_latest", name="verdict_rule", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column("criteria", sa.JSON(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("offered_at", UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id", "plan_number"],
            ["test_plan.project_id", "test_plan.number"],
            name="fk_test_plan_version_plan",
        ),
        sa.PrimaryKeyConstraint("project_id", "plan_number", "version", name=op.f("pk_test_plan_version")),
    )
    op.create_table(
        "test_case",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("plan_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("section", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("precondition", sa.String(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("expected", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("is_automatic", sa.Boolean(), nullable=False),
        sa.Column("requirement_number", sa.Integer(), nullable=True),
        sa.Column("item_number", sa.Integer(), nullable=True),
        sa.Column("criterion", sa.String(), nullable=False),
        sa.Column("external_ref", sa.String(), nullable=True),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint("priority BETWEEN 1 AND 3", name=op.f("ck_test_case_priority_1_to_3")),
        sa.ForeignKeyConstraint(
            ["project_id", "plan_number", "version"],
            ["test_plan_version.project_id", "test_plan_version.plan_number", "test_plan_version.version"],
            name="fk_test_case_version",
        ),
        sa.PrimaryKeyConstraint("project_id", "plan_number", "version", "number", name=op.f("pk_test_case")),
        sa.UniqueConstraint("project_id", "plan_number", "version", "external_ref", name="uq_test_case_external_ref"),
    )
    op.create_table(
        "test_round",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("plan_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("build", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("build_hash", sa.String(length=128), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("opened_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("closed_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("not_applicable", sa.Integer(), nullable=False),
        sa.Column("blocked", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "plan_number"], ["test_plan.project_id", "test_plan.number"], name="fk_test_round_plan"
        ),
        sa.PrimaryKeyConstraint("project_id", "plan_number", "number", name=op.f("pk_test_round")),
    )
    op.create_table(
        "test_tester",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("plan_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("round_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_test_tester_person_id_person")),
        sa.ForeignKeyConstraint(
            ["project_id", "plan_number", "round_number"],
            ["test_round.project_id", "test_round.plan_number", "test_round.number"],
            name="fk_test_tester_round",
        ),
        sa.PrimaryKeyConstraint("project_id", "plan_number", "round_number", "person_id", name=op.f("pk_test_tester")),
    )
    op.create_table(
        "test_round_case",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("plan_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("round_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("case_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "why",
            sa.Enum(
                "new", "not_passed", "defect_done", "covers_changed", name="test_why", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "verdict",
            sa.Enum("passed", "not_applicable", "blocked", "failed", name="test_outcome", native_enum=False, length=32),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "plan_number", "round_number"],
            ["test_round.project_id", "test_round.plan_number", "test_round.number"],
            name="fk_test_round_case_round",
        ),
        sa.PrimaryKeyConstraint(
            "project_id", "plan_number", "round_number", "case_number", name=op.f("pk_test_round_case")
        ),
    )
    op.create_table(
        "test_result",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_number", sa.Integer(), nullable=False),
        sa.Column("round_number", sa.Integer(), nullable=False),
        sa.Column("case_number", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum("passed", "not_applicable", "blocked", "failed", name="test_outcome", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("remark", sa.String(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("is_latest", sa.Boolean(), nullable=False),
        sa.Column("undone_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_test_result_person_id_person")),
        sa.ForeignKeyConstraint(
            ["project_id", "plan_number", "round_number"],
            ["test_round.project_id", "test_round.plan_number", "test_round.number"],
            name="fk_test_result_round",
        ),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_test_result")),
    )
    op.create_table(
        "test_standing",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("plan_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("case_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("round_number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column(
            "verdict",
            sa.Enum("passed", "not_applicable", "blocked", "failed", name="test_outcome", native_enum=False, length=32),
            nullable=True,
        ),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "plan_number"], ["test_plan.project_id", "test_plan.number"], name="fk_test_standing_plan"
        ),
        sa.PrimaryKeyConstraint("project_id", "plan_number", "case_number", name=op.f("pk_test_standing")),
    )
    op.create_table(
        "test_file",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("plan_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "plan_number"], ["test_plan.project_id", "test_plan.number"], name="fk_test_file_plan"
        ),
        sa.PrimaryKeyConstraint("project_id", "plan_number", "file_number", name=op.f("pk_test_file")),
    )
    op.create_table(
        "test_defect",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("plan_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("case_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("item_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("round_number", sa.Integer(), nullable=False),
        sa.Column(
            "severity",
            sa.Enum("blocker", "major", "minor", name="test_severity", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "plan_number"], ["test_plan.project_id", "test_plan.number"], name="fk_test_defect_plan"
        ),
        sa.PrimaryKeyConstraint("project_id", "plan_number", "case_number", "item_number", name=op.f("pk_test_defect")),
    )
    op.create_table(
        "acceptance",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("plan_number", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("milestone_number", sa.Integer(), nullable=True),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "accepted",
                "accepted_with_reservations",
                "refused",
                "deemed",
                "withdrawn",
                name="acceptance_state",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("decision_number", sa.Integer(), nullable=False),
        sa.Column("protocol", sa.String(), nullable=False),
        sa.Column("protocol_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("build_hash", sa.String(length=128), nullable=False),
        sa.Column("deemed_on", sa.Date(), nullable=True),
        sa.Column("announced", sa.Integer(), nullable=False),
        sa.Column("announced_on", sa.Date(), nullable=True),
        sa.Column("reservations", sa.JSON(), nullable=False),
        sa.Column("asked_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("settled_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "plan_number"], ["test_plan.project_id", "test_plan.number"], name="fk_acceptance_plan"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_acceptance_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", "number", name=op.f("pk_acceptance")),
    )
    op.create_index(
        "ix_test_case_position",
        "test_case",
        ["project_id", "plan_number", "version", "position", "number"],
        unique=False,
    )
    op.create_index("ix_test_tester_person", "test_tester", ["person_id"], unique=False)
    op.create_index(
        "ix_test_round_case_verdict",
        "test_round_case",
        ["project_id", "plan_number", "round_number", "verdict"],
        unique=False,
    )
    op.create_index(
        "ix_test_result_case",
        "test_result",
        ["project_id", "plan_number", "round_number", "case_number", "person_id", "seq"],
        unique=False,
    )
    op.create_index("ix_test_defect_item", "test_defect", ["project_id", "item_number"], unique=False)
    op.create_index("ix_acceptance_plan", "acceptance", ["project_id", "plan_number", "number"], unique=False)
    op.create_index("ix_acceptance_state", "acceptance", ["state", "deemed_on"], unique=False)


def downgrade() -> None:
    """Removes them."""
    op.drop_table("acceptance")
    op.drop_table("test_defect")
    op.drop_table("test_file")
    op.drop_table("test_standing")
    op.drop_table("test_result")
    op.drop_table("test_round_case")
    op.drop_table("test_tester")
    op.drop_table("test_round")
    op.drop_table("test_case")
    op.drop_table("test_plan_version")
    op.drop_table("test_plan")
    op.drop_column("contract", "deemed_after_days")
