"""A tenant's own credentials at a provider: encrypted, and never shown again."""

from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payymo.domain.banking import ProviderCredentials
from payymo.domain.enums import Provider
from payymo.domain.errors import NotFoundError
from payymo.postgres.auth.models import ProviderCredential
from payymo.postgres.encryption import KeyRing

_SECRET_ID = "provider_credentials.secret_id"  # noqa: S105  # a column's name
_SECRET_KEY = "provider_credentials.secret_key"  # noqa: S105  # a column's name


def record_credentials(
    session: Session,
    tenant_id: UUID,
    provider: Provider,
    credentials: ProviderCredentials,
    *,
    key_ring: KeyRing,
) -> None:
    """Store a tenant's credentials; those stored before are forgotten.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Whose they are.
    :param provider: Who gave them.
    :param credentials: The credentials.
    :param key_ring: Encrypts them.
    """
    sealed = {
        "secret_id": key_ring.encrypt(credentials.secret_id, column=_SECRET_ID, owner=tenant_id),
        "secret_key": key_ring.encrypt(credentials.secret_key, column=_SECRET_KEY, owner=tenant_id),
    }
    session.execute(
        insert(ProviderCredential)
        .values(tenant_id=tenant_id, provider=provider, **sealed)
        .on_conflict_do_update(
            index_elements=["tenant_id", "provider"], set_={**sealed, "updated_at": func.now()}
        )
    )


def get_stored_credentials(
    session: Session, tenant_id: UUID, provider: Provider
) -> ProviderCredential:
    """Return the row of a tenant's credentials, still encrypted.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Whose they are.
    :param provider: Who gave them.
    :raises NotFoundError: If the tenant has none of its own.
    """
    statement = select(ProviderCredential).where(
        ProviderCredential.tenant_id == tenant_id, ProviderCredential.provider == provider
    )
    stored = session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if stored is None:
        raise NotFoundError("There are no credentials of your own for this provider.")
    return stored


def find_credentials(
    session: Session, tenant_id: UUID, provider: Provider, *, key_ring: KeyRing
) -> ProviderCredentials | None:
    """Return a tenant's own credentials; ``None`` where it has none.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Whose they are.
    :param provider: Who gave them.
    :param key_ring: Opens them.
    :raises ConfigurationError: If the key ring cannot open them.
    """
    try:
        stored = get_stored_credentials(session, tenant_id, provider)
    except NotFoundError:
        return None
    return ProviderCredentials(
        secret_id=key_ring.decrypt(stored.secret_id, column=_SECRET_ID, owner=tenant_id),
        secret_key=key_ring.decrypt(stored.secret_key, column=_SECRET_KEY, owner=tenant_id),
    )


def delete_credentials(session: Session, tenant_id: UUID, provider: Provider) -> None:
    """Forget a tenant's own credentials; where there are none, nothing changes.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Whose they are.
    :param provider: Who gave them.
    """
    session.execute(
        delete(ProviderCredential).where(
            ProviderCredential.tenant_id == tenant_id, ProviderCredential.provider == provider
        )
    )
