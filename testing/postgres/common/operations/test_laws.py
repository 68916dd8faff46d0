"""The laws of identity find what breaks them, and nothing else."""

import hashlib
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session
from testing.factories import NOW, add_account, add_transaction

from payymo.domain.enums import AccessScope, IdentityTier, RunStatus, SyncTrigger, TransactionStatus
from payymo.postgres.common.models import Account, SyncRun, Transaction
from payymo.postgres.common.operations.laws import IDENTITY_LAWS, find_breaches
from payymo.postgres.gocardless.models import GcFetch, GcTransaction


@pytest.fixture
def account(session: Session, tenant_id: UUID) -> Account:
    return add_account(session, tenant_id)


@pytest.fixture
def fetch_id(session: Session, account: Account) -> UUID:
    """An answer of the bank."""
    run = SyncRun(
        tenant_id=account.tenant_id,
        connection_id=account.connection_id,
        trigger=SyncTrigger.FIRST,
        status=RunStatus.SUCCEEDED,
        started_at=NOW,
    )
    session.add(run)
    session.flush()
    fetch = GcFetch(
        tenant_id=account.tenant_id,
        account_id=account.id,
        sync_run_id=run.id,
        scope=AccessScope.TRANSACTIONS,
        fetched_at=NOW,
        row_count=1,
    )
    session.add(fetch)
    session.flush()
    return fetch.id


def add_row(session: Session, account: Account, fetch_id: UUID, **columns: object) -> Transaction:
    """Add a transaction with the payload that it was written from."""
    row_id, raw_id = uuid4(), uuid4()
    row = add_transaction(
        session, account.tenant_id, account, **{"id": row_id, "raw_id": raw_id, **columns}
    )
    session.add(
        GcTransaction(
            tenant_id=account.tenant_id,
            id=raw_id,
            account_id=account.id,
            fetch_id=fetch_id,
            transaction_id=row_id,
            is_booked=True,
            content_hash=hashlib.sha256(raw_id.bytes).digest(),
            occurrence=1,
            position=1,
            identity_version=1,
            identity_tier=IdentityTier.NEW,
            payload={},
        )
    )
    session.flush()
    return row


def broken(session: Session, account: Account) -> dict[str, set[UUID]]:
    breaches = find_breaches(session, account.tenant_id, examples_max=10)
    assert breaches.keys() == IDENTITY_LAWS.keys()
    assert all(breach.count == len(breach.examples) for breach in breaches.values())
    return {law: set(breach.examples) for law, breach in breaches.items() if breach.count}


def test_a_sound_ledger_breaks_none(session: Session, account: Account, fetch_id: UUID) -> None:
    known = add_row(session, account, fetch_id)
    add_row(session, account, fetch_id, fingerprint=known.fingerprint, occurrence=2)
    add_row(
        session,
        account,
        fetch_id,
        status=TransactionStatus.SUPERSEDED,
        superseded_by=known.id,
        fingerprint=known.fingerprint,
    )

    assert broken(session, account) == {}


def test_two_rows_of_one_payload_are_found(
    session: Session, account: Account, fetch_id: UUID
) -> None:
    known = add_row(session, account, fetch_id)
    twin = add_row(session, account, fetch_id, raw_id=known.raw_id)

    found = broken(session, account)

    assert found["no_two_rows_have_one_payload"] == {known.id, twin.id}
    # The twin's payload speaks of the other row.
    assert found["every_row_has_a_payload_that_speaks_of_it"] == {twin.id}


def test_two_rows_of_one_identity_are_found(
    session: Session, account: Account, fetch_id: UUID
) -> None:
    known = add_row(session, account, fetch_id)
    twin = add_row(session, account, fetch_id, fingerprint=known.fingerprint)

    assert broken(session, account) == {"no_two_rows_have_one_identity": {known.id, twin.id}}


def test_a_row_without_a_payload_is_found(session: Session, account: Account) -> None:
    row = add_transaction(session, account.tenant_id, account)

    assert broken(session, account) == {"every_row_has_a_payload_that_speaks_of_it": {row.id}}


def test_a_row_that_gave_way_to_another_accounts_is_found(
    session: Session, account: Account, fetch_id: UUID, tenant_id: UUID
) -> None:
    other = add_account(session, tenant_id)
    successor = add_transaction(session, tenant_id, other, status=TransactionStatus.REMOVED)
    row = add_row(
        session,
        account,
        fetch_id,
        status=TransactionStatus.SUPERSEDED,
        superseded_by=successor.id,
    )

    assert broken(session, account) == {"a_row_gives_way_only_to_one_of_its_account": {row.id}}


def test_only_some_of_many_are_named(session: Session, account: Account) -> None:
    for _ in range(3):
        add_transaction(session, account.tenant_id, account)

    breach = find_breaches(session, account.tenant_id, examples_max=2)[
        "every_row_has_a_payload_that_speaks_of_it"
    ]

    assert (breach.count, len(breach.examples)) == (3, 2)


def test_another_tenants_rows_are_not_looked_at(
    session: Session, account: Account, other_tenant_id: UUID
) -> None:
    add_transaction(session, account.tenant_id, account)

    assert not any(
        breach.count for breach in find_breaches(session, other_tenant_id, examples_max=1).values()
    )
