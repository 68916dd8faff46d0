"""Let an account go to another connection with what is known of its days."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the application say under which consent known days count."""
    op.execute("GRANT UPDATE (consent_id) ON coverage_spans TO payymo_app")
