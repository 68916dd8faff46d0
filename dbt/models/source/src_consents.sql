{{ read_operational('consents', [
    'tenant_id',
    'id',
    'connection_id',
    'status',
    'history_days',
    'access_days',
    'granted_at',
    'expires_at',
    'created_at',
]) }}
