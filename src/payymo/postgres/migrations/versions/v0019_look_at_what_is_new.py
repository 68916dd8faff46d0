"""Let matchings look at what has changed since the last one."""

import sqlalchemy as sa
from alembic import op

from payymo.postgres.migrations.walls import guard_table

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is remembered of looks; until now every matching looked at everything."""
    op.add_column(
        "match_runs", sa.Column("scope", sa.String(32), server_default="full", nullable=False)
    )
    op.add_column("match_runs", sa.Column("basis", sa.Text(), nullable=True))
    op.create_table(
        "payment_looks",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.BigInteger(), nullable=False),
        sa.Column("is_suggested", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"],
            ["transactions.tenant_id", "transactions.id"],
            name=op.f("fk_payment_looks_tenant_id_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_payment_looks")),
    )
    op.create_table(
        "invoice_looks",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"],
            ["invoices.tenant_id", "invoices.id"],
            name=op.f("fk_invoice_looks_tenant_id_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_invoice_looks")),
    )
    for table in ("payment_looks", "invoice_looks"):
        guard_table(table, "SELECT, INSERT, DELETE")
