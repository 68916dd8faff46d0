"""What failed, whose matter it is, and why a success brought nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_FAULTED = ("accounts", "connections", "sync_runs", "sync_run_accounts")
_REMARKED = ("sync_runs", "sync_run_accounts")

#: What the codes that were written until now say of whose matter it was.
_KINDS = {
    "consent_expired": "consent",
    "consent_suspended": "consent",
    "consent_rejected": "consent",
    "consent_revoked": "consent",
    "consent_failed": "consent",
    "consent_not_finished": "consent",
    "consent_without_accounts": "consent",
    "disconnected": "consent",
    "not_in_consent": "consent",
    "provider_quota_exhausted": "quota",
    "provider_unavailable": "bank",
    "resting": "bank",
    "configuration_error": "ours",
    "rows_not_understood": "ours",
    "already_connected": "account",
}

#: From here one more failure in a row ends the asking, and says so.
_LAST_FAILURE_BUT_ONE = 8


def upgrade() -> None:
    """Add the columns; what older codes cannot tell stays open."""
    for table in _FAULTED:
        op.add_column(table, sa.Column("error_kind", sa.String(32), nullable=True))
        op.add_column(table, sa.Column("error_provider_code", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("error_http_status", sa.SmallInteger(), nullable=True))
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")  # to see every tenant's
        rows = sa.table(table, sa.column("error_kind"), sa.column("error_code"))
        op.execute(
            rows.update()
            .where(rows.c.error_code.in_(_KINDS))
            .values(error_kind=sa.case(_KINDS, value=rows.c.error_code))
        )
    for table in _REMARKED:
        op.add_column(table, sa.Column("remark_code", sa.String(32), nullable=True))
        op.add_column(table, sa.Column("remark", sa.Text(), nullable=True))
    accounts = sa.table("accounts", sa.column("failure_count"))
    op.execute(
        accounts.update()
        .where(accounts.c.failure_count > _LAST_FAILURE_BUT_ONE)
        .values(failure_count=_LAST_FAILURE_BUT_ONE)
    )
    for table in _FAULTED:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
