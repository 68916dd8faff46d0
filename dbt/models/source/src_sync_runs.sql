{{ read_operational('sync_runs', [
    'tenant_id',
    'id',
    'connection_id',
    'trigger',
    'reverts',
    'status',
    'started_at',
    'finished_at',
    'remark_code',
    'error_kind',
    'error_code',
]) }}
