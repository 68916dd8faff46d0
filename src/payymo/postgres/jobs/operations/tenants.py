"""For whom scheduled work is done."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from payymo.postgres.auth.models import Tenant


def list_tenant_ids(session: Session) -> Sequence[UUID]:
    """Return the ids of all tenants, oldest first.

    :param session: Open session, of no tenant; the caller manages the transaction.
    """
    return session.scalars(select(Tenant.id).order_by(Tenant.id)).all()
