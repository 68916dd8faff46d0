{{ read_operational('coverage_spans', [
    'tenant_id',
    'id',
    'account_id',
    'sync_run_id',
    'asked_from',
    'first_day',
    'last_day',
    'completeness',
    'is_firm',
    'learnt_at',
    'retracted_at',
]) }}
