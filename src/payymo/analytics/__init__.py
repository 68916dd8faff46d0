"""The warehouse: a DuckDB file of its own, made from PostgreSQL by the dbt project."""
