"""How many rows a tenant has in each table."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import Session

from payymo.postgres.core import Base


def count_rows(session: Session, tenant_id: UUID, tables: Collection[str]) -> Mapping[str, int]:
    """Return how many rows of each table are the tenant's.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose rows are counted.
    :param tables: Names of tables that have a ``tenant_id``; one at least.
    """
    counts = [
        select(literal(name), func.count()).select_from(table).where(table.c.tenant_id == tenant_id)
        for name in tables
        for table in (Base.metadata.tables[name],)
    ]
    return dict(session.execute(union_all(*counts)).all())
