"""The first tables: ledger, access, people, identity, plan, backlog, imports, mail, and the guards of the ledger."""

import sqlalchemy as sa
from alembic import op

from portal.backlog import search
from portal.db import Fixed, UtcDateTime
from portal.ledger import triggers

revision = "2026_11_24_foundation"
down_revision = None
branch_labels = None
depends_on = None

BYTE_EXACT = (
    sa.String()
    .with_variant(sa.String(collation="C"), "postgresql")
    .with_variant(sa.String(collation="BINARY"), "sqlite")
)
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "company",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("external_ref", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company")),
        sa.UniqueConstraint("external_ref", name=op.f("uq_company_external_ref")),
        sa.UniqueConstraint("name", name=op.f("uq_company_name")),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.String(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index("ix_idempotency_key_expires", "idempotency_key", ["expires_at"], unique=False)
    op.create_table(
        "mail_outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("context", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("failed_at", UtcDateTime(), nullable=True),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.CheckConstraint("sent_at IS NULL OR failed_at IS NULL", name=op.f("ck_mail_outbox_ends_once")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_outbox")),
    )
    op.create_index("ix_mail_outbox_due", "mail_outbox", ["ended", "due_at"], unique=False)
    op.create_table(
        "person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("disabled_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
    )
    op.create_index("ix_person_email", "person", ["email"], unique=False)
    op.create_table(
        "project_ledger",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("client_version", sa.BigInteger(), nullable=False),
        sa.Column("billing_version", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_ledger")),
        sa.UniqueConstraint("key", name=op.f("uq_project_ledger_key")),
    )
    op.create_table(
        "robot",
        sa.Column("client_id", BYTE_EXACT, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_robot")),
    )
    op.create_table(
        "sign_in",
        sa.Column("state_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("verifier", sa.String(), nullable=False),
        sa.Column("next", sa.String(), nullable=False),
        sa.Column("max_age", sa.Integer(), nullable=True),
        sa.Column("acr", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_sign_in")),
    )
    op.create_index("ix_sign_in_expires", "sign_in", ["expires_at"], unique=False)
    op.create_table(
        "spent_token",
        sa.Column("issuer", BYTE_EXACT, nullable=False),
        sa.Column("jti", BYTE_EXACT, nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "jti", name=op.f("pk_spent_token")),
    )
    op.create_index("ix_spent_token_expires", "spent_token", ["expires_at"], unique=False)
    op.create_table(
        "burn_day",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("series_kind", sa.String(16), nullable=False),
        sa.Column("series_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("audience", sa.String(16), nullable=False),
        sa.Column("items_added", sa.Integer(), nullable=False),
        sa.Column("items_removed", sa.Integer(), nullable=False),
        sa.Column("items_done", sa.Integer(), nullable=False),
        sa.Column("items_reopened", sa.Integer(), nullable=False),
        sa.Column("points_added", Fixed(3), nullable=False),
        sa.Column("points_removed", Fixed(3), nullable=False),
        sa.Column("points_reestimated", Fixed(3), nullable=False),
        sa.Column("points_done", Fixed(3), nullable=False),
        sa.Column("points_reopened", Fixed(3), nullable=False),
        sa.Column("points_unestimated", sa.Integer(), nullable=False),
        sa.Column("hours_added", Fixed(3), nullable=False),
        sa.Column("hours_removed", Fixed(3), nullable=False),
        sa.Column("hours_reestimated", Fixed(3), nullable=False),
        sa.Column("hours_done", Fixed(3), nullable=False),
        sa.Column("hours_reopened", Fixed(3), nullable=False),
        sa.Column("hours_unestimated", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_burn_day_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", "series_kind", "series_id", "day", "audience", name=op.f("pk_burn_day")),
    )
    op.create_table(
        "contributor",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("external_ref", sa.String(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_contributor_person_id_person")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_contributor_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contributor")),
        sa.UniqueConstraint("project_id", "external_ref", name=op.f("uq_contributor_project_id_external_ref")),
    )
    op.create_table(
        "event",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_kind", sa.String(), nullable=False),
        sa.Column("subject_number", sa.BigInteger(), nullable=True),
        sa.Column("audience", sa.String(16), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint("audience IN ('internal', 'client', 'billing')", name=op.f("ck_event_audience")),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_event_digest_is_sha256")),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_event_seq_from_one")),
        sa.ForeignKeyConstraint(["project_id"], ["project_ledger.id"], name=op.f("fk_event_project_id_project_ledger")),
        sa.PrimaryKeyConstraint("project_id", "seq", name=op.f("pk_event")),
    )
    op.create_index("ix_event_audience", "event", ["project_id", "audience", "seq"], unique=False)
    op.create_index("ix_event_subject", "event", ["project_id", "subject_kind", "subject_number", "seq"], unique=False)
    op.create_table(
        "identity",
        sa.Column("issuer", BYTE_EXACT, nullable=False),
        sa.Column("sub", BYTE_EXACT, nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("bound_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_identity_person_id_person")),
        sa.PrimaryKeyConstraint("issuer", "sub", name=op.f("pk_identity")),
    )
    op.create_index(op.f("ix_identity_person_id"), "identity", ["person_id"], unique=False)
    op.create_table(
        "import_job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("mapping", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("done_items", sa.Integer(), nullable=False),
        sa.Column("all_items", sa.Integer(), nullable=True),
        sa.Column("report", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_import_job_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_job")),
    )
    op.create_index("ix_import_job_project", "import_job", ["project_id", "created_at"], unique=False)
    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("invited_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_sent_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("accepted_at", UtcDateTime(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "(accepted_at IS NULL) = (person_id IS NULL)", name=op.f("ck_invitation_accepted_by_somebody")
        ),
        sa.CheckConstraint("accepted_at IS NULL OR revoked_at IS NULL", name=op.f("ck_invitation_ends_once")),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_invitation_company_id_company")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_invitation_person_id_person")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_invitation_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_invitation_project_id_id")),
    )
    op.create_index("ix_invitation_email", "invitation", ["email"], unique=False)
    op.create_index(
        "uq_invitation_open",
        "invitation",
        ["project_id", "email"],
        unique=True,
        sqlite_where=sa.text("accepted_at IS NULL AND revoked_at IS NULL"),
        postgresql_where=sa.text("accepted_at IS NULL AND revoked_at IS NULL"),
    )
    op.create_table(
        "item_label",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("item_number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_item_label_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", "label", "item_number", name=op.f("pk_item_label")),
    )
    op.create_table(
        "item_span",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("item_number", sa.Integer(), nullable=False),
        sa.Column("valid_from", UtcDateTime(), nullable=False),
        sa.Column("valid_to", UtcDateTime(), nullable=True),
        sa.Column("points", Fixed(3), nullable=True),
        sa.Column("hours", Fixed(3), nullable=True),
        sa.Column("category", sa.String(16), nullable=False),
        sa.Column("iteration_id", sa.Uuid(), nullable=True),
        sa.Column("milestone_id", sa.Uuid(), nullable=True),
        sa.Column("audience", sa.String(16), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.CheckConstraint("valid_to IS NULL OR valid_from < valid_to", name=op.f("ck_item_span_is_not_empty")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_item_span_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", "item_number", "valid_from", name=op.f("pk_item_span")),
    )
    op.create_index("ix_item_span_from", "item_span", ["project_id", "valid_from"], unique=False)
    op.create_index("ix_item_span_iteration", "item_span", ["project_id", "iteration_id", "item_number"], unique=False)
    op.create_index("ix_item_span_milestone", "item_span", ["project_id", "milestone_id", "item_number"], unique=False)
    op.create_table(
        "iteration",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("goal", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("external_ref", sa.String(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "ends_on IS NULL OR starts_on IS NULL OR starts_on <= ends_on", name=op.f("ck_iteration_starts_before_end")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_iteration_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_iteration")),
        sa.UniqueConstraint("project_id", "external_ref", name=op.f("uq_iteration_project_id_external_ref")),
        sa.UniqueConstraint("project_id", "number", name=op.f("uq_iteration_project_id_number")),
    )
    op.create_table(
        "ledger_head",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("checkpoint", sa.String(), nullable=False),
        sa.CheckConstraint("length(root) = 32", name=op.f("ck_ledger_head_root_is_sha256")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_ledger_head_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", "size", name=op.f("pk_ledger_head")),
    )
    op.create_table(
        "membership",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("viewer", sa.Boolean(), nullable=False),
        sa.Column("approver", sa.Boolean(), nullable=False),
        sa.Column("billing", sa.Boolean(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.CheckConstraint("viewer OR approver OR billing", name=op.f("ck_membership_has_a_role")),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_membership_company_id_company")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_membership_person_id_person")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_membership_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("project_id", "person_id", name=op.f("pk_membership")),
    )
    op.create_index("ix_membership_person", "membership", ["person_id"], unique=False)
    op.create_table(
        "milestone",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("promised_on", sa.Date(), nullable=True),
        sa.Column("agreed_on", sa.Date(), nullable=True),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("external_ref", sa.String(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_milestone_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestone")),
        sa.UniqueConstraint("project_id", "external_ref", name=op.f("uq_milestone_project_id_external_ref")),
        sa.UniqueConstraint("project_id", "number", name=op.f("uq_milestone_project_id_number")),
    )
    op.create_table(
        "project",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("working_days", sa.Integer(), nullable=False),
        sa.Column("holidays", sa.String(), nullable=True),
        sa.Column("days_off", sa.JSON(), nullable=False),
        sa.Column("contact_name", sa.String(), nullable=False),
        sa.Column("contact_email", sa.String(), nullable=False),
        sa.Column("deputy_name", sa.String(), nullable=False),
        sa.Column("deputy_email", sa.String(), nullable=False),
        sa.Column("show_staff", sa.String(16), nullable=False),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_project_company_id_company")),
        sa.ForeignKeyConstraint(["id"], ["project_ledger.id"], name=op.f("fk_project_id_project_ledger")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
    )
    op.create_index(op.f("ix_project_company_id"), "project", ["company_id"], unique=False)
    op.create_table(
        "session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("issuer", BYTE_EXACT, nullable=False),
        sa.Column("sub", BYTE_EXACT, nullable=False),
        sa.Column("sid", BYTE_EXACT, nullable=True),
        sa.Column("sign_in_id", sa.Uuid(), nullable=False),
        sa.Column("staff_roles", sa.JSON(), nullable=False),
        sa.Column("acr", sa.String(), nullable=True),
        sa.Column("amr", sa.JSON(), nullable=False),
        sa.Column("auth_time", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("idle_until", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("user_agent", sa.String(), nullable=False),
        sa.Column("view_as", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_session_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_session_token_hash")),
    )
    op.create_index("ix_session_account", "session", ["issuer", "sub"], unique=False)
    op.create_index("ix_session_expires", "session", ["expires_at"], unique=False)
    op.create_index("ix_session_person", "session", ["person_id"], unique=False)
    op.create_index("ix_session_sid", "session", ["issuer", "sid"], unique=False)
    op.create_table(
        "status",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("category", sa.String(16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("client_items", sa.Integer(), nullable=False),
        sa.Column("internal_items", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project_ledger.id"], name=op.f("fk_status_project_id_project_ledger")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_status_project_id_name")),
    )
    op.create_table(
        "item",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("acceptance_criteria", sa.String(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("points", Fixed(3), nullable=True),
        sa.Column("hours", Fixed(3), nullable=True),
        sa.Column("status_id", sa.Uuid(), nullable=False),
        sa.Column("iteration_id", sa.Uuid(), nullable=True),
        sa.Column("milestone_id", sa.Uuid(), nullable=True),
        sa.Column("parent_number", sa.Integer(), nullable=True),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("audience", sa.String(16), nullable=False),
        sa.Column("external_ref", sa.String(), nullable=True),
        sa.Column("external_key", sa.String(), nullable=True),
        sa.Column("external_url", sa.String(), nullable=True),
        sa.Column("blocked_reason", sa.String(), nullable=True),
        sa.Column("blocked_on", sa.String(16), nullable=True),
        sa.Column("blocked_since", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.CheckConstraint("(blocked_reason IS NULL) = (blocked_on IS NULL)", name=op.f("ck_item_block_is_whole")),
        sa.ForeignKeyConstraint(["assignee_id"], ["contributor.id"], name=op.f("fk_item_assignee_id_contributor")),
        sa.ForeignKeyConstraint(["iteration_id"], ["iteration.id"], name=op.f("fk_item_iteration_id_iteration")),
        sa.ForeignKeyConstraint(["milestone_id"], ["milestone.id"], name=op.f("fk_item_milestone_id_milestone")),
        sa.ForeignKeyConstraint(["project_id"], ["project_ledger.id"], name=op.f("fk_item_project_id_project_ledger")),
        sa.ForeignKeyConstraint(["status_id"], ["status.id"], name=op.f("fk_item_status_id_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
        sa.UniqueConstraint("project_id", "external_ref", name=op.f("uq_item_project_id_external_ref")),
        sa.UniqueConstraint("project_id", "number", name=op.f("uq_item_project_id_number")),
    )
    op.create_index(
        "ix_item_blocked", "item", ["project_id", "blocked_on", "deleted", "position", "number"], unique=False
    )
    op.create_index("ix_item_board", "item", ["project_id", "status_id", "deleted", "position", "number"], unique=False)
    op.create_index("ix_item_done", "item", ["project_id", "deleted", "done_at", "number"], unique=False)
    op.create_index(
        "ix_item_iteration",
        "item",
        ["project_id", "iteration_id", "deleted", "position", "number"],
        unique=False,
    )
    op.create_index("ix_item_order", "item", ["project_id", "deleted", "position", "number"], unique=False)
    op.create_index(
        "ix_item_milestone",
        "item",
        ["project_id", "milestone_id", "deleted", "position", "number"],
        unique=False,
    )
    op.create_index("ix_item_type", "item", ["project_id", "type", "deleted", "position", "number"], unique=False)
    for statement in (
        *search.CREATE[op.get_bind().dialect.name].split(";"),
        *triggers.create(op.get_bind().dialect.name),
    ):
        op.execute(sa.text(statement.replace(":", "\\:")))


def downgrade() -> None:
    for statement in triggers.drop(op.get_bind().dialect.name):
        op.execute(sa.text(statement))
    op.execute(sa.text("DROP TABLE item_search"))
    op.drop_index("ix_item_type", table_name="item")
    op.drop_index("ix_item_milestone", table_name="item")
    op.drop_index("ix_item_order", table_name="item")
    op.drop_index("ix_item_iteration", table_name="item")
    op.drop_index("ix_item_done", table_name="item")
    op.drop_index("ix_item_board", table_name="item")
    op.drop_index("ix_item_blocked", table_name="item")
    op.drop_table("item")
    op.drop_table("status")
    op.drop_index("ix_session_sid", table_name="session")
    op.drop_index("ix_session_person", table_name="session")
    op.drop_index("ix_session_expires", table_name="session")
    op.drop_index("ix_session_account", table_name="session")
    op.drop_table("session")
    op.drop_index(op.f("ix_project_company_id"), table_name="project")
    op.drop_table("project")
    op.drop_table("milestone")
    op.drop_index("ix_membership_person", table_name="membership")
    op.drop_table("membership")
    op.drop_table("ledger_head")
    op.drop_table("iteration")
    op.drop_index("ix_item_span_milestone", table_name="item_span")
    op.drop_index("ix_item_span_iteration", table_name="item_span")
    op.drop_index("ix_item_span_from", table_name="item_span")
    op.drop_table("item_span")
    op.drop_table("item_label")
    op.drop_index(
        "uq_invitation_open",
        table_name="invitation",
        sqlite_where=sa.text("accepted_at IS NULL AND revoked_at IS NULL"),
        postgresql_where=sa.text("accepted_at IS NULL AND revoked_at IS NULL"),
    )
    op.drop_index("ix_invitation_email", table_name="invitation")
    op.drop_table("invitation")
    op.drop_index("ix_import_job_project", table_name="import_job")
    op.drop_table("import_job")
    op.drop_index(op.f("ix_identity_person_id"), table_name="identity")
    op.drop_table("identity")
    op.drop_index("ix_event_subject", table_name="event")
    op.drop_index("ix_event_audience", table_name="event")
    op.drop_table("event")
    op.drop_table("contributor")
    op.drop_table("burn_day")
    op.drop_index("ix_spent_token_expires", table_name="spent_token")
    op.drop_table("spent_token")
    op.drop_index("ix_sign_in_expires", table_name="sign_in")
    op.drop_table("sign_in")
    op.drop_table("robot")
    op.drop_table("project_ledger")
    op.drop_index("ix_person_email", table_name="person")
    op.drop_table("person")
    op.drop_index("ix_mail_outbox_due", table_name="mail_outbox")
    op.drop_table("mail_outbox")
    op.drop_index("ix_idempotency_key_expires", table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_table("company")
