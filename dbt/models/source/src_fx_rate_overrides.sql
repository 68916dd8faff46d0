{{ read_operational('fx_rate_overrides', [
    'tenant_id',
    'id',
    'currency',
    'rate_date',
    'rate',
]) }}
