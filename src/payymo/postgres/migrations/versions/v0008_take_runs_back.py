"""Let a sync run name the one that it takes back."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a run name the one that it takes back."""
    op.add_column("sync_runs", sa.Column("reverts", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_sync_runs_tenant_id_reverts"),
        "sync_runs",
        "sync_runs",
        ["tenant_id", "reverts"],
        ["tenant_id", "id"],
        ondelete="CASCADE",
    )
