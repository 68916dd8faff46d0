"""Names of connections, and accounts that are offered before anything of them is read."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what is connected already is read as before."""
    op.add_column("connections", sa.Column("name", sa.Text(), nullable=True))
    op.add_column(
        "connections",
        sa.Column("account_selection", sa.String(32), server_default="all", nullable=False),
    )
    op.add_column(
        "accounts",
        sa.Column("is_offered", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
