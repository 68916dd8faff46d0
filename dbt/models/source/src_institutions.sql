{{ config(unique_key='id', meta={'tenant': none}) }}

{{ read_operational('institutions', [
    'id',
    'provider',
    'reference',
    'name',
    'bic',
    'history_days_max',
    'consent_days_max',
]) }}
