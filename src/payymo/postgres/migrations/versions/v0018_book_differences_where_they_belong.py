"""Book differences where they belong."""

import sqlalchemy as sa
from alembic import op

from payymo.postgres.migrations.sql import read_sql
from payymo.postgres.migrations.walls import guard_table

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_BY_STATUS = "ix_invoices_tenant_id_status_due_date"
_STATUS = (
    "CASE WHEN voided_at IS NOT NULL THEN 'void' "
    "WHEN allocated + adjusted + credited = 0 THEN 'open' "
    "WHEN allocated + adjusted + credited < total THEN 'partially_paid' "
    "WHEN allocated + credited = 0 THEN 'written_off' ELSE 'paid' END"
)


def upgrade() -> None:
    """Add what settles invoices besides money; what was allocated until now stays as it is."""
    op.create_table(
        "settlement_policies",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rounding_max", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("bank_fee_max", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("bank_fee_share_max", sa.Numeric(precision=5, scale=4), nullable=False),
        sa.Column("processor_fee_share_max", sa.Numeric(precision=5, scale=4), nullable=False),
        sa.Column("discount_share_max", sa.Numeric(precision=5, scale=4), nullable=False),
        sa.Column("discount_days_max", sa.Integer(), nullable=False),
        sa.Column("exchange_share_max", sa.Numeric(precision=5, scale=4), nullable=False),
        sa.Column("credit_overpayments", sa.Boolean(), nullable=False),
        sa.Column("apply_differences", sa.Boolean(), nullable=False),
        sa.Column("apply_credits", sa.Boolean(), nullable=False),
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
            ["tenant_id"], ["tenants.id"], name=op.f("fk_settlement_policies_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_settlement_policies")),
        sa.UniqueConstraint("tenant_id", name=op.f("uq_settlement_policies_tenant_id")),
    )
    op.create_table(
        "adjustments",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("match_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("amount", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reversed_by", sa.Uuid(), nullable=True),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_adjustments_amount_positive")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"],
            ["invoices.tenant_id", "invoices.id"],
            name=op.f("fk_adjustments_tenant_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "match_id"],
            ["matches.tenant_id", "matches.id"],
            name=op.f("fk_adjustments_tenant_id_match_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_adjustments")),
    )
    op.create_index(
        op.f("ix_adjustments_tenant_id_invoice_id"),
        "adjustments",
        ["tenant_id", "invoice_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_adjustments_tenant_id_match_id"),
        "adjustments",
        ["tenant_id", "match_id"],
        unique=False,
    )
    op.create_table(
        "customer_credits",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("used", sa.Numeric(precision=20, scale=4), server_default="0", nullable=False),
        sa.Column(
            "balance",
            sa.Numeric(precision=20, scale=4),
            sa.Computed(
                "CASE WHEN reversed_at IS NULL THEN amount - used ELSE 0 END", persisted=True
            ),
            nullable=False,
        ),
        sa.Column("credited_on", sa.Date(), nullable=False),
        sa.Column("transaction_id", sa.Uuid(), nullable=True),
        sa.Column("match_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reversed_by", sa.Uuid(), nullable=True),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(kind = 'credit_note') = (number IS NOT NULL) AND (kind = 'credit_note') = (transaction_id IS NULL) AND (transaction_id IS NULL) = (match_id IS NULL)",
            name=op.f("ck_customer_credits_has_its_source"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_customer_credits_amount_positive")),
        sa.CheckConstraint(
            "reversed_at IS NULL OR used = 0", name=op.f("ck_customer_credits_reversed_is_unused")
        ),
        sa.CheckConstraint(
            "used >= 0 AND used <= amount", name=op.f("ck_customer_credits_used_within_amount")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_customer_credits_tenant_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "import_id"],
            ["invoice_imports.tenant_id", "invoice_imports.id"],
            name=op.f("fk_customer_credits_tenant_id_import_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"],
            ["invoices.tenant_id", "invoices.id"],
            name=op.f("fk_customer_credits_tenant_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "match_id"],
            ["matches.tenant_id", "matches.id"],
            name=op.f("fk_customer_credits_tenant_id_match_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "transaction_id"],
            ["transactions.tenant_id", "transactions.id"],
            name=op.f("fk_customer_credits_tenant_id_transaction_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_customer_credits")),
    )
    op.create_index(
        "ix_customer_credits_open",
        "customer_credits",
        ["tenant_id", "customer_id"],
        unique=False,
        postgresql_where="balance > 0",
    )
    op.create_index(
        op.f("ix_customer_credits_tenant_id_customer_id"),
        "customer_credits",
        ["tenant_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_customer_credits_tenant_id_match_id"),
        "customer_credits",
        ["tenant_id", "match_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_customer_credits_tenant_id_transaction_id"),
        "customer_credits",
        ["tenant_id", "transaction_id"],
        unique=False,
    )
    op.create_index(
        "uq_customer_credits_number",
        "customer_credits",
        ["tenant_id", "number"],
        unique=True,
        postgresql_where="reversed_at IS NULL",
    )
    op.create_table(
        "credit_uses",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("credit_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("amount", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("transaction_id", sa.Uuid(), nullable=True),
        sa.Column("match_id", sa.Uuid(), nullable=True),
        sa.Column("match_run_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reversed_by", sa.Uuid(), nullable=True),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(kind = 'applied') = (invoice_id IS NOT NULL) AND (kind = 'refunded') = (transaction_id IS NOT NULL)",
            name=op.f("ck_credit_uses_has_its_target"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_credit_uses_amount_positive")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "credit_id"],
            ["customer_credits.tenant_id", "customer_credits.id"],
            name=op.f("fk_credit_uses_tenant_id_credit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"],
            ["invoices.tenant_id", "invoices.id"],
            name=op.f("fk_credit_uses_tenant_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "match_id"],
            ["matches.tenant_id", "matches.id"],
            name=op.f("fk_credit_uses_tenant_id_match_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "match_run_id"],
            ["match_runs.tenant_id", "match_runs.id"],
            name=op.f("fk_credit_uses_tenant_id_match_run_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "transaction_id"],
            ["transactions.tenant_id", "transactions.id"],
            name=op.f("fk_credit_uses_tenant_id_transaction_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_credit_uses")),
    )
    op.create_index(
        op.f("ix_credit_uses_tenant_id_credit_id"),
        "credit_uses",
        ["tenant_id", "credit_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_credit_uses_tenant_id_invoice_id"),
        "credit_uses",
        ["tenant_id", "invoice_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_credit_uses_tenant_id_match_id"),
        "credit_uses",
        ["tenant_id", "match_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_credit_uses_tenant_id_match_run_id"),
        "credit_uses",
        ["tenant_id", "match_run_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_credit_uses_tenant_id_transaction_id"),
        "credit_uses",
        ["tenant_id", "transaction_id"],
        unique=False,
    )
    op.create_table(
        "match_differences",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("match_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("adjustment", sa.String(32), nullable=True),
        sa.Column("credit_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("credit_kind", sa.String(32), nullable=True),
        sa.Column("amount", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.CheckConstraint(
            "(invoice_id IS NULL) = (credit_kind IS NOT NULL) AND (customer_id IS NOT NULL) = (credit_kind IS NOT NULL)",
            name=op.f("ck_match_differences_has_its_subject"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_match_differences_amount_positive")),
        sa.CheckConstraint(
            "num_nonnulls(adjustment, credit_id, credit_kind) = 1",
            name=op.f("ck_match_differences_one_of_three"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "credit_id"],
            ["customer_credits.tenant_id", "customer_credits.id"],
            name=op.f("fk_match_differences_tenant_id_credit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_match_differences_tenant_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"],
            ["invoices.tenant_id", "invoices.id"],
            name=op.f("fk_match_differences_tenant_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "match_id"],
            ["matches.tenant_id", "matches.id"],
            name=op.f("fk_match_differences_tenant_id_match_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_match_differences")),
    )
    op.create_index(
        op.f("ix_match_differences_tenant_id_invoice_id"),
        "match_differences",
        ["tenant_id", "invoice_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_match_differences_tenant_id_match_id"),
        "match_differences",
        ["tenant_id", "match_id"],
        unique=False,
    )
    op.add_column(
        "allocations", sa.Column("settled", sa.Numeric(precision=20, scale=4), nullable=True)
    )
    op.add_column(
        "invoices",
        sa.Column(
            "adjusted", sa.Numeric(precision=20, scale=4), server_default="0", nullable=False
        ),
    )
    op.add_column(
        "invoices",
        sa.Column(
            "credited", sa.Numeric(precision=20, scale=4), server_default="0", nullable=False
        ),
    )
    op.add_column(
        "match_lines", sa.Column("settled", sa.Numeric(precision=20, scale=4), nullable=True)
    )
    op.add_column("match_runs", sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("match_runs", sa.Column("reversed_by", sa.Uuid(), nullable=True))
    _remember_who_applied()
    _let_more_than_money_settle()
    # Lines are added and reversed, never taken back.
    reversible = "SELECT, INSERT, UPDATE (reversed_at, reversed_by)"
    guard_table("adjustments", reversible)
    guard_table("credit_uses", reversible)
    guard_table("customer_credits", "SELECT, INSERT, UPDATE (reversed_at, reversed_by, used)")
    guard_table("match_differences", "SELECT, INSERT")
    guard_table("settlement_policies", "SELECT, INSERT, UPDATE")
    connection = op.get_bind().execution_options(no_parameters=True)
    connection.exec_driver_sql(read_sql("v0018_settlement_guard.sql"))


def _remember_who_applied() -> None:
    """Let a match name the matching that applied it: until now the one that proposed it."""
    op.add_column("matches", sa.Column("applied_run_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_matches_tenant_id_applied_run_id"),
        "matches",
        "match_runs",
        ["tenant_id", "applied_run_id"],
        ["tenant_id", "id"],
    )
    for column in ("applied_run_id", "match_run_id"):
        op.create_index(op.f(f"ix_matches_tenant_id_{column}"), "matches", ["tenant_id", column])
    # Row-level security binds the owner, too, and shows no tenant's rows to a migration.
    op.execute("ALTER TABLE matches NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "UPDATE matches SET applied_run_id = match_run_id "
        "WHERE status = 'confirmed' AND origin = 'engine' AND decided_by IS NULL"
    )
    op.execute("ALTER TABLE matches FORCE ROW LEVEL SECURITY")


def _let_more_than_money_settle() -> None:
    """Compute what is left of an invoice from all that settles it."""
    op.drop_index(_BY_STATUS, table_name="invoices")
    op.drop_column("invoices", "status")
    op.drop_column("invoices", "balance")
    op.add_column(
        "invoices",
        sa.Column(
            "balance",
            sa.Numeric(precision=20, scale=4),
            sa.Computed("total - allocated - adjusted - credited", persisted=True),
            nullable=False,
        ),
    )
    op.add_column(
        "invoices",
        sa.Column("status", sa.String(32), sa.Computed(_STATUS, persisted=True), nullable=False),
    )
    op.create_index(_BY_STATUS, "invoices", ["tenant_id", "status", "due_date"], unique=False)
    op.drop_constraint(op.f("ck_invoices_allocated_within_total"), "invoices")
    op.drop_constraint(op.f("ck_invoices_void_is_unpaid"), "invoices")
    op.create_check_constraint(
        op.f("ck_invoices_settled_within_total"),
        "invoices",
        "allocated >= 0 AND adjusted >= 0 AND credited >= 0 "
        "AND allocated + adjusted + credited <= total",
    )
    op.create_check_constraint(
        op.f("ck_invoices_void_is_unpaid"),
        "invoices",
        "voided_at IS NULL OR allocated + adjusted + credited = 0",
    )
    for table in ("allocations", "match_lines"):
        op.create_check_constraint(op.f(f"ck_{table}_settled_positive"), table, "settled > 0")
