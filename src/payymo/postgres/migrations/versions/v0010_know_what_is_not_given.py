"""Know which answers show that a bank has no more."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Know which answers show that a bank has no more; of older ones it was not noted."""
    op.add_column(
        "coverage_spans",
        sa.Column("is_firm", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
