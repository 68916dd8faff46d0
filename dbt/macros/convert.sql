{#-
    What an amount is in another currency: exactly, rounded half to even, once, to the decimals of
    that currency, as `domain/exchange.py` has it (a test holds one against the other). Whole numbers
    are divided, because DuckDB divides decimals as floats. Nothing where a rate is missing.
-#}
{% macro convert(amount, currency, rate, target_currency, target_rate) -%}
    {%- set units = units_of(target_currency) -%}
    {%- set dividend -%}
        (abs({{ amount }}) * 10000)::hugeint * ({{ target_rate }} * 10000000000)::hugeint * {{ units }}
    {%- endset -%}
    {%- set divisor -%}
        (({{ rate }} * 10000000000)::hugeint * 10000)
    {%- endset -%}
    try(case
        when {{ currency }} = {{ target_currency }} then {{ amount }}
        else (
            sign({{ amount }})::hugeint * (10000 // {{ units }})
            * (
                ({{ dividend }}) // {{ divisor }}
                + case
                    when 2 * (({{ dividend }}) % {{ divisor }}) > {{ divisor }} then 1
                    when 2 * (({{ dividend }}) % {{ divisor }}) = {{ divisor }}
                        then (({{ dividend }}) // {{ divisor }}) % 2
                    else 0
                end
            )
        )::decimal(24, 0) * 0.0001::decimal(5, 4)
    end::decimal(20, 4))
{%- endmacro %}

{#- How many units of its smallest coin a currency has (ISO 4217), as `domain/money.py` has it. -#}
{% macro units_of(currency) -%}
    (case
        when {{ currency }} in (
            'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI',
            'VND', 'VUV', 'XAF', 'XOF', 'XPF'
        ) then 1
        when {{ currency }} in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 1000
        when {{ currency }} in ('CLF', 'UYW') then 10000
        else 100
    end)
{%- endmacro %}
