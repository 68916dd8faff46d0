"""The wall around a table that belongs to tenants, for migrations after the third."""

from alembic import op

_APP_ROLE = "payymo_app"
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
