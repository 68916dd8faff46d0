{{ read_operational('categories', [
    'tenant_id',
    'id',
    'name',
    'kind',
    'key',
    'is_active',
]) }}
