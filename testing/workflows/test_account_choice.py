"""Accounts are chosen before they are read, and one that we had stays that one."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from testing.consenting_bank import ConsentingBank, RecordingQueue, an_account
from testing.factories import add_account
from testing.fakes import FakeBooks, FakeClock, a_payload
from testing.workflows.connecting import House, count

from payymo.domain.banking import AccountRecord
from payymo.domain.enums import AccessScope, AccountSelection, SyncTrigger
from payymo.domain.errors import NotFoundError, RuleError
from payymo.postgres.auth.models import AuditEntry
from payymo.postgres.common.models import Account, Connection, Transaction
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.account_choice import change_account, join_account

IBAN = "GB33BUKB20201555555555"


def connect(
    house: House,
    *records: AccountRecord,
    selection: AccountSelection = AccountSelection.ALL,
) -> Connection:
    started = house.start(account_selection=selection)
    (consent,) = house.consents(started.connection.id)
    house.providers.bank.grant(consent.provider_reference, *records)
    return house.finish(consent.reference).connection


def renew(house: House, connection: Connection, *records: AccountRecord) -> Sequence[Account]:
    """Renew, and return the accounts, the offered ones last."""
    house.renew(connection.id)
    consent = house.consents(connection.id)[-1]
    house.providers.bank.grant(consent.provider_reference, *records)
    house.finish(consent.reference)
    return sorted(house.accounts(connection.id), key=lambda account: account.is_offered)


def choose(house: House, account_id: UUID, *, is_sync_enabled: bool) -> Account:
    with tenant_transaction(house.sessions, house.tenant_id) as session:
        return change_account(
            session,
            house.queue,
            house.tenant_id,
            account_id,
            name=None,
            is_sync_enabled=is_sync_enabled,
            actor_id=None,
        )


def join(house: House, account_id: UUID, predecessor_id: UUID) -> Account:
    with tenant_transaction(house.sessions, house.tenant_id) as session:
        return join_account(
            session,
            house.queue,
            house.tenant_id,
            account_id,
            predecessor_id=predecessor_id,
            actor_id=None,
        )


def code_of(house: House, account_id: UUID, predecessor_id: UUID) -> str:
    with pytest.raises(RuleError) as caught:
        join(house, account_id, predecessor_id)
    return caught.value.code


class TestAsking:
    @pytest.fixture
    def connection(self, house: House) -> Connection:
        return connect(
            house,
            an_account("mine", name="Mine"),
            an_account("private", name="Private"),
            selection=AccountSelection.ASK,
        )

    def test_nothing_of_an_account_is_read_before_it_is_chosen(
        self, house: House, connection: Connection, bank: ConsentingBank, queue: RecordingQueue
    ) -> None:
        house.sync(connection.id)

        assert [account.is_offered for account in house.accounts(connection.id)] == [True, True]
        assert bank.count("read_account") == 2  # what the provider knows, which costs nothing
        assert bank.count("read_details") == 0
        assert bank.calls == []
        assert queue.syncs == []

    def test_only_what_is_chosen_is_ever_read(
        self, house: House, connection: Connection, bank: ConsentingBank, queue: RecordingQueue
    ) -> None:
        mine, private = house.accounts(connection.id)

        choose(house, mine.id, is_sync_enabled=True)
        choose(house, private.id, is_sync_enabled=False)
        house.sync(connection.id)

        assert queue.syncs == [(connection.id, SyncTrigger.REQUEST)]
        assert {about for about, _ in bank.calls} == {"mine"}
        assert not any(account.is_offered for account in house.accounts(connection.id))
        with tenant_transaction(house.sessions, house.tenant_id) as session:
            deeds = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert deeds == ["started", "chosen", "chosen"]

    def test_a_choice_may_be_changed(
        self, house: House, connection: Connection, bank: ConsentingBank
    ) -> None:
        mine, private = house.accounts(connection.id)
        choose(house, mine.id, is_sync_enabled=True)
        choose(house, mine.id, is_sync_enabled=False)
        choose(house, private.id, is_sync_enabled=False)
        choose(house, private.id, is_sync_enabled=True)

        house.sync(connection.id)

        assert {about for about, _ in bank.calls} == {"private"}

    def test_a_renewal_keeps_the_choice(
        self, house: House, connection: Connection, bank: ConsentingBank
    ) -> None:
        mine, private = house.accounts(connection.id)
        choose(house, mine.id, is_sync_enabled=True)
        choose(house, private.id, is_sync_enabled=False)

        renew(house, connection, an_account("mine"), an_account("private"))
        house.sync(connection.id)

        assert {about for about, _ in bank.calls} == {"mine"}


class TestPredecessor:
    def test_what_is_new_after_a_renewal_is_offered_and_not_guessed(
        self, house: House, bank: ConsentingBank
    ) -> None:
        connection = connect(house, an_account("old", iban=IBAN, name="Giro"))

        _, offered = renew(house, connection, an_account("new", iban=None, name="Other"))
        house.sync(connection.id)

        assert (offered.provider_reference, offered.is_offered) == ("new", True)
        assert bank.calls == []
        assert house.told(offered.id) == ["account_appeared"]

    def test_joining_goes_on_with_the_history_and_doubles_no_row(
        self, house: House, bank: ConsentingBank, clock: FakeClock, queue: RecordingQueue
    ) -> None:
        rows = [a_payload(), a_payload("5.00", "2026-02-22", "Refund")]
        bank.books = {"old": FakeBooks(booked=[*rows]), "new": FakeBooks(booked=[*rows])}
        connection = connect(house, an_account("old", name="Giro"))
        house.sync(connection.id)
        with tenant_transaction(house.sessions, house.tenant_id) as session:
            before = session.scalars(select(Transaction).order_by(Transaction.id)).all()
            for row in before:
                row.note = "Mine."
        old, offered = renew(house, connection, an_account("new", name="Renamed"))

        joined = join(house, offered.id, old.id)
        clock.now += timedelta(days=1)
        report = house.sync(connection.id)

        assert (joined.id, joined.provider_reference) == (old.id, "new")
        assert (joined.name, joined.error_code) == ("Giro", None)
        assert [account.id for account in house.accounts(connection.id)] == [old.id]
        assert bank.calls[-2:] == [
            ("new", AccessScope.TRANSACTIONS),
            ("new", AccessScope.BALANCES),
        ]
        assert report.added_count == 0
        with tenant_transaction(house.sessions, house.tenant_id) as session:
            after = session.scalars(select(Transaction).order_by(Transaction.id)).all()
            assert [(row.id, row.note) for row in after] == [(row.id, "Mine.") for row in before]
        assert queue.syncs[-1] == (connection.id, SyncTrigger.REQUEST)

    def test_two_accounts_of_one_consent_are_two(self, house: House) -> None:
        connection = connect(house, an_account("kept", name="A"), an_account("old", name="B"))
        kept, _, offered = renew(
            house, connection, an_account("kept", name="A"), an_account("new", name="C")
        )

        assert code_of(house, offered.id, kept.id) == "accounts_differ"
        assert code_of(house, offered.id, offered.id) == "accounts_differ"

    def test_currencies_that_differ_are_two_accounts(self, house: House) -> None:
        connection = connect(house, an_account("old", name="A"))
        old, offered = renew(house, connection, an_account("new", name="A", currency="USD"))

        assert code_of(house, offered.id, old.id) == "accounts_differ"

    def test_an_account_of_another_connection_is_another(self, house: House) -> None:
        connection = connect(house, an_account("old", name="A"))
        _, offered = renew(house, connection, an_account("new", name="B"))
        (other,) = house.accounts(connect(house, an_account("other", name="C")).id)

        assert code_of(house, offered.id, other.id) == "accounts_differ"

    def test_one_that_was_answered_is_not_joined(self, house: House) -> None:
        connection = connect(house, an_account("old", name="A"))
        old, offered = renew(house, connection, an_account("new", name="B"))
        choose(house, offered.id, is_sync_enabled=True)

        assert code_of(house, offered.id, old.id) == "account_not_offered"
        assert count(house, Account) == 2

    def test_another_tenants_account_is_not_found(
        self, house: House, other_tenant_id: UUID
    ) -> None:
        with tenant_transaction(house.sessions, other_tenant_id) as session:
            foreign = add_account(session, other_tenant_id, is_offered=True)
        connection = connect(house, an_account("old", name="A"))
        old, offered = renew(house, connection, an_account("new", name="B"))

        for pair in ((foreign.id, old.id), (offered.id, foreign.id)):
            with pytest.raises(NotFoundError):
                join(house, *pair)


class TestDoubles:
    def test_the_same_account_through_a_second_connection_is_offered(
        self, house: House, bank: ConsentingBank
    ) -> None:
        connect(house, an_account("one", iban=IBAN))
        second = connect(house, an_account("two", iban=IBAN), an_account("three", name="Else"))

        house.sync(second.id)

        double, other = house.accounts(second.id)
        assert (double.is_offered, double.error_code) == (True, "already_connected")
        assert (double.error_message or "").endswith("to have a second copy of it.")
        assert (other.is_offered, other.error_code) == (False, None)
        assert {about for about, _ in bank.calls} == {"three"}

    def test_a_second_login_whose_accounts_only_bear_the_same_name_is_read(
        self, house: House
    ) -> None:
        connect(house, an_account("one", name="Current account"))
        second = connect(house, an_account("two", name="Current account"))

        assert [account.is_offered for account in house.accounts(second.id)] == [False]

    def test_after_the_first_was_ended_the_second_is_read(self, house: House) -> None:
        house.disconnect(connect(house, an_account("one", iban=IBAN)).id)

        second = connect(house, an_account("two", iban=IBAN))

        assert [account.is_offered for account in house.accounts(second.id)] == [False]

    def test_who_wants_a_second_copy_gets_it(self, house: House, bank: ConsentingBank) -> None:
        connect(house, an_account("one", iban=IBAN))
        second = connect(house, an_account("two", iban=IBAN))
        (double,) = house.accounts(second.id)

        chosen = choose(house, double.id, is_sync_enabled=True)
        house.sync(second.id)

        assert (chosen.is_offered, chosen.error_code) == (False, None)
        assert {about for about, _ in bank.calls} == {"two"}
