"""Let a matching know without looking that nothing has changed since the last one."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add as what a matching left the books; of those until now that is not known."""
    op.add_column("match_runs", sa.Column("inputs", sa.Text(), nullable=True))
