"""The first answers to requests that carry an ``Idempotency-Key``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payymo.domain.errors import ConflictError
from payymo.postgres.auth.models import IdempotencyKey

#: After so long a key may be used anew.
KEY_LIFETIME: Final = timedelta(hours=24)

#: A request that has not ended by then never will: its process was killed.
CLAIM_LIFETIME: Final = timedelta(minutes=5)

#: The status of a request that is being answered.
_UNDER_WAY: Final = int(HTTPStatus.PROCESSING)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer, as it was given."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def claim_key(
    session: Session, tenant_id: UUID, *, key: str, request_hash: bytes, now: datetime
) -> StoredAnswer | None:
    """Take a key for a request that is about to run.

    :param session: Open session; the caller manages the transaction, and ends it before the
        request runs, so that others see the claim.
    :param tenant_id: Tenant whose key it is.
    :param key: The client's name for the request.
    :param request_hash: What the request consists of.
    :param now: Present moment.
    :returns: The answer that the same request had before; ``None`` if it may run now.
    :raises ConflictError: If the key belongs to another request, or to one that is still running.
    """
    fresh = {
        "request_hash": request_hash,
        "status": _UNDER_WAY,
        "headers": {},
        "body": b"",
        "created_at": now,
    }
    is_abandoned = and_(
        IdempotencyKey.status == _UNDER_WAY, IdempotencyKey.created_at < now - CLAIM_LIFETIME
    )
    statement = (
        insert(IdempotencyKey)
        .values(tenant_id=tenant_id, key=key, **fresh)
        .on_conflict_do_update(
            index_elements=["tenant_id", "key"],
            set_=fresh,
            where=or_(is_abandoned, IdempotencyKey.created_at < now - KEY_LIFETIME),
        )
        .returning(IdempotencyKey.id)
    )
    if session.execute(statement).one_or_none() is not None:
        return None
    return _find_answer(session, tenant_id, key, request_hash)


def record_answer(session: Session, tenant_id: UUID, *, key: str, answer: StoredAnswer) -> None:
    """Keep the answer to the request that claimed a key.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose key it is.
    :param key: The client's name for the request.
    :param answer: What was answered.
    """
    session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.tenant_id == tenant_id, IdempotencyKey.key == key)
        .values(status=answer.status, headers=dict(answer.headers), body=answer.body)
    )


def release_key(session: Session, tenant_id: UUID, *, key: str) -> None:
    """Give back a key whose request failed, so that it may be sent again.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose key it is.
    :param key: The client's name for the request.
    """
    session.execute(
        delete(IdempotencyKey).where(
            IdempotencyKey.tenant_id == tenant_id,
            IdempotencyKey.key == key,
            IdempotencyKey.status == _UNDER_WAY,
        )
    )


def _find_answer(
    session: Session, tenant_id: UUID, key: str, request_hash: bytes
) -> StoredAnswer | None:
    statement = select(IdempotencyKey).where(
        IdempotencyKey.tenant_id == tenant_id, IdempotencyKey.key == key
    )
    stored = session.scalars(statement).one()
    if stored.request_hash != request_hash:
        raise ConflictError(
            "This Idempotency-Key was used for another request: choose a new key for each."
        )
    if stored.status == _UNDER_WAY:
        raise ConflictError(
            "A request with this Idempotency-Key is still being answered: try again shortly."
        )
    return StoredAnswer(stored.status, stored.headers, stored.body)
