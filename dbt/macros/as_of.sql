{#- The moment that the build shows, and its day: a mart's "now" and "today", never the clock's. -#}
{% macro as_of() -%}
    '{{ var("as_of") }}'::timestamptz
{%- endmacro %}

{% macro as_of_date() -%}
    '{{ var("as_of")[:10] }}'::date
{%- endmacro %}
