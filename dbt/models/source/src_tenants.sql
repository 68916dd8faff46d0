{{ config(unique_key='id') }}

{{ read_operational('tenants', [
    'id',
    'currency',
    'created_at',
]) }}
