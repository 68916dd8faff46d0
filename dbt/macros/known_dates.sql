{#-
    The days on which a forecast is made: today, and every four weeks back for two years. What it was
    made on the days of the latter year is held against what came; the year before that tells how wide
    its band had to be.
-#}
{% macro known_dates() -%}
    (
        select {{ as_of_date() }} - 28 * unnest(generate_series(0, 26))::integer as known_date
    )
{%- endmacro %}
