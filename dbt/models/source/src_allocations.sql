{{ read_operational('allocations', [
    'tenant_id',
    'id',
    'match_id',
    'transaction_id',
    'invoice_id',
    'amount',
    'settled',
    'created_at',
    'reversed_at',
]) }}
