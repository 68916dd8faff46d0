{{ read_operational('credit_uses', [
    'tenant_id',
    'id',
    'credit_id',
    'kind',
    'amount',
    'invoice_id',
    'transaction_id',
    'match_id',
    'created_at',
    'reversed_at',
]) }}
