"""Prove balances, and know which answers said each balance."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from payymo.postgres.migrations.walls import guard_table

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

#: The tables that are read and written across tenants for this.
TABLES = ("balances", "gc_fetches")

#: A balance was the same in each answer from when it was first said so to when it was last.
CARRY_OVER = """
UPDATE gc_fetches AS answer
SET balance_ids = ARRAY(
    SELECT balance.id
    FROM balances AS balance
    WHERE balance.tenant_id = answer.tenant_id
        AND balance.account_id = answer.account_id
        AND answer.fetched_at BETWEEN balance.observed_at AND balance.last_observed_at
    ORDER BY balance.id
)
WHERE answer.scope = 'balances'
"""


def upgrade() -> None:
    """Keep what is proved of each day, and by which answers each balance is known."""
    op.create_table(
        "balance_proofs",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(32), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("booked", sa.Numeric(20, 4), nullable=False),
        sa.Column("opening", sa.Numeric(20, 4), nullable=True),
        sa.Column("closing", sa.Numeric(20, 4), nullable=True),
        sa.Column("difference", sa.Numeric(20, 4), nullable=True),
        sa.Column("agreed_on", sa.Date(), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["accounts.tenant_id", "accounts.id"],
            name=op.f("fk_balance_proofs_tenant_id_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_balance_proofs")),
        sa.UniqueConstraint(
            "tenant_id",
            "account_id",
            "day",
            "currency",
            name=op.f("uq_balance_proofs_tenant_id_account_id_day_currency"),
        ),
    )
    # What is told of a day follows from the ledger, and is told anew.
    guard_table("balance_proofs", "SELECT, INSERT, UPDATE, DELETE")
    op.add_column("accounts", sa.Column("proof_status", sa.String(32), nullable=True))
    op.add_column("accounts", sa.Column("proof_reason", sa.String(32), nullable=True))
    op.add_column("accounts", sa.Column("proved_through", sa.Date(), nullable=True))
    op.add_column("balances", sa.Column("retracted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "gc_fetches", sa.Column("balance_ids", postgresql.ARRAY(sa.Uuid()), nullable=True)
    )
    for table in TABLES:  # the owner is to see every tenant's
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(CARRY_OVER)
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
