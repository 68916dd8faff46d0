"""Keep the currency of running balances."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

#: The tables that are read and written across tenants for this.
TABLES = ("transactions", "gc_transactions")

#: As the translation reads it: what is no currency, or none in particular, is the row's.
CARRY_OVER = """
UPDATE transactions AS row
SET balance_after_currency = CASE
    WHEN said.currency ~ '^[A-Z]{3}$' AND said.currency <> 'XXX' THEN said.currency
    ELSE row.currency
END
FROM (
    SELECT tenant_id, id, upper(
        btrim(payload #>> '{balanceAfterTransaction,balanceAmount,currency}', E' \\t\\r\\n')
    ) AS currency
    FROM gc_transactions
    WHERE payload ? 'balanceAfterTransaction'
) AS said
WHERE said.tenant_id = row.tenant_id AND said.id = row.raw_id AND row.balance_after IS NOT NULL
"""


def upgrade() -> None:
    """Keep the currency of running balances, and read that of known rows from their payloads."""
    op.add_column("transactions", sa.Column("balance_after_currency", sa.Text(), nullable=True))
    for table in TABLES:  # the owner is to see every tenant's
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(CARRY_OVER)
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
