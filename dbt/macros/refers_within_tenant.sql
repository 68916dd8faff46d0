{#- Generic test: what a column names exists, and belongs to the same tenant. -#}
{% test refers_within_tenant(model, column_name, to, field) %}
    select referring.tenant_id, referring.{{ column_name }}
    from {{ model }} as referring
    where
        referring.{{ column_name }} is not null
        and not exists (
            select 1
            from {{ to }} as referred
            where
                referred.tenant_id = referring.tenant_id
                and referred.{{ field }} = referring.{{ column_name }}
        )
{% endtest %}
