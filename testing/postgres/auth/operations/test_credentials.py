"""A tenant's own credentials."""

from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from payymo.domain.banking import ProviderCredentials
from payymo.domain.enums import Provider
from payymo.domain.errors import ConfigurationError, NotFoundError
from payymo.postgres.auth.operations.credentials import (
    delete_credentials,
    find_credentials,
    get_stored_credentials,
    record_credentials,
)
from payymo.postgres.encryption import KEY_BYTES, KeyRing
from payymo.postgres.tenancy import enter_tenant

GOCARDLESS = Provider.GOCARDLESS
KEY_RING = KeyRing([bytes(KEY_BYTES)])


def record(session: Session, tenant_id: UUID, secret_id: str = "id-1") -> None:
    credentials = ProviderCredentials(secret_id, "key")
    record_credentials(session, tenant_id, GOCARDLESS, credentials, key_ring=KEY_RING)


def find(session: Session, tenant_id: UUID) -> ProviderCredentials | None:
    return find_credentials(session, tenant_id, GOCARDLESS, key_ring=KEY_RING)


def test_what_was_stored_comes_back(session: Session, tenant_id: UUID) -> None:
    record(session, tenant_id)
    record(session, tenant_id, "id-2")

    assert find(session, tenant_id) == ProviderCredentials("id-2", "key")
    stored = get_stored_credentials(session, tenant_id, GOCARDLESS)
    assert b"id-2" not in stored.secret_id


def test_what_was_forgotten_does_not(session: Session, tenant_id: UUID) -> None:
    record(session, tenant_id)

    delete_credentials(session, tenant_id, GOCARDLESS)

    assert find(session, tenant_id) is None
    with pytest.raises(NotFoundError):
        get_stored_credentials(session, tenant_id, GOCARDLESS)


def test_another_tenants_are_not_found(
    session: Session, tenant_id: UUID, other_tenant_id: UUID
) -> None:
    record(session, tenant_id)
    enter_tenant(session, other_tenant_id)

    assert find(session, other_tenant_id) is None


def test_another_key_does_not_open_them(session: Session, tenant_id: UUID) -> None:
    record(session, tenant_id)

    with pytest.raises(ConfigurationError):
        find_credentials(session, tenant_id, GOCARDLESS, key_ring=KeyRing([b"\1" * KEY_BYTES]))
