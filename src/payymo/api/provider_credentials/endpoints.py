"""A tenant's own credentials at a provider: entered, replaced and removed, never shown."""

from http import HTTPStatus
from uuid import UUID

from fastapi import Response
from sqlalchemy.orm import Session

from payymo.api.dependencies import AdminDep, ServicesDep, SessionDep
from payymo.api.envelopes import Item, item_response
from payymo.api.provider_credentials.models import CredentialsRead, CredentialsWrite
from payymo.api.routing import resource_router
from payymo.api.services import ApiServices
from payymo.domain.banking import ProviderCredentials
from payymo.domain.enums import Provider
from payymo.postgres.auth.operations.credentials import (
    delete_credentials,
    find_credentials,
    get_stored_credentials,
    record_credentials,
)

router = resource_router("/provider_credentials", tag="provider_credentials")

_SHOWN_CHARACTERS = 4


@router.get("/{provider}", response_model=Item[CredentialsRead])
def read(
    provider: Provider, member: AdminDep, services: ServicesDep, session: SessionDep
) -> Response:
    """Return whether the tenant has credentials of its own, and which."""
    return item_response(_present(session, member.tenant_id, provider, services))


@router.put("/{provider}", response_model=Item[CredentialsRead])
def replace(
    provider: Provider,
    body: CredentialsWrite,
    member: AdminDep,
    services: ServicesDep,
    session: SessionDep,
) -> Response:
    """Store the tenant's own credentials, encrypted; those stored before are forgotten."""
    credentials = ProviderCredentials(
        body.secret_id.get_secret_value(), body.secret_key.get_secret_value()
    )
    record_credentials(session, member.tenant_id, provider, credentials, key_ring=services.key_ring)
    return item_response(_present(session, member.tenant_id, provider, services))


@router.delete("/{provider}", status_code=HTTPStatus.NO_CONTENT)
def delete(provider: Provider, member: AdminDep, session: SessionDep) -> Response:
    """Forget the tenant's own credentials; where there are none, nothing changes."""
    delete_credentials(session, member.tenant_id, provider)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _present(
    session: Session, tenant_id: UUID, provider: Provider, services: ApiServices
) -> CredentialsRead:
    stored = get_stored_credentials(session, tenant_id, provider)
    opened = find_credentials(session, tenant_id, provider, key_ring=services.key_ring)
    secret_id = opened.secret_id if opened is not None else ""
    return CredentialsRead(
        provider=provider,
        secret_id=f"…{secret_id[-_SHOWN_CHARACTERS:]}",
        created_at=stored.created_at,
        updated_at=stored.updated_at,
    )
