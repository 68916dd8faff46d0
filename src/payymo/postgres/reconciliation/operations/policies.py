"""How far each tenant lets differences be booked."""

from dataclasses import asdict, fields
from decimal import Decimal
from typing import TypedDict, Unpack
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.settlement import SettlementPolicy
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.reconciliation.models import SettlementPolicyRow

_NAMES = tuple(field.name for field in fields(SettlementPolicy))


class PolicyChanges(TypedDict, total=False):
    """What to change of a policy: what is left out stays."""

    rounding_max: Decimal
    bank_fee_max: Decimal
    bank_fee_share_max: Decimal
    processor_fee_share_max: Decimal
    discount_share_max: Decimal
    discount_days_max: int
    exchange_share_max: Decimal
    credit_overpayments: bool
    apply_differences: bool
    apply_credits: bool


def get_policy(session: Session, tenant_id: UUID) -> SettlementPolicy:
    """Return the tenant's policy: the cautious one where it never chose.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose policy it is.
    """
    row = session.scalars(
        select(SettlementPolicyRow)
        .where(SettlementPolicyRow.tenant_id == tenant_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return SettlementPolicy()
    return SettlementPolicy(**{name: getattr(row, name) for name in _NAMES})


def update_policy(
    session: Session, tenant_id: UUID, *, actor_id: UUID | None, **changes: Unpack[PolicyChanges]
) -> SettlementPolicy:
    """Change the tenant's policy, and return it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose policy it is.
    :param actor_id: User who changes it.
    :param changes: New values; what is left out stays.
    """
    before = asdict(get_policy(session, tenant_id))
    wanted = before | dict(changes)
    if wanted == before:
        return get_policy(session, tenant_id)
    statement = insert(SettlementPolicyRow).values(tenant_id=tenant_id, id=uuid7(), **wanted)
    session.execute(
        statement.on_conflict_do_update(index_elements=["tenant_id"], set_=dict(changes))
    )
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="changed",
        entity="settlement_policies",
        entity_id=tenant_id,
        before={name: str(before[name]) for name in changes},
        after={name: str(value) for name, value in changes.items()},
    )
    return get_policy(session, tenant_id)
