{{ read_operational('account_quotas', [
    'tenant_id',
    'id',
    'account_id',
    'scope',
    'updated_at',
    "(allowance ->> 'limit')::integer as call_limit",
    "(allowance ->> 'remaining')::integer as told_remaining",
    "(allowance ->> 'told_at')::timestamptz as told_at",
    "allowance ->> 'told_by' as told_by",
    "(allowance ->> 'resets_at')::timestamptz as resets_at",
    "(allowance ->> 'refused_until')::timestamptz as refused_until",
    "coalesce(allowance -> 'calls', '[]')::text as calls",
]) }}
