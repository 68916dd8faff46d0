{#- The condition on rows of those tenants whose data have changed since the last build. -#}
{% macro is_touched() -%}
    {%- set plan = fromjson(env_var('PAYYMO_PLAN')) -%}
    {{- return("tenant_id in ('" ~ plan.tenants | join("', '") ~ "')") -}}
{%- endmacro %}

{#-
    What a generic test reads of a model: where everybody else's rows are as the last build had them,
    which tried them, those of the tenants whose data have changed.
-#}
{% macro default__get_where_subquery(relation) -%}
    {%- set plan = fromjson(env_var('PAYYMO_PLAN', '{}')) if execute else {} -%}
    {%- if relation.identifier not in plan.get('patched', []) -%}
        {{- return(dbt.default__get_where_subquery(relation)) -}}
    {%- endif -%}
    {{- return('(select * from ' ~ relation ~ ' where ' ~ is_touched() ~ ')') -}}
{%- endmacro %}
