"""Remember which raw rows each answer holds, and what transactions were before they changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from payymo.postgres.migrations.walls import guard_table

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER_ROWS = """
UPDATE gc_transactions AS raw SET position = numbered.position
FROM (
    SELECT one.tenant_id, one.id, row_number() OVER (
        PARTITION BY one.tenant_id, one.account_id ORDER BY answer.fetched_at, one.id
    ) AS position
    FROM gc_transactions AS one
    JOIN gc_fetches AS answer ON answer.tenant_id = one.tenant_id AND answer.id = one.fetch_id
) AS numbered
WHERE numbered.tenant_id = raw.tenant_id AND numbered.id = raw.id
"""


def upgrade() -> None:
    """Remember answers and changes.

    Rows that are there are numbered in the order in which they came. Which of them older answers
    repeated was not noted, and stays unknown.
    """
    op.create_table(
        "transaction_changes",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sync_run_id", sa.Uuid(), nullable=False),
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("transaction_date", sa.Date(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("identity_version", sa.SmallInteger(), nullable=False),
        sa.Column("identity_tier", sa.String(32), nullable=False),
        sa.Column("missing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sync_run_id"],
            ["sync_runs.tenant_id", "sync_runs.id"],
            name=op.f("fk_transaction_changes_tenant_id_sync_run_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "transaction_id"],
            ["transactions.tenant_id", "transactions.id"],
            name=op.f("fk_transaction_changes_tenant_id_transaction_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_transaction_changes")),
    )
    op.create_index(
        op.f("ix_transaction_changes_tenant_id_sync_run_id"),
        "transaction_changes",
        ["tenant_id", "sync_run_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_transaction_changes_tenant_id_transaction_id"),
        "transaction_changes",
        ["tenant_id", "transaction_id"],
        unique=False,
    )
    op.add_column("gc_fetches", sa.Column("positions", postgresql.INT4MULTIRANGE(), nullable=True))
    op.add_column("gc_fetches", sa.Column("position_max", sa.Integer(), nullable=True))
    op.add_column(
        "gc_fetches",
        sa.Column("is_overtaken", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("gc_transactions", sa.Column("position", sa.Integer(), nullable=True))
    for table in ("gc_transactions", "gc_fetches"):  # the owner is to see every tenant's
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(NUMBER_ROWS)
    for table in ("gc_transactions", "gc_fetches"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.alter_column("gc_transactions", "position", nullable=False)
    op.alter_column("gc_transactions", "transaction_id", existing_type=sa.UUID(), nullable=True)
    op.alter_column(
        "gc_transactions", "identity_version", existing_type=sa.SMALLINT(), nullable=True
    )
    op.alter_column(
        "gc_transactions", "identity_tier", existing_type=sa.VARCHAR(length=32), nullable=True
    )
    op.add_column("transactions", sa.Column("added_by", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_transactions_tenant_id_added_by"),
        "transactions",
        "sync_runs",
        ["tenant_id", "added_by"],
        ["tenant_id", "id"],
    )
    op.execute("GRANT UPDATE (positions, position_max) ON gc_fetches TO payymo_app")
    guard_table("transaction_changes", "SELECT, INSERT")
