{#-
    The day of a recurring payment, so many steps after the next one. What is late on the day on which
    that is asked is expected on the morrow, and what follows keeps its days.
-#}
{% macro expected_date(series, step, today) -%}
    (case
        when {{ step }} = 0 then greatest({{ series }}.next_expected_date, {{ today }} + 1)
        when {{ series }}.cadence = 'monthly'
            then {{ series }}.next_expected_date + to_months({{ step }}::integer)
        when {{ series }}.cadence = 'quarterly'
            then {{ series }}.next_expected_date + to_months(3 * {{ step }}::integer)
        when {{ series }}.cadence = 'yearly'
            then {{ series }}.next_expected_date + to_years({{ step }}::integer)
        else
            {{ series }}.next_expected_date
            + to_days(({{ step }} * {{ series }}.interval_days)::integer)
    end::date)
{%- endmacro %}
