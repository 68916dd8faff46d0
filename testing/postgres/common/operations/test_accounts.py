"""Accounts: found again, renamed, left out."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy.orm import Session, sessionmaker
from testing.consenting_bank import an_account
from testing.factories import NOW, add_account, add_connection, add_consent

from payymo.domain.enums import AccountStatus, AccountType
from payymo.domain.errors import NotFoundError
from payymo.postgres.common.models import Account, BankConsent, Connection
from payymo.postgres.common.operations.accounts import (
    close_left_out_accounts,
    get_account,
    list_accounts,
    list_connection_accounts,
    lock_account,
    record_accounts,
    update_account,
)
from payymo.postgres.tenancy import tenant_transaction

IBAN = "GB33BUKB20201555555555"


@pytest.fixture
def connection(session: Session, tenant_id: UUID) -> Connection:
    return add_connection(session, tenant_id)


@pytest.fixture
def consent(session: Session, tenant_id: UUID, connection: Connection) -> BankConsent:
    return add_consent(session, tenant_id, connection)


def change(session: Session, tenant_id: UUID, account_id: UUID) -> Account:
    return update_account(session, tenant_id, account_id, name="Mine", is_sync_enabled=None)


@pytest.mark.parametrize("read", [get_account, lock_account, change])
def test_another_tenants_account_is_not_found(
    sessions: sessionmaker[Session],
    tenant_id: UUID,
    other_tenant_id: UUID,
    read: Callable[[Session, UUID, UUID], object],
) -> None:
    with tenant_transaction(sessions, other_tenant_id) as session:
        foreign = add_account(session, other_tenant_id)

    with tenant_transaction(sessions, tenant_id) as session:
        for tenant in (tenant_id, other_tenant_id):
            with pytest.raises(NotFoundError, match="no such account"):
                read(session, tenant, foreign.id)


def test_accounts_are_listed_in_pages_and_by_connection(
    session: Session, tenant_id: UUID, connection: Connection
) -> None:
    accounts = [add_account(session, tenant_id, connection) for _ in range(2)]
    add_account(session, tenant_id)

    assert list_accounts(session, tenant_id).total == 3
    page = list_accounts(session, tenant_id, connection_id=connection.id, page=2, per_page=1)
    assert ([one.id for one in page.rows], page.total) == ([accounts[1].id], 2)
    assert [one.id for one in list_connection_accounts(session, tenant_id, connection.id)] == [
        account.id for account in accounts
    ]


def test_a_tenant_may_rename_an_account_and_stop_its_sync(
    session: Session, tenant_id: UUID
) -> None:
    account = add_account(session, tenant_id, name="Giro")

    update_account(session, tenant_id, account.id, name="Rent", is_sync_enabled=None)
    update_account(session, tenant_id, account.id, name=None, is_sync_enabled=False)

    assert (account.name, account.is_sync_enabled) == ("Rent", False)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"name": "Giro", "product": "Gold", "iban": IBAN}, "Giro"),
        ({"product": "Gold", "iban": IBAN}, "Gold …5555"),
        ({"account_type": AccountType.SAVINGS, "bban": "12345678"}, "Savings account …5678"),
        ({"account_type": AccountType.CARD, "masked_number": "**** 1234"}, "Card account …1234"),
        ({}, "Current account"),
    ],
)
def test_an_account_without_a_name_is_called_by_what_is_known(
    session: Session,
    tenant_id: UUID,
    consent: BankConsent,
    fields: dict[str, object],
    name: str,
) -> None:
    (account,) = record_accounts(
        session,
        tenant_id,
        consent.connection_id,
        consent.id,
        [an_account(**fields)],  # type: ignore[arg-type]  # of any type
    )

    assert account.name == name


def test_what_a_record_leaves_open_stays_as_it_was_known(
    session: Session, tenant_id: UUID, consent: BankConsent
) -> None:
    full = an_account("a", iban=IBAN, owner_name="Jane", account_type=AccountType.SAVINGS)
    bare = an_account("a", currency=None, account_type=AccountType.OTHER)
    for record in (full, bare):
        (account,) = record_accounts(
            session,
            tenant_id,
            consent.connection_id,
            consent.id,
            [record],
            details_fetched_at={"a": NOW} if record is full else {},
        )

    assert (account.iban, account.owner_name, account.currency) == (IBAN, "Jane", "EUR")
    assert (account.account_type, account.details_fetched_at) == (AccountType.SAVINGS, NOW)


def test_an_account_that_is_found_again_starts_with_a_clean_slate(
    session: Session, tenant_id: UUID, connection: Connection, consent: BankConsent
) -> None:
    account = add_account(
        session,
        tenant_id,
        connection,
        provider_reference="a",
        status=AccountStatus.SUSPENDED,
        failure_count=3,
        retry_at=NOW,
        error_code="x",
        error_message="X.",
    )

    record_accounts(session, tenant_id, connection.id, consent.id, [an_account("a")])

    assert (account.consent_id, account.status) == (consent.id, AccountStatus.ACTIVE)
    assert (account.failure_count, account.retry_at, account.error_code) == (0, None, None)


def test_only_accounts_of_another_consent_are_left_out(
    session: Session, tenant_id: UUID, connection: Connection, consent: BankConsent
) -> None:
    kept = add_account(session, tenant_id, connection, consent_id=consent.id)
    left_out = add_account(session, tenant_id, connection)
    elsewhere = add_account(session, tenant_id)

    close_left_out_accounts(session, tenant_id, connection.id, consent.id)

    session.expire_all()
    assert [one.error_code for one in (kept, left_out, elsewhere)] == [None, "not_in_consent", None]
