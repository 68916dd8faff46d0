{{ read_operational('match_lines', [
    'tenant_id',
    'id',
    'match_id',
    'invoice_id',
    'amount',
    'settled',
]) }}
