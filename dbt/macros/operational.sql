{#-
    How models of `source` read PostgreSQL: its rows as they are, in the transaction's snapshot, and
    in an incremental build, which sets `payymo.changed_since`, those alone that this transaction or
    a later one wrote.
-#}

{#- Read the snapshot that the build exported: all models see the same moment. -#}
{% macro read_snapshot() -%}
    {%- if execute -%}
        {%- set snapshot = env_var('PAYYMO_SNAPSHOT') -%}
        call postgres_execute('operational', 'SET TRANSACTION SNAPSHOT ''{{ snapshot }}''')
    {%- endif -%}
{%- endmacro %}

{#- Columns of a table of PostgreSQL, named as there; `columns` may hold expressions. -#}
{% macro read_operational(table, columns) -%}
    {%- set relation = source('operational', table) -%}
    {%- set query -%}
        select {{ columns | join(', ') }} from public.{{ relation.identifier }}
        where age(xmin) <= (
            select coalesce(age(nullif(current_setting('payymo.changed_since', true), '')::xid),
                2147483647)
        )
    {%- endset -%}
    select * from postgres_query('operational', '{{ query | replace("'", "''") }}')
{%- endmacro %}
