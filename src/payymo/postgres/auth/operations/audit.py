"""The record of who did what."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.postgres.auth.models import AuditEntry
from payymo.postgres.bulk import insert_rows
from payymo.postgres.core import Base

_TABLE = Base.metadata.tables[AuditEntry.__tablename__]


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


def record_audits(
    session: Session,
    tenant_id: UUID,
    *,
    action: str,
    entity: str,
    entity_ids: Sequence[UUID],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    actor_id: UUID | None = None,
) -> None:
    """Write down that somebody did the same to many things.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant in which it was done.
    :param action: Verb in the past tense (``confirmed``).
    :param entity: Table of the things (``matches``).
    :param entity_ids: The things.
    :param before: Values that were changed, as JSON.
    :param after: Values since then, as JSON.
    :param actor_id: User who did it; ``None`` when Payymo did.
    """
    columns = ("tenant_id", "id", "actor_id", "action", "entity", "entity_id", "before", "after")
    was, became = (msgspec.json.encode(values).decode() for values in (before, after))
    insert_rows(
        session,
        _TABLE,
        columns,
        [(tenant_id, uuid7(), actor_id, action, entity, each, was, became) for each in entity_ids],
    )
