"""Events that a tenant should hear of, and why a consent was not given."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from payymo.postgres.migrations.walls import guard_table

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table behind its wall, and the columns."""
    op.create_table(
        "events",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject_kind", sa.String(32), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_events_tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_events"),
        sa.UniqueConstraint("tenant_id", "dedupe_key", name="uq_events_tenant_id_dedupe_key"),
    )
    op.create_index(
        "ix_events_tenant_id_occurred_at_id", "events", ["tenant_id", "occurred_at", "id"]
    )
    op.add_column("consents", sa.Column("error_code", sa.Text(), nullable=True))
    op.add_column("consents", sa.Column("error_message", sa.Text(), nullable=True))
    guard_table("events", "SELECT, INSERT")  # what was told stays told
