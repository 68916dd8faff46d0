{{ config(unique_key='id', meta={'tenant': 'id'}) }}

{{ read_operational('tenants', [
    'id',
    'currency',
    'created_at',
]) }}
