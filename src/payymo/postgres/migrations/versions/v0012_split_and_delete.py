"""Let people split and delete transactions."""

import sqlalchemy as sa
from alembic import op

from payymo.postgres.migrations.walls import guard_table

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_LISTED = "ix_transactions_tenant_id_transaction_date_id"


def upgrade() -> None:
    """Let people split and delete transactions; all that are known stand, and are whole."""
    op.add_column("transactions", sa.Column("deleted_at", sa.DateTime(timezone=True)))
    op.add_column("transactions", sa.Column("deleted_by", sa.Uuid()))
    op.add_column("transactions", sa.Column("split_total", sa.Numeric(20, 4)))
    op.add_column("transactions", sa.Column("split_currency", sa.Text()))
    op.create_check_constraint(
        op.f("ck_transactions_deleted_pays_nothing"),
        "transactions",
        "deleted_at IS NULL OR allocated = 0",
    )
    op.drop_index(_LISTED, table_name="transactions")
    op.create_index(
        _LISTED,
        "transactions",
        ["tenant_id", "transaction_date", "id"],
        unique=False,
        postgresql_include=["status"],
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_transactions_deleted",
        "transactions",
        ["tenant_id", "transaction_date", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )
    op.create_table(
        "transaction_splits",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(20, 4), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
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
        sa.CheckConstraint("amount <> 0", name=op.f("ck_transaction_splits_amount_not_zero")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "transaction_id"],
            ["transactions.tenant_id", "transactions.id"],
            name=op.f("fk_transaction_splits_tenant_id_transaction_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_transaction_splits")),
        sa.UniqueConstraint(
            "tenant_id",
            "transaction_id",
            "position",
            name=op.f("uq_transaction_splits_tenant_id_transaction_id_position"),
        ),
    )
    guard_table("transaction_splits", "SELECT, INSERT, DELETE")
