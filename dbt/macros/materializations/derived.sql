{#-
    How a table is made from other models: whole, or, where the plan of an incremental build says so,
    the rows of those tenants anew whose data have changed. No row of one tenant depends on another's.
-#}
{% materialization derived, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set plan = fromjson(env_var('PAYYMO_PLAN', '{}')) -%}
    {%- set narrowed = plan.get('narrowed', {}).get(model.name) -%}

    {{ run_hooks(pre_hooks) }}
    {%- call statement('main') -%}
        {%- if narrowed is none -%}
            drop table if exists {{ target }};
            {{ create_table_as(False, target, sql) }}
        {%- else -%}
            {%- set condition = is_touched() -%}
            delete from {{ target }} where {{ condition }};
            insert into {{ target }} by name
            select * from ({{ narrow(sql, narrowed, condition) }}) where {{ condition }}
        {%- endif -%}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{#-
    SQL that reads some rows of models alone. It comes to the same rows as a condition on its result,
    sooner: the condition does not find its way through every window and union.
-#}
{% macro narrow(sql, models, condition) -%}
    {%- set narrowed = namespace(sql=sql) -%}
    {%- for name in models -%}
        {%- set relation = graph.nodes['model.' ~ project_name ~ '.' ~ name].relation_name -%}
        {%- set rows = '(select * from ' ~ relation ~ ' where ' ~ condition ~ ')' -%}
        {%- set narrowed.sql = narrowed.sql | replace(relation, rows) -%}
    {%- endfor -%}
    {{- return(narrowed.sql) -}}
{%- endmacro %}
