{#-
    Generic test: a model has one row for each row of another one, no more (a join that fans out)
    and no fewer (a join that loses).
-#}
{% test keeps_rows_of(model, of, only='true') %}
    {#- A query, and no table, is what some tenants have of it: see `touched.sql`. -#}
    {%- set compared = is_touched() if execute and model is string else 'true' -%}
    select
        (select count(*) from {{ model }}) as row_count,
        (select count(*) from {{ of }} where {{ only }} and {{ compared }}) as expected_count
    where row_count <> expected_count
{% endtest %}
