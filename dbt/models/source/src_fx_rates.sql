{{ config(unique_key=['currency', 'rate_date'], meta={'tenant': none}) }}

{{ read_operational('fx_rates', [
    'currency',
    'rate_date',
    'rate',
]) }}
