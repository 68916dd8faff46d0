"""The record of who did what."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.postgres.auth.models import AuditEntry
from payymo.postgres.bulk import insert_rows
from payymo.postgres.core import Base

_TABLE = Base.metadata.tables[AuditEntry.__tablename__]

#: Where a session remembers that something was written down in it.
_EDITED: Final = "payymo.edited"
#: Entries are written while their transactions go on: the latest moment is that of one of so many.
_LATEST_MAX: Final = 50


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
    session.info[_EDITED] = True
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
    if not entity_ids:
        return
    session.info[_EDITED] = True
    columns = ("tenant_id", "id", "actor_id", "action", "entity", "entity_id", "before", "after")
    was, became = (msgspec.json.encode(values).decode() for values in (before, after))
    insert_rows(
        session,
        _TABLE,
        columns,
        [(tenant_id, uuid7(), actor_id, action, entity, each, was, became) for each in entity_ids],
    )


def is_edited(session: Session) -> bool:
    """Return whether anything was written down in a session: somebody has edited something.

    :param session: Open session; the caller manages the transaction.
    """
    return _EDITED in session.info


def find_last_edit(session: Session, tenant_id: UUID) -> datetime | None:
    """Return when the transaction began that last wrote anything down; ``None`` if none did.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant in which it was done.
    """
    latest = (
        select(AuditEntry.created_at)
        .where(AuditEntry.tenant_id == tenant_id)
        .order_by(AuditEntry.id.desc())
        .limit(_LATEST_MAX)
        .subquery()
    )
    moment: datetime | None = session.scalar(select(func.max(latest.c.created_at)))
    return moment
