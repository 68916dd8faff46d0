"""How far the tenant lets differences between payments and invoices be booked."""

from fastapi import Response

from payymo.api.dependencies import AdminDep, MemberDep, ServicesDep, SessionDep
from payymo.api.envelopes import Item, item_response
from payymo.api.routing import resource_router
from payymo.api.settlement_policy.models import SettlementPolicyRead, SettlementPolicyUpdate
from payymo.postgres.reconciliation.operations.policies import get_policy, update_policy

router = resource_router("/settlement_policy", tag="settlement_policy")


@router.get("", response_model=Item[SettlementPolicyRead])
def read(member: MemberDep, session: SessionDep) -> Response:
    """Return the policy: a cautious one until somebody chooses."""
    return item_response(SettlementPolicyRead.of(get_policy(session, member.tenant_id)))


@router.patch("", response_model=Item[SettlementPolicyRead])
def update(
    body: SettlementPolicyUpdate, member: AdminDep, services: ServicesDep, session: SessionDep
) -> Response:
    """Change the policy; what is left out stays. What was booked already stays as well."""
    policy = update_policy(session, member.tenant_id, actor_id=member.user_id, **body)
    services.queue.queue_match(session, member.tenant_id, requested_by=None)
    return item_response(SettlementPolicyRead.of(policy))
