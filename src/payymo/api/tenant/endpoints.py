"""The tenant that one is signed in to, and what it lets happen without a person."""

from fastapi import Response

from payymo.api.dependencies import AdminDep, MemberDep, ServicesDep, SessionDep
from payymo.api.envelopes import Item, item_response
from payymo.api.routing import resource_router
from payymo.api.tenant.models import TenantRead, TenantUpdate
from payymo.postgres.auth.operations.tenants import get_tenant, update_tenant

router = resource_router("/tenant", tag="tenant")


@router.get("", response_model=Item[TenantRead])
def read(member: MemberDep, session: SessionDep) -> Response:
    """Return the tenant and its settings."""
    return item_response(TenantRead.of(get_tenant(session, member.tenant_id)))


@router.patch("", response_model=Item[TenantRead])
def update(
    body: TenantUpdate, member: AdminDep, services: ServicesDep, session: SessionDep
) -> Response:
    """Change settings; what is left out stays. What waits is judged anew by them."""
    tenant = update_tenant(session, member.tenant_id, actor_id=member.user_id, **body)
    services.queue.queue_match(session, member.tenant_id, requested_by=None)
    return item_response(TenantRead.of(tenant))
