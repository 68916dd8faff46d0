"""The walls between tenants, the grants of the application's role, the guard of allocations.

Row-level security is forced: it binds the tables' owner as well. A transaction that has not said
which tenant it works for sees nothing.
"""

from alembic import op

from payymo.postgres.migrations.sql import read_sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

APP_ROLE = "payymo_app"
OWN_TENANT = "tenant_id = NULLIF(current_setting('payymo.tenant_id', true), '')::uuid"

#: What the application may do with each table that belongs to tenants.
TENANT_GRANTS = {
    # What was received, done or decided stays: added to, never taken back.
    "audit_log": "SELECT, INSERT",
    "gc_agreements": "SELECT, INSERT",
    "gc_requisition_links": "SELECT, INSERT",
    "gc_bank_accounts": "SELECT, INSERT",
    "gc_fetches": "SELECT, INSERT",
    "gc_balances": "SELECT, INSERT",
    # Which standardised row a payload speaks of may be understood better later.
    "gc_transactions": ("SELECT, INSERT, UPDATE (transaction_id, identity_version, identity_tier)"),
    "allocations": "SELECT, INSERT, UPDATE (reversed_at)",
    "balances": "SELECT, INSERT, UPDATE",
    "invoice_imports": "SELECT, INSERT",
    "jobs": "SELECT, INSERT, UPDATE",
    "match_runs": "SELECT, INSERT, UPDATE",
    "matches": "SELECT, INSERT, UPDATE",
    "sync_runs": "SELECT, INSERT, UPDATE",
    "sync_run_accounts": "SELECT, INSERT, UPDATE",
    "transactions": "SELECT, INSERT, UPDATE",
    # What people and housekeeping may remove; what hangs on it goes by foreign key.
    "account_quotas": "SELECT, INSERT, UPDATE, DELETE",
    "accounts": "SELECT, INSERT, UPDATE, DELETE",
    "connections": "SELECT, INSERT, UPDATE, DELETE",
    "consents": "SELECT, INSERT, UPDATE, DELETE",
    "customers": "SELECT, INSERT, UPDATE, DELETE",
    "idempotency_keys": "SELECT, INSERT, UPDATE, DELETE",
    "invoices": "SELECT, INSERT, UPDATE, DELETE",
    "match_lines": "SELECT, INSERT, UPDATE, DELETE",
    "provider_credentials": "SELECT, INSERT, UPDATE, DELETE",
    "refresh_tokens": "SELECT, INSERT, UPDATE, DELETE",
}

#: What it may do with the tables that stand outside the walls.
COMMON_GRANTS = {
    "alembic_version": "SELECT",
    "gc_institutions": "SELECT, INSERT",
    "gc_tokens": "SELECT, INSERT, UPDATE, DELETE",
    "institution_refreshes": "SELECT, INSERT, UPDATE",
    "institutions": "SELECT, INSERT, UPDATE",
    "memberships": "SELECT, INSERT, UPDATE, DELETE",
    "procrastinate_events": "SELECT, INSERT, UPDATE, DELETE",
    "procrastinate_jobs": "SELECT, INSERT, UPDATE, DELETE",
    "procrastinate_periodic_defers": "SELECT, INSERT, UPDATE, DELETE",
    "procrastinate_workers": "SELECT, INSERT, UPDATE, DELETE",
    "tenants": "SELECT, INSERT, UPDATE",
    "users": "SELECT, INSERT, UPDATE",
}

QUEUE_SEQUENCES = (
    "procrastinate_events_id_seq",
    "procrastinate_jobs_id_seq",
    "procrastinate_periodic_defers_id_seq",
    "procrastinate_workers_id_seq",
)


#: Rows in bulk pass through a temporary table; a server may have taken this right from everybody.
GRANT_TEMPORARY = f"""
DO $$
BEGIN
    EXECUTE 'GRANT TEMPORARY ON DATABASE ' || quote_ident(current_database()) || ' TO {APP_ROLE}';
END
$$
"""


def upgrade() -> None:
    """Raise the walls."""
    op.execute(GRANT_TEMPORARY)
    op.execute(f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}")
    for table, grants in (TENANT_GRANTS | COMMON_GRANTS).items():
        op.execute(f"GRANT {grants} ON {table} TO {APP_ROLE}")
    for sequence in QUEUE_SEQUENCES:
        op.execute(f"GRANT USAGE ON SEQUENCE {sequence} TO {APP_ROLE}")
    for table in TENANT_GRANTS:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_tenant ON {table} USING ({OWN_TENANT}) WITH CHECK ({OWN_TENANT})"
        )
    connection = op.get_bind().execution_options(no_parameters=True)
    connection.exec_driver_sql(read_sql("v0003_allocation_guard.sql"))
