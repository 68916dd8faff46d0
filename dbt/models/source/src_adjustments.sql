{{ read_operational('adjustments', [
    'tenant_id',
    'id',
    'invoice_id',
    'match_id',
    'kind',
    'amount',
    'created_at',
    'reversed_at',
]) }}
