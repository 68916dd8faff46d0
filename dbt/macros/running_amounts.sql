{#- What an account was paid, less what it paid, up to the end of each day on which it was. -#}
{% macro running_amounts() -%}
    (
        select
            tenant_id,
            account_id,
            currency,
            payment_date,
            sum(sum(amount)) over (
                partition by tenant_id, account_id, currency
                order by payment_date
            ) as running_amount

        from {{ ref('int_payment_days') }}
        group by tenant_id, account_id, currency, payment_date
    )
{%- endmacro %}
