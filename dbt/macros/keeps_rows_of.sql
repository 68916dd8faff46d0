{#-
    Generic test: a model has one row for each row of another one, no more (a join that fans out)
    and no fewer (a join that loses).
-#}
{% test keeps_rows_of(model, of, only='true') %}
    select
        (select count(*) from {{ model }}) as row_count,
        (select count(*) from {{ of }} where {{ only }}) as expected_count
    where row_count <> expected_count
{% endtest %}
