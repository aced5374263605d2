"""The pages of a PDF: what the preview shows of which, and on which one a remark stands."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_27_design_pages"
down_revision = "2026_11_27_wall"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns; every remark until now stands on a first page."""
    op.add_column("file", sa.Column("page_count", sa.Integer(), nullable=True))
    op.add_column("file", sa.Column("pages", sa.JSON(), nullable=True))
    op.add_column("design_pin", sa.Column("page", sa.Integer(), server_default="1", nullable=False))


def downgrade() -> None:
    """Takes them away."""
    op.drop_column("design_pin", "page")
    op.drop_column("file", "pages")
    op.drop_column("file", "page_count")
