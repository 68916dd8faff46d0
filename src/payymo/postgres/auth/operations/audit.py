"""The record of who did what."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.postgres.auth.models import AuditEntry


def record_audit(
    session: Session,
    tenant_id: UUID,
    *,
    actor_id: UUID | None,
    action: str,
    entity: str,
    entity_id: UUID,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write down that somebody did something.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant in which it was done.
    :param actor_id: User who did it; ``None`` when Payymo did.
    :param action: Verb in the past tense (``confirmed``).
    :param entity: Table of the thing (``matches``).
    :param entity_id: The thing.
    :param before: Values that were changed, as JSON.
    :param after: Values since then, as JSON.
    """
    session.add(
        AuditEntry(
            tenant_id=tenant_id,
            actor_id=actor_id,
            action=action,
            entity=entity,
            entity_id=entity_id,
            before=before,
            after=after,
        )
    )
