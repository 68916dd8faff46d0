"""Dagster: conducts what the queue does, builds the warehouse, and shows what comes from where.

The only room that knows Dagster. Nothing that a tenant needs depends on it: API, worker and
PostgreSQL do the same without it.
"""
