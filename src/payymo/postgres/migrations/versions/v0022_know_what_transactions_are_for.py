"""Know what transactions are for."""

import sqlalchemy as sa
from alembic import op

from payymo.postgres.migrations.walls import guard_table

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

#: The tables that are read and written across tenants for this.
TABLES = ("categories", "transactions", "transaction_splits")

#: Of spellings that differ in case alone, one becomes the name.
CARRY_OVER = (
    """
    INSERT INTO categories (tenant_id, id, name, kind)
    SELECT tenant_id, gen_random_uuid(), min(category),
        CASE WHEN sum(sign(amount)) > 0 THEN 'income' ELSE 'expense' END
    FROM (
        SELECT tenant_id, category, amount FROM transactions WHERE category IS NOT NULL
        UNION ALL
        SELECT tenant_id, category, amount FROM transaction_splits WHERE category IS NOT NULL
    ) AS written
    GROUP BY tenant_id, lower(category)
    """,
    """
    UPDATE transactions AS row
    SET category_id = known.id, category_source = 'user', categorised_at = row.updated_at
    FROM categories AS known
    WHERE known.tenant_id = row.tenant_id AND lower(known.name) = lower(row.category)
    """,
    """
    UPDATE transaction_splits AS part
    SET category_id = known.id
    FROM categories AS known
    WHERE known.tenant_id = part.tenant_id AND lower(known.name) = lower(part.category)
    """,
)

CHECKS = {
    "rule_is_the_source": "category_rule_id IS NULL OR category_source = 'rule'",
    "source_has_category": "category_id IS NOT NULL OR category_source IN ('none', 'user')",
    "category_has_source": "category_id IS NULL OR category_source <> 'none'",
}


def upgrade() -> None:
    """Add categories and rules; what people wrote as text becomes categories of theirs."""
    op.create_table(
        "categories",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
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
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_categories_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_categories")),
    )
    op.create_index(
        "uq_categories_tenant_id_key",
        "categories",
        ["tenant_id", "key"],
        unique=True,
        postgresql_where="key IS NOT NULL",
    )
    op.create_index(
        "uq_categories_tenant_id_name",
        "categories",
        ["tenant_id", sa.literal_column("lower(name)")],
        unique=True,
    )
    op.create_table(
        "category_rules",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("payees", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("texts", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column(
            "merchant_category_codes", sa.ARRAY(sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column(
            "bank_transaction_codes", sa.ARRAY(sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("direction", sa.String(32), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("min_amount", sa.Numeric(precision=20, scale=4), nullable=True),
        sa.Column("max_amount", sa.Numeric(precision=20, scale=4), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
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
        sa.CheckConstraint(
            "currency IS NOT NULL OR (min_amount IS NULL AND max_amount IS NULL)",
            name=op.f("ck_category_rules_amount_has_currency"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["accounts.tenant_id", "accounts.id"],
            name=op.f("fk_category_rules_tenant_id_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "category_id"],
            ["categories.tenant_id", "categories.id"],
            name=op.f("fk_category_rules_tenant_id_category_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_category_rules")),
    )
    op.create_index(
        op.f("ix_category_rules_tenant_id_position"),
        "category_rules",
        ["tenant_id", "position"],
        unique=False,
    )
    op.add_column("transaction_splits", sa.Column("category_id", sa.Uuid(), nullable=True))
    op.create_index(
        op.f("ix_transaction_splits_tenant_id_category_id"),
        "transaction_splits",
        ["tenant_id", "category_id"],
        unique=False,
    )
    op.create_foreign_key(
        op.f("fk_transaction_splits_tenant_id_category_id"),
        "transaction_splits",
        "categories",
        ["tenant_id", "category_id"],
        ["tenant_id", "id"],
    )
    op.add_column("transactions", sa.Column("category_id", sa.Uuid(), nullable=True))
    op.add_column(
        "transactions",
        sa.Column("category_source", sa.String(32), server_default="none", nullable=False),
    )
    op.add_column("transactions", sa.Column("category_rule_id", sa.Uuid(), nullable=True))
    op.add_column(
        "transactions", sa.Column("categorised_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_index(
        "ix_transactions_category",
        "transactions",
        ["tenant_id", "category_id", "transaction_date", "id"],
        unique=False,
        postgresql_where="category_id IS NOT NULL",
    )
    op.create_index(
        "ix_transactions_category_chosen",
        "transactions",
        ["tenant_id", "categorised_at"],
        unique=False,
        postgresql_where="category_source = 'user'",
    )
    op.create_index(
        "ix_transactions_category_rule",
        "transactions",
        ["tenant_id", "category_rule_id"],
        unique=False,
        postgresql_where="category_rule_id IS NOT NULL",
    )
    op.create_foreign_key(
        op.f("fk_transactions_tenant_id_category_rule_id"),
        "transactions",
        "category_rules",
        ["tenant_id", "category_rule_id"],
        ["tenant_id", "id"],
        ondelete="SET NULL (category_rule_id)",
    )
    op.create_foreign_key(
        op.f("fk_transactions_tenant_id_category_id"),
        "transactions",
        "categories",
        ["tenant_id", "category_id"],
        ["tenant_id", "id"],
    )
    for table, grants in (
        ("categories", "SELECT, INSERT, UPDATE, DELETE"),
        ("category_rules", "SELECT, INSERT, UPDATE, DELETE"),
    ):
        guard_table(table, grants)
    for table in TABLES:  # the owner is to see every tenant's
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    for statement in CARRY_OVER:
        op.execute(statement)
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.drop_column("transaction_splits", "category")
    op.drop_column("transactions", "category")
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_transactions_{name}"), "transactions", condition)
