"""Tenants: they stand outside the walls, and hold only what signing in needs."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from payymo.domain.errors import NotFoundError
from payymo.postgres.auth.models import Tenant


def create_tenant(session: Session, *, name: str, currency: str) -> Tenant:
    """Return a new tenant.

    :param session: Open session; the caller manages the transaction.
    :param name: What people call it.
    :param currency: ISO 4217 code of its books.
    """
    tenant = Tenant(name=name, currency=currency)
    session.add(tenant)
    session.flush()
    return tenant


def list_tenants(session: Session) -> Sequence[Tenant]:
    """Return all tenants, oldest first.

    :param session: Open session, of no tenant; the caller manages the transaction.
    """
    return session.scalars(select(Tenant).order_by(Tenant.id)).all()


def get_tenant(session: Session, tenant_id: UUID) -> Tenant:
    """Return a tenant.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant to return.
    :raises NotFoundError: If there is none.
    """
    tenant = session.get(Tenant, tenant_id)
    if tenant is None:
        raise NotFoundError("There is no such tenant.")
    return tenant
