"""Who may do what with a table, for migrations after the third."""

from alembic import op

_APP_ROLE = "payymo_app"
_ANALYTICS_ROLE = "payymo_analytics"
_OWN_TENANT = "tenant_id = NULLIF(current_setting('payymo.tenant_id', true), '')::uuid"


def guard_table(table: str, grants: str) -> None:
    """Let the application's role work with a new table, for one tenant at a time.

    :param table: Table that has a ``tenant_id``.
    :param grants: What the application may do with it: ``SELECT, INSERT`` …
    """
    op.execute(f"GRANT {grants} ON {table} TO {_APP_ROLE}")
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY own_tenant ON {table} USING ({_OWN_TENANT}) WITH CHECK ({_OWN_TENANT})"
    )


def let_warehouse_read(table: str, *columns: str) -> None:
    """Let the warehouse read columns of a table, of all tenants; a repetition adds columns.

    ``xmin`` goes with them: by it a build knows which rows are new. Who may become the warehouse's
    role, as the tables' owner may, sees no more than before until it does.

    :param table: Table that the reports need.
    :param columns: What they need of it: nothing secret, and no payload.
    """
    op.execute(f"GRANT SELECT (xmin, {', '.join(columns)}) ON {table} TO {_ANALYTICS_ROLE}")
    op.execute(f"DROP POLICY IF EXISTS warehouse ON {table}")
    op.execute(
        f"CREATE POLICY warehouse ON {table} FOR SELECT TO {_ANALYTICS_ROLE} "
        f"USING (current_user = '{_ANALYTICS_ROLE}')"
    )
