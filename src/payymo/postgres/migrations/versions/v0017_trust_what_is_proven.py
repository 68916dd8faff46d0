"""Apply what is proven: the gate's settings, why matches wait, and each tenant's own curve."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from payymo.postgres.migrations.walls import guard_table

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; tenants keep what they let happen, and matches what was said of them."""
    op.add_column(
        "tenants",
        sa.Column(
            "auto_apply_demand", sa.String(32), server_default="proven_precision", nullable=False
        ),
    )
    op.add_column(
        "tenants",
        sa.Column("auto_apply_decisions_min", sa.Integer(), server_default="50", nullable=False),
    )
    op.add_column("match_runs", sa.Column("calibration_version", sa.Integer(), nullable=True))
    op.add_column("matches", sa.Column("engine_confidence", sa.Numeric(5, 4), nullable=True))
    op.add_column("matches", sa.Column("waits", postgresql.JSONB(), nullable=True))
    op.execute("ALTER TABLE matches NO FORCE ROW LEVEL SECURITY")  # to see every tenant's
    op.execute("UPDATE matches SET engine_confidence = confidence WHERE origin = 'engine'")
    op.execute("ALTER TABLE matches FORCE ROW LEVEL SECURITY")
    op.create_index(
        "ix_matches_decided",
        "matches",
        ["tenant_id", "decided_at"],
        unique=False,
        postgresql_where=sa.text("decided_by IS NOT NULL AND engine_confidence IS NOT NULL"),
    )
    op.create_table(
        "calibrations",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("engine_version", sa.Text(), nullable=False),
        sa.Column("decided_count", sa.Integer(), nullable=False),
        sa.Column("right_count", sa.Integer(), nullable=False),
        sa.Column("is_adopted", sa.Boolean(), nullable=False),
        sa.Column("ece_before", sa.Numeric(5, 4), nullable=False),
        sa.Column("ece_after", sa.Numeric(5, 4), nullable=False),
        sa.Column("points", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_calibrations_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_calibrations")),
        sa.UniqueConstraint("tenant_id", "version", name=op.f("uq_calibrations_tenant_id_version")),
    )
    guard_table("calibrations", "SELECT, INSERT")
