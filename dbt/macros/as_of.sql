{#-
    The moment that the build shows, and its day: a mart's "now" and "today", never the clock's.
    It stands in the file as a macro of DuckDB's, so that what dbt compiles from a model is the same
    for every build: an incremental one runs it again at another moment.
-#}
{% macro as_of() -%}
    main.as_of()
{%- endmacro %}

{% macro as_of_date() -%}
    timezone('UTC', main.as_of())::date
{%- endmacro %}

{#-
    Say which moment it is, before any model asks. Looked up only when it is said, so that what dbt
    has parsed serves the next build as well.
-#}
{% macro tell_as_of() -%}
    {%- if execute -%}
        {%- set moment = env_var('PAYYMO_AS_OF', '2026-01-01T00:00:00+00:00') -%}
        create or replace macro main.as_of() as '{{ moment }}'::timestamptz
    {%- endif -%}
{%- endmacro %}
