{{ config(unique_key=['currency', 'rate_date']) }}

{{ read_operational('fx_rates', [
    'currency',
    'rate_date',
    'rate',
]) }}
