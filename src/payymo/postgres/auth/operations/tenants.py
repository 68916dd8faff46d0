"""Tenants: they stand outside the walls, and hold only what signing in needs."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypedDict, Unpack
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from payymo.domain.enums import GateDemand
from payymo.domain.errors import InvalidInputError, NotFoundError
from payymo.domain.matching.gate import DECISIONS_MIN, THRESHOLD_MAX, THRESHOLD_MIN
from payymo.postgres.auth.models import Tenant
from payymo.postgres.auth.operations.audit import record_audit


class TenantChanges(TypedDict, total=False):
    """What may be changed of a tenant: see :class:`.Tenant`."""

    name: str
    currency: str
    auto_apply: bool
    auto_apply_threshold: Decimal
    auto_apply_demand: GateDemand
    auto_apply_decisions_min: int


def create_tenant(session: Session, *, name: str, currency: str) -> Tenant:
    """Return a new tenant.

    :param session: Open session; the caller manages the transaction.
    :param name: What people call it.
    :param currency: ISO 4217 code of what it reports in.
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


def update_tenant(
    session: Session,
    tenant_id: UUID,
    *,
    actor_id: UUID | None,
    **changes: Unpack[TenantChanges],
) -> Tenant:
    """Change a tenant's settings, and return it.

    :param session: Open session that works for the tenant; the caller manages the transaction.
    :param tenant_id: Tenant to change.
    :param actor_id: User who changes it; ``None`` on the operator's machine.
    :param changes: New values; what is left out stays.
    :raises NotFoundError: If there is no such tenant.
    :raises InvalidInputError: If the threshold promises nothing or too much, or proof would rest on
        fewer than :data:`.DECISIONS_MIN` decisions.
    """
    _check(changes)
    tenant = session.scalars(
        select(Tenant).where(Tenant.id == tenant_id).with_for_update()
    ).one_or_none()
    if tenant is None:
        raise NotFoundError("There is no such tenant.")
    wanted: dict[str, Any] = dict(changes)
    before = {name: getattr(tenant, name) for name in wanted}
    if before == wanted:
        return tenant
    for name, value in wanted.items():
        setattr(tenant, name, value)
    session.flush()
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="changed",
        entity="tenants",
        entity_id=tenant_id,
        before=_as_json(before),
        after=_as_json(wanted),
    )
    return tenant


def _check(changes: TenantChanges) -> None:
    threshold = changes.get("auto_apply_threshold", THRESHOLD_MIN)
    if not THRESHOLD_MIN <= threshold <= THRESHOLD_MAX:
        raise InvalidInputError(
            f"The threshold must be from {THRESHOLD_MIN} to {THRESHOLD_MAX}: below, what is "
            "applied would often be wrong."
        )
    if changes.get("auto_apply_decisions_min", DECISIONS_MIN) < DECISIONS_MIN:
        raise InvalidInputError(
            f"Proof needs at least {DECISIONS_MIN} decisions: fewer say nothing of a threshold."
        )


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()
    }
