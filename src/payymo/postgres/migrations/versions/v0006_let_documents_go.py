"""The right to remove what a provider said of consents and accounts.

Whoever asks for a connection's data to be purged means the documents too, which name people and
account numbers. Nothing can be changed in them all the same.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

APP_ROLE = "payymo_app"
TABLES = ("gc_agreements", "gc_requisition_links", "gc_bank_accounts")


def upgrade() -> None:
    """Grant it."""
    for table in TABLES:
        op.execute(f"GRANT DELETE ON {table} TO {APP_ROLE}")
