{{ read_operational('customers', [
    'tenant_id',
    'id',
    'number',
    'name',
    'country',
    'created_at',
]) }}
