{{ read_operational('account_quotas', [
    'tenant_id',
    'id',
    'account_id',
    'scope',
    'updated_at',
    "(allowance ->> 'limit')::integer as call_limit",
    "jsonb_array_length(coalesce(allowance -> 'calls', '[]')) as call_count",
]) }}
