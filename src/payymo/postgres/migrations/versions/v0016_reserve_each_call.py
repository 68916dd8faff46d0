"""Reserve each call before it is made."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

#: What the provider last said, as far as it is known when; without a limit it was a refusal.
CARRY_OVER = """
UPDATE account_quotas SET allowance = jsonb_strip_nulls(
    CASE WHEN calls_limit IS NULL AND calls_remaining = 0
    THEN jsonb_build_object('refused_until', to_jsonb(resets_at))
    ELSE jsonb_build_object(
        'limit', calls_limit,
        'remaining', calls_remaining,
        'resets_at', to_jsonb(resets_at),
        'told_at', to_jsonb(updated_at)
    )
    END
)
"""


def upgrade() -> None:
    """Keep what is known of an account's calls as one document, and count all calls."""
    op.add_column("account_quotas", sa.Column("provider_reference", sa.Text(), nullable=True))
    op.add_column(
        "account_quotas",
        sa.Column(
            "allowance",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
        ),
    )
    # The owner is to see every tenant's.
    op.execute("ALTER TABLE account_quotas NO FORCE ROW LEVEL SECURITY")
    op.execute(CARRY_OVER)
    op.execute("ALTER TABLE account_quotas FORCE ROW LEVEL SECURITY")
    op.alter_column("account_quotas", "allowance", server_default=None)
    op.drop_column("account_quotas", "calls_limit")
    op.drop_column("account_quotas", "calls_remaining")
    op.drop_column("account_quotas", "resets_at")
    op.create_table(
        "call_counts",
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("scope", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "scope", "outcome", name=op.f("pk_call_counts")),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON call_counts TO payymo_app")
