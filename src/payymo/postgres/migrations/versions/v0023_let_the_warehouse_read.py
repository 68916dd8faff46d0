"""Let the warehouse read what reports are made from.

A role of its own may select the columns named here, of all tenants: ``xmin`` as well, which says
which rows are new. What is secret (tokens, credentials, password hashes), what was received raw, and
whatever no report needs is not among them.
"""

from alembic import op

from payymo.postgres.migrations.walls import let_warehouse_read

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

#: What of each table the warehouse reads.
COLUMNS = {
    "accounts": """
        tenant_id id connection_id iban masked_number name product currency account_type status
        is_sync_enabled is_offered synced_through last_synced_at proof_status proof_reason
        proved_through failure_count retry_at error_kind error_code created_at
    """,
    "account_quotas": "tenant_id id account_id scope allowance updated_at",
    "adjustments": "tenant_id id invoice_id match_id kind amount created_at reversed_at",
    "allocations": """
        tenant_id id match_id transaction_id invoice_id amount settled created_at reversed_at
    """,
    "balances": """
        tenant_id id account_id balance_type amount currency credit_limit_included reference_date
        observed_at last_observed_at retracted_at
    """,
    "balance_proofs": """
        tenant_id id account_id currency day status reason row_count booked opening closing
        difference agreed_on told_at
    """,
    "categories": "tenant_id id name kind key is_active",
    "connections": """
        tenant_id id provider institution_id name status expires_at last_synced_at next_sync_at
        error_kind error_code created_at
    """,
    "consents": """
        tenant_id id connection_id status history_days access_days granted_at expires_at created_at
    """,
    "coverage_spans": """
        tenant_id id account_id sync_run_id asked_from first_day last_day completeness is_firm
        learnt_at retracted_at
    """,
    "credit_uses": """
        tenant_id id credit_id kind amount invoice_id transaction_id match_id created_at
        reversed_at
    """,
    "customer_credits": """
        tenant_id id customer_id kind currency amount used balance credited_on transaction_id
        match_id invoice_id created_at reversed_at
    """,
    "customers": "tenant_id id number name country created_at",
    "fx_rate_overrides": "tenant_id id currency rate_date rate",
    "fx_rates": "currency rate_date rate",
    "institutions": "id provider reference name bic history_days_max consent_days_max",
    "invoices": """
        tenant_id id customer_id number currency total allocated adjusted credited balance
        issue_date due_date status voided_at created_at updated_at
    """,
    "match_lines": "tenant_id id match_id invoice_id amount settled",
    "match_runs": """
        tenant_id id status engine_version scope payment_count invoice_count applied_count
        suggested_count unexplained_count started_at finished_at reversed_at
    """,
    "matches": """
        tenant_id id transaction_id match_run_id status origin confidence engine_confidence is_tie
        engine_version applied_run_id decided_by decided_at created_at
    """,
    "sync_run_accounts": """
        tenant_id id sync_run_id account_id status since until pulled_count added_count
        updated_count unchanged_count superseded_count retry_at remark_code error_kind error_code
        error_http_status
    """,
    "sync_runs": """
        tenant_id id connection_id trigger reverts status started_at finished_at remark_code
        error_kind error_code
    """,
    "tenants": "id currency created_at",
    "transaction_splits": "tenant_id id transaction_id position amount currency category_id",
    "transactions": """
        tenant_id id account_id status amount currency transaction_date booking_date value_date
        counterparty_name counterparty_iban payee description remittance structured_reference
        end_to_end_id mandate_id creditor_id purpose_code bank_transaction_code
        merchant_category_code instructed_amount instructed_currency category_id category_source
        allocated match_status missing_since deleted_at split_total split_currency created_at updated_at
    """,
}


def upgrade() -> None:
    """Grant the columns, and let the policy show them."""
    op.execute("GRANT USAGE ON SCHEMA public TO payymo_analytics")
    for table, columns in COLUMNS.items():
        let_warehouse_read(table, *columns.split())
