"""Know what currencies are worth."""

import sqlalchemy as sa
from alembic import op

from payymo.postgres.migrations.walls import guard_table

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

APP_ROLE = "payymo_app"
NO_TENANT = "NULLIF(current_setting('payymo.tenant_id', true), '') IS NULL"


def upgrade() -> None:
    """Add reference rates, which no tenant's transaction may write, and tenants' own."""
    op.create_table(
        "fx_imports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("origin", sa.String(32), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_count", sa.Integer(), nullable=False),
        sa.Column("added_count", sa.Integer(), nullable=False),
        sa.Column("changed_count", sa.Integer(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fx_imports")),
    )
    op.create_index(op.f("ix_fx_imports_started_at"), "fx_imports", ["started_at"], unique=False)
    op.create_table(
        "fx_rates",
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("rate_date", sa.Date(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("rate > 0", name=op.f("ck_fx_rates_rate_positive")),
        sa.PrimaryKeyConstraint("currency", "rate_date", name=op.f("pk_fx_rates")),
    )
    op.create_table(
        "fx_rate_overrides",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("rate_date", sa.Date(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("currency <> 'EUR'", name=op.f("ck_fx_rate_overrides_not_euro")),
        sa.CheckConstraint("rate > 0", name=op.f("ck_fx_rate_overrides_rate_positive")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_fx_rate_overrides_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_fx_rate_overrides")),
        sa.UniqueConstraint(
            "tenant_id",
            "currency",
            "rate_date",
            name=op.f("uq_fx_rate_overrides_tenant_id_currency_rate_date"),
        ),
    )
    guard_table("fx_rate_overrides", "SELECT, INSERT, UPDATE, DELETE")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON fx_rates TO {APP_ROLE}")
    op.execute(f"GRANT SELECT, INSERT ON fx_imports TO {APP_ROLE}")
    for table in ("fx_rates", "fx_imports"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY everybody_reads ON {table} FOR SELECT USING (true)")
        op.execute(f"CREATE POLICY no_tenant_adds ON {table} FOR INSERT WITH CHECK ({NO_TENANT})")
        op.execute(
            f"CREATE POLICY no_tenant_changes ON {table} FOR UPDATE"
            f" USING ({NO_TENANT}) WITH CHECK ({NO_TENANT})"
        )
