{#- An estimated amount, in whole coins of its currency. -#}
{% macro round_to_coin(amount, currency) -%}
    (round(({{ amount }}) * {{ units_of(currency) }}) / {{ units_of(currency) }})::decimal(38, 4)
{%- endmacro %}
