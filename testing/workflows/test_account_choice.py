"""Accounts are chosen before they are read, and one that we had stays that one."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from testing.consenting_bank import ConsentingBank, RecordingQueue, an_account, an_institution
from testing.factories import add_account
from testing.fakes import FakeBooks, FakeClock, a_payload
from testing.workflows.connecting import House, count

from payymo.domain.banking import AccountRecord
from payymo.domain.enums import AccessScope, AccountSelection, DoublesAnswer, SyncTrigger
from payymo.domain.errors import NotFoundError, RuleError
from payymo.postgres.auth.models import AuditEntry
from payymo.postgres.common.models import Account, Connection, SyncRun, Transaction
from payymo.postgres.gocardless.models import GcTransaction
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.account_choice import answer_doubles, change_account, join_account
from payymo.workflows.undo import revert_run

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


def answer(house: House, connection: Connection, word: DoublesAnswer) -> Sequence[Account]:
    with tenant_transaction(house.sessions, house.tenant_id) as session:
        return answer_doubles(
            session,
            house.queue,
            house.tenant_id,
            connection.id,
            answer=word,
            actor_id=None,
        )


def refusal_of(house: House, connection: Connection, word: DoublesAnswer) -> str:
    with pytest.raises(RuleError) as caught:
        answer(house, connection, word)
    return caught.value.code


def notes(house: House) -> list[tuple[UUID, UUID, str | None]]:
    with tenant_transaction(house.sessions, house.tenant_id) as session:
        rows = session.scalars(select(Transaction).order_by(Transaction.id)).all()
        return [(row.id, row.account_id, row.note) for row in rows]


class TestDoubles:
    @pytest.fixture
    def first(self, house: House, bank: ConsentingBank) -> Connection:
        """A connection that has read two accounts, with a note on each row."""
        for name in ("one", "two", "one-again", "two-again"):
            text = name.removesuffix("-again")
            bank.books[name] = FakeBooks(booked=[a_payload(text=text), a_payload("5.00")])
        connection = connect(
            house, an_account("one", iban=IBAN), an_account("two", resource_id="r2", name="B")
        )
        house.sync(connection.id)
        with tenant_transaction(house.sessions, house.tenant_id) as session:
            for row in session.scalars(select(Transaction)):
                row.note = "Mine."
        bank.calls.clear()
        return connection

    @pytest.fixture
    def second(self, house: House, first: Connection) -> Connection:
        """The same login once more, and an account that the first does not reach."""
        return connect(
            house,
            an_account("one-again", iban=IBAN),
            an_account("two-again", resource_id="r2", name="Another name"),
            an_account("three", name="Else"),
        )

    def test_they_are_offered_and_not_read(
        self, house: House, second: Connection, bank: ConsentingBank
    ) -> None:
        house.sync(second.id)

        *doubles, other = house.accounts(second.id)
        for double in doubles:
            assert (double.is_offered, double.is_sync_enabled) == (True, False)
            assert (double.error_kind, double.error_code) == ("account", "already_connected")
        assert (other.is_offered, other.error_code) == (False, None)
        assert {about for about, _ in bank.calls} == {"three"}

    def test_adopted_they_go_on_with_their_history_and_are_read_here_alone(
        self, house: House, first: Connection, second: Connection, bank: ConsentingBank
    ) -> None:
        ids, before = [account.id for account in house.accounts(first.id)], notes(house)

        adopted = answer(house, second, DoublesAnswer.ADOPT)

        assert [account.id for account in adopted] == ids
        assert house.accounts(first.id) == []
        references = [account.provider_reference for account in house.accounts(second.id)]
        assert sorted(references) == ["one-again", "three", "two-again"]
        assert house.queue.syncs[-1] == (second.id, SyncTrigger.REQUEST)
        house.clock.now += timedelta(days=1)
        report = house.sync(second.id)
        house.sync(first.id)
        assert report.added_count == 0
        assert notes(house) == before
        assert {about for about, _ in bank.calls} == {"one-again", "two-again", "three"}

    def test_left_they_stay_where_they_are(
        self, house: House, first: Connection, second: Connection, bank: ConsentingBank
    ) -> None:
        answer(house, second, DoublesAnswer.LEAVE)
        house.sync(second.id)
        house.sync(first.id)

        *doubles, _ = house.accounts(second.id)
        assert [(one.is_offered, one.is_sync_enabled) for one in doubles] == [(False, False)] * 2
        assert {about for about, _ in bank.calls} == {"one", "two", "three"}
        assert len(answer(house, second, DoublesAnswer.ADOPT)) == 2  # one may change one's mind

    def test_none_is_ever_read_twice(self, house: House, second: Connection) -> None:
        double, *_ = house.accounts(second.id)

        with pytest.raises(RuleError) as caught:
            choose(house, double.id, is_sync_enabled=True)
        assert caught.value.code == "account_already_connected"

    def test_when_the_other_is_gone_it_may_be_read(
        self, house: House, first: Connection, second: Connection, bank: ConsentingBank
    ) -> None:
        house.delete(first.id)
        double, *_ = house.accounts(second.id)

        choose(house, double.id, is_sync_enabled=True)
        house.sync(second.id)

        assert "one-again" in {about for about, _ in bank.calls}

    def test_an_account_whose_connection_ended_is_adopted_rather_than_read_anew(
        self, house: House, first: Connection
    ) -> None:
        house.disconnect(first.id)
        before = notes(house)

        again = connect(house, an_account("one-again", iban=IBAN))
        (double,) = house.accounts(again.id)
        assert double.error_code == "already_connected"
        answer(house, again, DoublesAnswer.ADOPT)
        house.sync(again.id)

        assert notes(house) == before

    def test_what_was_adopted_outlives_the_connection_that_it_came_from(
        self, house: House, first: Connection, second: Connection
    ) -> None:
        answer(house, second, DoublesAnswer.ADOPT)
        before = notes(house)
        with tenant_transaction(house.sessions, house.tenant_id) as session:
            raw = session.scalars(select(GcTransaction.id).order_by(GcTransaction.id)).all()

        house.delete(first.id)
        house.clock.now += timedelta(days=1)
        report = house.sync(second.id)

        assert notes(house) == before
        assert report.added_count == 0
        with tenant_transaction(house.sessions, house.tenant_id) as session:
            kept = session.scalars(select(GcTransaction.id).order_by(GcTransaction.id)).all()
            runs = session.scalars(select(SyncRun.connection_id)).all()
        assert list(kept) == list(raw)
        assert set(runs) == {second.id}

    def test_a_run_from_before_the_adoption_can_still_be_taken_back(
        self, house: House, first: Connection, second: Connection
    ) -> None:
        with tenant_transaction(house.sessions, house.tenant_id) as session:
            for row in session.scalars(select(Transaction)):
                row.note = None
            (run_id,) = session.scalars(
                select(SyncRun.id).where(SyncRun.connection_id == first.id)
            ).all()
        answer(house, second, DoublesAnswer.ADOPT)

        reversal = revert_run(
            house.sessions,
            house.queue,
            tenant_id=house.tenant_id,
            sync_run_id=run_id,
            connection_id=None,
            is_trial=False,
            actor_id=None,
            clock=house.clock,
        )

        assert reversal.removed_count == 4
        assert {one.synced_through for one in house.accounts(second.id)} == {None}

    def test_the_answer_needs_something_to_answer_for(
        self, house: House, first: Connection
    ) -> None:
        assert refusal_of(house, first, DoublesAnswer.LEAVE) == "no_doubles"

    def test_a_connection_that_cannot_be_read_adopts_nothing(
        self, house: House, second: Connection
    ) -> None:
        house.disconnect(second.id)

        assert refusal_of(house, second, DoublesAnswer.ADOPT) == "connection_not_active"

    def test_a_second_login_whose_accounts_only_bear_the_same_name_is_read(
        self, house: House
    ) -> None:
        connect(house, an_account("one", name="Current account"))
        second = connect(house, an_account("two", name="Current account"))

        assert [account.is_offered for account in house.accounts(second.id)] == [False]

    def test_another_banks_own_ids_mean_nothing_and_its_iban_does(
        self, house: House, first: Connection, bank: ConsentingBank
    ) -> None:
        bank.institutions.append(an_institution("OTHER_BANK"))
        house.clock.now += timedelta(days=8)  # the list of banks is asked for anew
        started = house.start("OTHER_BANK")
        (consent,) = house.consents(started.connection.id)
        bank.grant(
            consent.provider_reference,
            an_account("x", resource_id="r2", name="X"),
            an_account("y", iban=IBAN, name="Y"),
        )
        house.finish(consent.reference)

        offered = {
            account.provider_reference: account.is_offered
            for account in house.accounts(started.connection.id)
        }
        assert offered == {"x": False, "y": True}

    def test_another_tenants_connection_does_not_exist(
        self, house: House, second: Connection, other_tenant_id: UUID
    ) -> None:
        house.tenant_id = other_tenant_id

        with pytest.raises(NotFoundError):
            answer(house, second, DoublesAnswer.ADOPT)
