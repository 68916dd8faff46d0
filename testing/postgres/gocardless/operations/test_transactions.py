from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session
from testing.factories import NOW, add_account

from payymo.domain.banking import PulledRow
from payymo.domain.enums import AccessScope, IdentityTier, RunStatus, SyncTrigger
from payymo.domain.ledger.book import RawEntry
from payymo.postgres.common.models import Account, SyncRun
from payymo.postgres.gocardless.operations.fetches import record_fetch
from payymo.postgres.gocardless.operations.transactions import (
    add_raw_transactions,
    has_raw_transactions,
    list_raw_keys,
    list_raw_versions,
)
from payymo.postgres.tenancy import enter_tenant


@pytest.fixture
def account(session: Session, tenant_id: UUID) -> Account:
    return add_account(session, tenant_id)


@pytest.fixture
def fetch_id(session: Session, tenant_id: UUID, account: Account) -> UUID:
    run = SyncRun(
        tenant_id=tenant_id,
        connection_id=account.connection_id,
        trigger=SyncTrigger.FIRST,
        status=RunStatus.RUNNING,
        started_at=NOW,
    )
    session.add(run)
    session.flush()
    return record_fetch(
        session,
        tenant_id,
        account.id,
        run.id,
        scope=AccessScope.TRANSACTIONS,
        since=None,
        row_count=1,
        last_updated=None,
        request_id=None,
        now=NOW,
    )


def an_entry(payload: bytes, transaction_id: UUID, *, content: bytes = b"x") -> RawEntry:
    row = PulledRow(payload=payload, content_hash=content, is_booked=True)
    return RawEntry(uuid4(), transaction_id, row, occurrence=1, position=1, tier=IdentityTier.NEW)


def test_a_payload_comes_back_as_it_was_received(
    session: Session, tenant_id: UUID, account: Account, fetch_id: UUID
) -> None:
    transaction_id = uuid4()
    entry = an_entry(b'{"text": "\\u00e4\\ttab \\\\u0000", "n": 1.50}', transaction_id)
    assert not has_raw_transactions(session, tenant_id, account.id)

    assert add_raw_transactions(session, tenant_id, account.id, fetch_id, [entry]) == 1

    (version,) = list_raw_versions(session, tenant_id, transaction_id)
    assert version.payload == {"text": "ä\ttab \\u0000", "n": 1.5}
    assert (version.fetched_at, version.content_hash) == (NOW, b"x")
    assert has_raw_transactions(session, tenant_id, account.id)
    (key,) = list_raw_keys(session, tenant_id, account.id, [b"x", b"y"])
    assert (key.id, key.transaction_id, key.occurrence) == (entry.id, transaction_id, 1)


def test_a_sign_that_the_database_cannot_hold_is_replaced(
    session: Session, tenant_id: UUID, account: Account, fetch_id: UUID
) -> None:
    transaction_id = uuid4()
    entry = an_entry(b'{"text": "a\\u0000b \\\\\\u0000"}', transaction_id)

    add_raw_transactions(session, tenant_id, account.id, fetch_id, [entry])

    (version,) = list_raw_versions(session, tenant_id, transaction_id)
    assert version.payload == {"text": "a\ufffdb \\\ufffd"}


def test_another_tenants_payloads_are_not_there(
    session: Session, tenant_id: UUID, other_tenant_id: UUID, account: Account, fetch_id: UUID
) -> None:
    transaction_id = uuid4()
    add_raw_transactions(
        session, tenant_id, account.id, fetch_id, [an_entry(b"{}", transaction_id)]
    )
    enter_tenant(session, other_tenant_id)

    assert list_raw_versions(session, tenant_id, transaction_id) == []
    assert list_raw_versions(session, other_tenant_id, transaction_id) == []
