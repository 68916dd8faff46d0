"""Events: what a tenant should hear of, each written once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.enums import EventKind, EventSubject
from payymo.postgres.common.models import Event
from payymo.postgres.core import Page


def record_event(
    session: Session,
    tenant_id: UUID,
    kind: EventKind,
    *,
    subject: tuple[EventSubject, UUID],
    key: str,
    payload: Mapping[str, Any],
    now: datetime,
) -> bool:
    """Write an event, unless it was written before; return whether it was new.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that should hear of it.
    :param kind: What happened.
    :param subject: What it is about: its kind and its id.
    :param key: What tells it from other events of this kind about the same thing.
    :param payload: More about it; never a name or a number of an account.
    :param now: When it happened (aware).
    """
    subject_kind, subject_id = subject
    statement = (
        insert(Event)
        .values(
            tenant_id=tenant_id,
            id=uuid7(),
            kind=kind,
            subject_kind=subject_kind,
            subject_id=subject_id,
            occurred_at=now,
            payload=payload,
            dedupe_key=f"{kind}:{subject_id}:{key}",
        )
        .on_conflict_do_nothing(index_elements=["tenant_id", "dedupe_key"])
        .returning(Event.id)
    )
    return session.scalars(statement).one_or_none() is not None


def record_events(
    session: Session,
    tenant_id: UUID,
    kind: EventKind,
    subject_kind: EventSubject,
    payloads: Mapping[UUID, Mapping[str, Any]],
    *,
    now: datetime,
) -> None:
    """Write events that are new each time: the caller knows that the thing has changed just now.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that should hear of them.
    :param kind: What happened.
    :param subject_kind: What kind of thing they are about.
    :param payloads: More about each thing, by its id; never a name or a number of an account.
    :param now: When it happened (aware).
    """
    rows = []
    for subject_id, payload in payloads.items():
        event_id = uuid7()
        rows.append(
            {
                "tenant_id": tenant_id,
                "id": event_id,
                "kind": kind,
                "subject_kind": subject_kind,
                "subject_id": subject_id,
                "occurred_at": now,
                "payload": payload,
                "dedupe_key": f"{kind}:{subject_id}:{event_id}",
            }
        )
    if rows:
        session.execute(insert(Event), rows)


def list_events(
    session: Session,
    tenant_id: UUID,
    *,
    kind: EventKind | None = None,
    subject_id: UUID | None = None,
    page: int,
    per_page: int,
) -> Page[Event]:
    """Return the tenant's events, newest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose they are.
    :param kind: Only those of this kind.
    :param subject_id: Only those about this thing.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    statement = select(Event).where(Event.tenant_id == tenant_id)
    if kind is not None:
        statement = statement.where(Event.kind == kind)
    if subject_id is not None:
        statement = statement.where(Event.subject_id == subject_id)
    total = session.scalar(
        select(func.count()).select_from(statement.with_only_columns(Event.id).subquery())
    )
    rows = session.scalars(
        statement.order_by(Event.occurred_at.desc(), Event.id.desc())
        .offset((page - 1) * per_page)
        .limit(per_page)
    )
    return Page(rows=rows.all(), total=total or 0)
