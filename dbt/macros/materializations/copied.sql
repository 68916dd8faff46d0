{#-
    How a model of `source` is made: rows of PostgreSQL, copied into a table. Where the build goes on
    from another, what was read takes the place of what was known of the same keys, and what is no
    more there goes.
-#}
{% materialization copied, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set keys = config.require('unique_key') -%}
    {%- set keys = [keys] if keys is string else keys -%}
    {%- set goes_on = env_var('PAYYMO_CHANGED_SINCE', '') != '' -%}

    {{ run_hooks(pre_hooks) }}
    {%- if not goes_on -%}
        {%- call statement('main') -%}
            {{ create_table_as(False, target, sql) }}
        {%- endcall -%}
    {%- else -%}
        {%- call statement('main') -%}
            create temp table {{ target.identifier }}_read as ({{ sql }});
            delete from {{ target }} as known
            using temp.{{ target.identifier }}_read as read
            where
                {%- for key in keys %}
                    {{ 'and ' if not loop.first }}read.{{ key }} = known.{{ key }}
                {%- endfor %};
            insert into {{ target }} by name select * from temp.{{ target.identifier }}_read;
            drop table temp.{{ target.identifier }}_read
        {%- endcall -%}
        {{ forget_deleted_rows(target, keys) }}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{#-
    Drop what is no more in the table that a model is named for. All that is there is known by now:
    where as many rows are known, they are the same.
-#}
{% macro forget_deleted_rows(target, keys) -%}
    {%- set table = 'public.' ~ (target.identifier | replace('src_', '', 1)) -%}
    {%- set present_count = fromjson(env_var('PAYYMO_PLAN')).row_counts[target.identifier] -%}
    {%- set counts = run_query('select count(*) as known_count from ' ~ target) -%}
    {%- if counts[0]['known_count'] != present_count -%}
        {%- call statement('forget') -%}
            delete from {{ target }} as known
            where not exists (
                select 1
                from postgres_query(
                    'operational', 'select {{ keys | join(", ") }} from {{ table }}'
                ) as present
                where
                    {%- for key in keys %}
                        {{ 'and ' if not loop.first }}present.{{ key }} = known.{{ key }}
                    {%- endfor %}
            )
        {%- endcall -%}
    {%- endif -%}
{%- endmacro %}
