{{ read_operational('transaction_splits', [
    'tenant_id',
    'id',
    'transaction_id',
    'position',
    'amount',
    'currency',
    'category_id',
]) }}
