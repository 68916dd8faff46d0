"""Events are written once, and seen by their tenant only."""

from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW

from payymo.domain.enums import EventKind, EventSubject
from payymo.postgres.common.operations.events import list_events, record_event
from payymo.postgres.tenancy import tenant_transaction

SUBJECT = (EventSubject.BANK_CONNECTION, uuid4())


def record(
    session: Session,
    tenant_id: UUID,
    key: str = "1",
    *,
    days: int = 0,
    kind: EventKind = EventKind.CONNECTION_EXPIRED,
    subject: tuple[EventSubject, UUID] = SUBJECT,
) -> bool:
    return record_event(
        session,
        tenant_id,
        kind,
        subject=subject,
        key=key,
        payload={"n": key},
        now=NOW + timedelta(days=days),
    )


def test_the_same_thing_is_told_once(session: Session, tenant_id: UUID) -> None:
    assert record(session, tenant_id)
    assert not record(session, tenant_id, days=1)

    page = list_events(session, tenant_id, page=1, per_page=10)

    assert [(event.payload, event.occurred_at) for event in page.rows] == [({"n": "1"}, NOW)]


def test_each_tenant_is_told_for_itself(
    sessions: sessionmaker[Session], tenant_id: UUID, other_tenant_id: UUID
) -> None:
    for tenant in (tenant_id, other_tenant_id):
        with tenant_transaction(sessions, tenant) as session:
            assert record(session, tenant)
            assert list_events(session, tenant, page=1, per_page=10).total == 1


def test_the_newest_comes_first_and_some_may_be_asked_for(
    session: Session, tenant_id: UUID
) -> None:
    record(session, tenant_id, "old")
    record(session, tenant_id, "new", days=2)
    record(session, tenant_id, "other", days=1, kind=EventKind.CONNECTION_REVOKED)
    record(session, tenant_id, "else", days=3, subject=(EventSubject.ACCOUNT, uuid4()))

    def keys(**filters: object) -> list[str]:
        page = list_events(session, tenant_id, page=1, per_page=10, **filters)  # type: ignore[arg-type]  # of any type
        return [event.payload["n"] for event in page.rows]

    assert keys() == ["else", "new", "other", "old"]
    assert keys(kind=EventKind.CONNECTION_REVOKED) == ["other"]
    assert keys(subject_id=SUBJECT[1]) == ["new", "other", "old"]
    second = list_events(session, tenant_id, page=2, per_page=3)
    assert ([event.payload["n"] for event in second.rows], second.total) == (["old"], 4)
