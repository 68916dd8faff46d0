{{ read_operational('balances', [
    'tenant_id',
    'id',
    'account_id',
    'balance_type',
    'amount',
    'currency',
    'credit_limit_included',
    'reference_date',
    'observed_at',
    'last_observed_at',
    'retracted_at',
]) }}
