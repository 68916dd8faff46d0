{#-
    The moment that the build shows, and its day: a mart's "now" and "today", never the clock's.
    Asked for only when models run, so that what dbt has parsed serves the next build as well.
-#}
{% macro as_of() -%}
    {%- set moment = '2026-01-01T00:00:00+00:00' -%}
    {%- if execute -%}{%- set moment = env_var('PAYYMO_AS_OF', moment) -%}{%- endif -%}
    '{{ moment }}'::timestamptz
{%- endmacro %}

{% macro as_of_date() -%}
    {%- set moment = '2026-01-01' -%}
    {%- if execute -%}{%- set moment = env_var('PAYYMO_AS_OF', moment) -%}{%- endif -%}
    '{{ moment[:10] }}'::date
{%- endmacro %}
