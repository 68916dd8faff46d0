"""For which tenant a command works."""

from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.errors import InvalidInputError, NotFoundError
from payymo.postgres.auth.operations.tenants import list_tenants


def choose_tenant(sessions: sessionmaker[Session], wanted: str | None) -> UUID:
    """Return the tenant that is meant.

    :param sessions: Opener of transactions.
    :param wanted: Name or id; may be absent where there is only one tenant.
    :raises NotFoundError: If there is no tenant, or none of that name or id.
    :raises InvalidInputError: If several are meant.
    """
    with sessions.begin() as session:
        tenants = list_tenants(session)
    if not tenants:
        raise NotFoundError("There is no tenant yet: register one, or run `payymo up`.")
    meant = [
        tenant
        for tenant in tenants
        if wanted is None or wanted == tenant.name or wanted.lower() == str(tenant.id)
    ]
    if not meant:
        raise NotFoundError("There is no such tenant.")
    if len(meant) > 1:
        names = "; ".join(f"{tenant.id} {tenant.name}" for tenant in meant)
        raise InvalidInputError(f"Say which tenant with --tenant ID: {names}.")
    return meant[0].id
