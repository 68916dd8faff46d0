{#-
    How models of `source` read PostgreSQL: its rows as they are, in the transaction's snapshot, and
    in an incremental build those alone that a later transaction than the last build's wrote.
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
        {%- if execute and env_var('PAYYMO_CHANGED_SINCE', '') %}
            where age(xmin) <= age('{{ env_var("PAYYMO_CHANGED_SINCE") }}'::xid)
        {%- endif -%}
    {%- endset -%}
    select * from postgres_query('operational', '{{ query | replace("'", "''") }}')
{%- endmacro %}
