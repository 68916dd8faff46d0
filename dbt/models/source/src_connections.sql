{{ read_operational('connections', [
    'tenant_id',
    'id',
    'provider',
    'institution_id',
    'name',
    'status',
    'expires_at',
    'last_synced_at',
    'next_sync_at',
    'error_kind',
    'error_code',
    'created_at',
]) }}
