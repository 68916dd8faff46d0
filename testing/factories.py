"""Builders of rows for tests: they fill in what a test does not care about."""

from uuid import UUID

from sqlalchemy.orm import Session

from payymo.postgres.auth.models import Tenant


def add_tenant(session: Session, name: str = "Example Ltd") -> UUID:
    """Add a tenant, and return its id."""
    tenant = Tenant(name=name)
    session.add(tenant)
    session.flush()
    return tenant.id
