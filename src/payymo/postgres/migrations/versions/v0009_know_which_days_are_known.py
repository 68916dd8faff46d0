"""Know which days are known."""

import sqlalchemy as sa
from alembic import op

from payymo.postgres.migrations.walls import guard_table

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

#: The tables that are read across tenants for this.
READ = ("accounts", "transactions", "coverage_spans")

#: What is known of accounts that were synced before: from their oldest booked row on, and not
#: whether that is where their history begins.
CARRY_OVER = """
INSERT INTO coverage_spans (
    tenant_id, id, account_id, consent_id, first_day, last_day, completeness, learnt_at
)
SELECT account.tenant_id, gen_random_uuid(), account.id, account.consent_id,
    LEAST(oldest.day, account.synced_through), account.synced_through, 'cut',
    COALESCE(account.last_synced_at, account.synced_through::timestamptz)
FROM accounts AS account
CROSS JOIN LATERAL (
    SELECT COALESCE(min(row.transaction_date), account.synced_through) AS day
    FROM transactions AS row
    WHERE row.tenant_id = account.tenant_id
        AND row.account_id = account.id
        AND row.status = 'booked'
) AS oldest
WHERE account.synced_through IS NOT NULL
"""


def upgrade() -> None:
    """Know which days are known; of accounts that were synced before, what can be said."""
    op.create_table(
        "coverage_spans",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("consent_id", sa.Uuid(), nullable=False),
        sa.Column("sync_run_id", sa.Uuid(), nullable=True),
        sa.Column("asked_from", sa.Date(), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("completeness", sa.String(32), nullable=False),
        sa.Column("learnt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retracted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["accounts.tenant_id", "accounts.id"],
            name=op.f("fk_coverage_spans_tenant_id_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "consent_id"],
            ["consents.tenant_id", "consents.id"],
            name=op.f("fk_coverage_spans_tenant_id_consent_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sync_run_id"],
            ["sync_runs.tenant_id", "sync_runs.id"],
            name=op.f("fk_coverage_spans_tenant_id_sync_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_coverage_spans")),
    )
    op.create_index(
        op.f("ix_coverage_spans_tenant_id_account_id_learnt_at"),
        "coverage_spans",
        ["tenant_id", "account_id", "learnt_at"],
        unique=False,
    )
    guard_table("coverage_spans", "SELECT, INSERT, UPDATE (retracted_at)")
    for table in READ:  # the owner is to see every tenant's
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(CARRY_OVER)
    for table in READ:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
