"""Keep by what names a provider finds its requests again."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the names; of what was asked before they are not known."""
    for table in ("accounts", "connections", "sync_run_accounts", "sync_runs"):
        op.add_column(table, sa.Column("error_request_id", sa.Text(), nullable=True))
    op.add_column("gc_fetches", sa.Column("request_id", sa.Text(), nullable=True))
