"""Connecting a bank: only the provider's answer counts, and nothing happens twice."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import Engine, select
from testing.consenting_bank import (
    ConsentingBank,
    Providers,
    RecordingQueue,
    a_consent,
    an_account,
    an_institution,
)
from testing.factories import (
    NOW,
    add_account,
    add_connection,
    add_institution,
    add_invoice,
    add_tenant,
    add_transaction,
    paying,
)
from testing.fakes import FakeBooks, FakeClock, a_balance, a_payload
from testing.workflows.connecting import CALLBACK, RETURN, House, count

from payymo.domain.banking import Quota
from payymo.domain.enums import (
    AccessScope,
    AccountStatus,
    ConnectionStatus,
    ConsentStatus,
    JobStatus,
    RunStatus,
    SyncTrigger,
)
from payymo.domain.errors import (
    AccountForbiddenError,
    ConflictError,
    NotFoundError,
    ProviderCredentialsError,
    ProviderError,
    ProviderNotFoundError,
    ProviderQuotaError,
    ProviderUnavailableError,
    RuleError,
)
from payymo.jobs.app import PostgresJobQueue
from payymo.postgres.auth.models import AuditEntry
from payymo.postgres.common.models import (
    Account,
    AccountQuota,
    BankConsent,
    Connection,
    SyncRun,
    Transaction,
)
from payymo.postgres.core import create_app_engine, create_sessions
from payymo.postgres.gocardless.models import (
    GcAgreement,
    GcBankAccount,
    GcFetch,
    GcRequisitionLink,
    GcTransaction,
)
from payymo.postgres.jobs.models import Job
from payymo.postgres.reconciliation.operations.decisions import create_match
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.connect import FinishedConnection, finish_connection
from payymo.workflows.sync import sync_connection

IBAN = "GB33BUKB20201555555555"


class TestStart:
    def test_the_connection_waits_for_a_consent_at_the_providers_page(self, house: House) -> None:
        started = house.start()

        assert started.connection.status is ConnectionStatus.PENDING
        assert started.connection.institution.name == "Example Bank"
        (consent,) = house.consents(started.connection.id)
        assert consent.status is ConsentStatus.PENDING
        assert consent.consent_url == started.consent_url
        assert f"ref={consent.reference}&back={CALLBACK}" in started.consent_url
        assert (consent.history_days, consent.access_days) == (730, 90)

    def test_the_reference_names_the_tenant_and_cannot_be_guessed(self, house: House) -> None:
        references = {house.consents(house.start().connection.id)[0].reference for _ in range(3)}

        assert len(references) == 3
        for reference in references:
            tenant, _, secret = reference.partition(".")
            assert UUID(tenant) == house.tenant_id
            assert len(secret) == 32  # 24 random bytes in base 64

    def test_a_bank_is_named_by_our_id_too(self, house: House, bank: ConsentingBank) -> None:
        with house.sessions.begin() as session:
            institution = add_institution(session, reference="KNOWN_BANK", name="Known Bank")

        started = house.start(str(institution.id))

        assert started.connection.institution_id == institution.id
        assert bank.asked == [("authorise", "KNOWN_BANK")]

    @pytest.mark.parametrize("name", ["NO_SUCH_BANK", "", str(UUID(int=1))])
    def test_an_unknown_bank_is_not_found_and_nothing_is_asked_for(
        self, house: House, bank: ConsentingBank, name: str
    ) -> None:
        with pytest.raises(NotFoundError):
            house.start(name)

        assert bank.count("authorise") == 0
        assert count(house, Connection) == 0

    def test_nothing_is_written_when_the_provider_gives_no_page(
        self, house: House, bank: ConsentingBank
    ) -> None:
        bank.failures["authorise", "EXAMPLE_BANK"] = ProviderUnavailableError("Down.")

        with pytest.raises(ProviderUnavailableError):
            house.start()

        assert count(house, Connection) == 0

    def test_who_started_it_is_written_down(self, house: House) -> None:
        house.start()

        with tenant_transaction(house.sessions, house.tenant_id) as session:
            entry = session.scalars(select(AuditEntry)).one()
        assert (entry.action, entry.entity) == ("started", "connections")


class TestFinish:
    def test_a_given_consent_opens_the_accounts_and_queues_the_first_sync(
        self, house: House, queue: RecordingQueue
    ) -> None:
        connection = house.connect("account-1", "account-2")

        assert connection.status is ConnectionStatus.ACTIVE
        assert connection.expires_at == NOW + timedelta(days=90)
        names = [account.name for account in house.accounts(connection.id)]
        assert names == ["Name of account-1", "Name of account-2"]
        assert all(account.details_fetched_at == NOW for account in house.accounts(connection.id))
        assert queue.syncs == [(connection.id, SyncTrigger.FIRST)]
        assert house.consents(connection.id)[0].status is ConsentStatus.GRANTED
        assert count(house, GcBankAccount) == 2
        assert count(house, GcRequisitionLink) == 2  # when asked for, and when given

    def test_the_browser_goes_where_whoever_started_it_wants(
        self, house: House, bank: ConsentingBank
    ) -> None:
        started = house.start()
        consent = house.consents(started.connection.id)[0]

        assert house.finish(consent.reference).return_url == RETURN

    def test_a_second_callback_changes_nothing(
        self, house: House, bank: ConsentingBank, queue: RecordingQueue
    ) -> None:
        connection = house.connect("account-1")
        asked = len(bank.asked)

        again = house.finish(house.consents(connection.id)[0].reference)

        assert again.connection.status is ConnectionStatus.ACTIVE
        assert len(bank.asked) == asked
        assert len(queue.syncs) == 1
        assert count(house, Account) == 1

    def test_the_browsers_return_alone_proves_nothing(
        self, house: House, queue: RecordingQueue
    ) -> None:
        started = house.start()
        consent = house.consents(started.connection.id)[0]

        finished = house.finish(consent.reference)

        assert finished.connection.status is ConnectionStatus.PENDING
        assert house.consents(started.connection.id)[0].status is ConsentStatus.PENDING
        assert queue.syncs == []

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (ConsentStatus.REJECTED, "consent_rejected"),
            (ConsentStatus.EXPIRED, "consent_expired"),
            (ConsentStatus.SUSPENDED, "consent_suspended"),
            (ConsentStatus.REVOKED, "consent_revoked"),
            (ConsentStatus.ERROR, "consent_failed"),
        ],
    )
    def test_a_refused_consent_says_why(
        self, house: House, bank: ConsentingBank, status: ConsentStatus, code: str
    ) -> None:
        started = house.start()
        consent = house.consents(started.connection.id)[0]
        bank.consents[consent.provider_reference] = a_consent(status)

        connection = house.finish(consent.reference).connection

        assert (connection.status, connection.error_code) == (ConnectionStatus.ERROR, code)
        assert (connection.error_message or "").endswith(".")
        assert house.consents(connection.id)[0].status is status

    def test_a_consent_for_no_account_is_of_no_use(
        self, house: House, bank: ConsentingBank
    ) -> None:
        started = house.start()
        consent = house.consents(started.connection.id)[0]
        bank.grant(consent.provider_reference)

        connection = house.finish(consent.reference).connection

        assert connection.error_code == "consent_without_accounts"
        assert house.consents(connection.id)[0].status is ConsentStatus.ERROR

    def test_a_consent_that_the_provider_does_not_know_has_failed(
        self, house: House, bank: ConsentingBank
    ) -> None:
        started = house.start()
        bank.consents.clear()

        connection = house.finish(house.consents(started.connection.id)[0].reference).connection

        assert connection.error_code == "consent_failed"

    @pytest.mark.parametrize(
        "reference",
        [
            "",
            "nonsense",
            "." * 40,
            f"{UUID(int=1).hex}.{'a' * 32}",
            f"{'z' * 32}.{'a' * 32}",
            f"{UUID(int=1).hex}.nul\0",
            f"{UUID(int=1).hex}.ümlaut",
        ],
    )
    def test_an_unknown_reference_is_not_found(self, house: House, reference: str) -> None:
        with pytest.raises(NotFoundError, match="no such consent"):
            house.finish(reference)

    def test_another_tenants_name_in_front_of_a_reference_finds_nothing(
        self, house: House, other_tenant_id: UUID
    ) -> None:
        started = house.start()
        secret = house.consents(started.connection.id)[0].reference.partition(".")[2]

        with pytest.raises(NotFoundError):
            house.finish(f"{other_tenant_id.hex}.{secret}")

    def test_where_the_provider_names_no_end_it_is_reckoned_from_the_days_asked_for(
        self, house: House, bank: ConsentingBank
    ) -> None:
        started = house.start()
        consent = house.consents(started.connection.id)[0]
        bank.grant(consent.provider_reference, an_account())
        known = bank.consents[consent.provider_reference]
        bank.consents[consent.provider_reference] = type(known)(
            status=known.status,
            account_references=known.account_references,
            granted_at=None,
            expires_at=None,
            detail=known.detail,
            documents=(),
        )

        connection = house.finish(consent.reference).connection

        assert connection.expires_at == NOW + timedelta(days=90)


class TestAccountsOfAConsent:
    def finish_with(self, house: House, *, quota: Quota | None = None) -> Connection:
        started = house.start()
        consent = house.consents(started.connection.id)[0]
        house.providers.bank.grant(
            consent.provider_reference,
            an_account("account-1", quota=quota),
            an_account("account-2"),
        )
        return house.finish(consent.reference).connection

    def test_one_whose_details_cannot_be_had_is_recorded_all_the_same(
        self, house: House, bank: ConsentingBank
    ) -> None:
        bank.failures["read_details", "account-1"] = ProviderQuotaError("Used up.")

        connection = self.finish_with(house)

        first, second = house.accounts(connection.id)
        assert (first.provider_reference, first.details_fetched_at) == ("account-1", None)
        assert second.details_fetched_at == NOW

    def test_one_that_may_not_be_read_at_all_is_recorded_as_such(
        self, house: House, bank: ConsentingBank
    ) -> None:
        bank.failures["read_account", "account-1"] = AccountForbiddenError("Not this one.")

        connection = self.finish_with(house)

        assert house.accounts(connection.id)[0].status is AccountStatus.UNAVAILABLE

    def test_when_the_provider_is_down_nothing_is_settled(
        self, house: House, bank: ConsentingBank
    ) -> None:
        bank.failures["read_account", "account-2"] = ProviderUnavailableError("Down.")

        with pytest.raises(ProviderUnavailableError):
            self.finish_with(house)

        assert count(house, Account) == 0
        with tenant_transaction(house.sessions, house.tenant_id) as session:
            assert session.scalars(select(BankConsent.status)).one() is ConsentStatus.PENDING

    def test_what_is_left_of_the_quota_is_kept(self, house: House) -> None:
        self.finish_with(house, quota=Quota(AccessScope.DETAILS, 4, 3, None))

        with tenant_transaction(house.sessions, house.tenant_id) as session:
            quotas = session.scalars(select(AccountQuota)).all()
        (quota,) = (one for one in quotas if "remaining" in one.allowance)
        assert (quota.scope, quota.allowance["remaining"]) == (AccessScope.DETAILS, 3)
        assert len(quota.allowance["calls"]) == 1


class TestRenew:
    def renewed(
        self, house: House, connection: Connection, clock: FakeClock | None = None
    ) -> BankConsent:
        if clock is not None:
            clock.now += timedelta(hours=1)
        house.renew(connection.id)
        return house.consents(connection.id)[-1]

    def grant(self, bank: ConsentingBank, consent: BankConsent, clock: FakeClock) -> None:
        bank.grant(consent.provider_reference, an_account("account-1"))
        granted = bank.consents[consent.provider_reference]
        bank.consents[consent.provider_reference] = replace(granted, granted_at=clock.now)

    def test_accounts_are_found_again_with_their_names_and_history(
        self, house: House, bank: ConsentingBank, queue: RecordingQueue
    ) -> None:
        started = house.start()
        first = house.consents(started.connection.id)[0]
        bank.grant(first.provider_reference, an_account("old-id", iban=IBAN, name="Giro"))
        connection = house.finish(first.reference).connection
        (before,) = house.accounts(connection.id)
        with tenant_transaction(house.sessions, house.tenant_id) as session:
            session.get_one(Account, (house.tenant_id, before.id)).name = "Rent account"
        second = self.renewed(house, connection)
        bank.grant(second.provider_reference, an_account("new-id", iban=IBAN, name="Giro"))

        house.finish(second.reference)

        (after,) = house.accounts(connection.id)
        assert after.id == before.id
        assert (after.provider_reference, after.consent_id) == ("new-id", second.id)
        assert after.name == "Rent account"
        assert queue.syncs[-1] == (connection.id, SyncTrigger.RENEWAL)

    def test_the_old_consent_stands_until_the_new_one_has_delivered(
        self, house: House, bank: ConsentingBank, clock: FakeClock
    ) -> None:
        connection = house.connect("account-1")
        second = self.renewed(house, connection, clock)
        assert house.connection(connection.id).status is ConnectionStatus.ACTIVE
        self.grant(bank, second, clock)
        house.finish(second.reference)

        bank.refusals["account-1", AccessScope.TRANSACTIONS] = ProviderUnavailableError("Down.")
        house.sync(connection.id)

        assert [one.status for one in house.consents(connection.id)] == [
            ConsentStatus.GRANTED,
            ConsentStatus.GRANTED,
        ]
        assert bank.count("revoke_consent") == 0
        bank.refusals.clear()
        clock.now += timedelta(days=1)
        house.sync(connection.id)
        house.sync(connection.id)
        old, new = house.consents(connection.id)
        assert (old.status, new.status) == (ConsentStatus.REPLACED, ConsentStatus.GRANTED)
        assert old.detail == "granted"
        assert [about for call, about in bank.asked if call == "revoke_consent"] == [
            old.provider_reference
        ]

    def test_a_sync_under_the_old_consent_replaces_nothing(
        self, house: House, bank: ConsentingBank, clock: FakeClock
    ) -> None:
        connection = house.connect("account-1")
        second = self.renewed(house, connection, clock)
        self.grant(bank, second, clock)

        def consent_meanwhile() -> None:
            house.finish(second.reference)

        bank.before_call = consent_meanwhile

        house.sync(connection.id)  # begun before the new consent was given

        assert {one.status for one in house.consents(connection.id)} == {ConsentStatus.GRANTED}

    def test_a_bank_that_ends_the_old_consent_itself_is_noted(
        self, house: House, bank: ConsentingBank, clock: FakeClock
    ) -> None:
        connection = house.connect("account-1")
        second = self.renewed(house, connection, clock)
        self.grant(bank, second, clock)
        house.finish(second.reference)
        first = house.consents(connection.id)[0]
        bank.consents[first.provider_reference] = a_consent(ConsentStatus.EXPIRED)

        house.sync(connection.id)

        old, _ = house.consents(connection.id)
        assert old.status is ConsentStatus.REPLACED
        assert "one consent at a time" in (old.detail or "")

    def test_what_else_was_asked_for_is_given_up_at_once(
        self, house: House, bank: ConsentingBank, clock: FakeClock
    ) -> None:
        connection = house.connect("account-1")
        given_up, second = (self.renewed(house, connection, clock) for _ in range(2))
        self.grant(bank, second, clock)
        failure = ("revoke_consent", given_up.provider_reference)
        bank.failures[failure] = ProviderUnavailableError("Down.")

        house.finish(second.reference)

        _, other, _ = house.consents(connection.id)
        assert other.status is ConsentStatus.REPLACED
        assert other.detail == "replaced, but not revoked at the provider: Down."

    def test_a_refused_renewal_leaves_the_connection_active(
        self, house: House, bank: ConsentingBank
    ) -> None:
        connection = house.connect("account-1")
        second = self.renewed(house, connection)
        bank.consents[second.provider_reference] = a_consent(ConsentStatus.REJECTED)

        finished = house.finish(second.reference)

        assert finished.connection.status is ConnectionStatus.ACTIVE
        assert (finished.consent_error or "").startswith("Consent was not given at the bank")
        assert [(one.status, one.error_code) for one in house.consents(connection.id)] == [
            (ConsentStatus.GRANTED, None),
            (ConsentStatus.REJECTED, "consent_rejected"),
        ]
        assert house.told(connection.id) == ["connection_activated", "connection_renewal_failed"]

    def test_an_old_consent_that_cannot_be_revoked_is_noted_and_not_fatal(
        self, house: House, bank: ConsentingBank, clock: FakeClock
    ) -> None:
        connection = house.connect("account-1")
        first = house.consents(connection.id)[0]
        second = self.renewed(house, connection, clock)
        self.grant(bank, second, clock)
        house.finish(second.reference)
        failure = ("revoke_consent", first.provider_reference)
        bank.failures[failure] = ProviderUnavailableError("Down.")

        assert house.sync(connection.id).status is RunStatus.SUCCEEDED
        assert house.consents(connection.id)[0].status is ConsentStatus.GRANTED  # tried again
        bank.failures[failure] = ProviderCredentialsError("No.")
        house.sync(connection.id)

        old = house.consents(connection.id)[0]
        assert old.status is ConsentStatus.REPLACED
        assert old.detail == "replaced, but not revoked at the provider: No."

    def test_an_account_that_the_new_consent_leaves_out_is_marked(
        self, house: House, bank: ConsentingBank
    ) -> None:
        connection = house.connect("account-1", "account-2")
        second = self.renewed(house, connection)
        bank.grant(second.provider_reference, an_account("account-1"))

        house.finish(second.reference)

        kept, left_out = house.accounts(connection.id)
        assert (kept.status, kept.error_code) == (AccountStatus.ACTIVE, None)
        assert (left_out.status, left_out.error_code) == (
            AccountStatus.UNAVAILABLE,
            "not_in_consent",
        )
        assert house.told(left_out.id) == ["account_disappeared"]
        assert house.told(kept.id) == []

    @pytest.mark.parametrize(
        ("features", "days"),
        [(("separate_continuous_history_consent",), [730, 730, 90]), ((), [730, 730, 730])],
    )
    def test_a_bank_that_gives_its_long_history_once_is_asked_for_it_once(
        self, house: House, bank: ConsentingBank, features: tuple[str, ...], days: list[int]
    ) -> None:
        bank.institutions = [an_institution(features=features)]
        connection = house.connect("account-1")
        house.renew(connection.id)  # nothing was read yet
        house.sync(connection.id)
        house.renew(connection.id)

        assert [one.history_days for one in house.consents(connection.id)] == days

    def test_a_failed_connection_is_tried_again_and_waits(
        self, house: House, bank: ConsentingBank
    ) -> None:
        started = house.start()
        first = house.consents(started.connection.id)[0]
        bank.consents[first.provider_reference] = a_consent(ConsentStatus.REJECTED)
        house.finish(first.reference)

        again = house.renew(started.connection.id)

        assert again.connection.status is ConnectionStatus.PENDING
        assert again.connection.error_message is None

    def test_another_tenants_connection_is_not_found(
        self, house: House, other_tenant_id: UUID
    ) -> None:
        with tenant_transaction(house.sessions, other_tenant_id) as session:
            foreign = add_connection(session, other_tenant_id)

        with pytest.raises(NotFoundError):
            house.renew(foreign.id)


class TestDisconnect:
    def test_consents_end_at_the_provider_and_the_history_stays(
        self, house: House, bank: ConsentingBank
    ) -> None:
        connection = house.connect("account-1")
        house.renew(connection.id)
        first, second = house.consents(connection.id)

        house.disconnect(connection.id)

        assert bank.asked[-2:] == [
            ("revoke_consent", first.provider_reference),
            ("revoke_consent", second.provider_reference),
        ]
        ended = house.connection(connection.id)
        assert (ended.status, ended.error_code) == (ConnectionStatus.REVOKED, "disconnected")
        assert ended.error_message == (
            "The connection was ended and its history kept: renew it to go on from there."
        )
        assert (ended.expires_at, ended.next_sync_at) == (None, None)
        assert {one.status for one in house.consents(connection.id)} == {ConsentStatus.REVOKED}
        assert [account.name for account in house.accounts(connection.id)] == ["Name of account-1"]

    def test_a_sync_that_waits_is_taken_back(self, house: House) -> None:
        connection = house.connect("account-1")

        house.disconnect(connection.id)

        with tenant_transaction(house.sessions, house.tenant_id) as session:
            job = session.scalars(select(Job)).one()
        assert (job.status, job.finished_at) == (JobStatus.CANCELLED, NOW)

    def test_a_second_time_changes_nothing(self, house: House, bank: ConsentingBank) -> None:
        connection = house.connect("account-1")
        house.disconnect(connection.id)
        asked = len(bank.asked)

        house.disconnect(connection.id)

        assert len(bank.asked) == asked
        with tenant_transaction(house.sessions, house.tenant_id) as session:
            deeds = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert deeds == ["started", "disconnected"]

    def test_a_renewal_goes_on_with_the_same_accounts(
        self, house: House, bank: ConsentingBank, queue: RecordingQueue
    ) -> None:
        connection = house.connect("account-1")
        (before,) = house.accounts(connection.id)
        house.disconnect(connection.id)

        house.renew(connection.id)
        consent = house.consents(connection.id)[-1]
        bank.grant(consent.provider_reference, an_account("account-1"))
        finished = house.finish(consent.reference)

        assert finished.connection.status is ConnectionStatus.ACTIVE
        assert finished.consent_status is ConsentStatus.GRANTED
        assert [account.id for account in house.accounts(connection.id)] == [before.id]
        assert queue.syncs[-1] == (connection.id, SyncTrigger.RENEWAL)

    def test_a_refused_renewal_leaves_it_ended(self, house: House, bank: ConsentingBank) -> None:
        connection = house.connect("account-1")
        house.disconnect(connection.id)
        house.renew(connection.id)
        consent = house.consents(connection.id)[-1]
        bank.consents[consent.provider_reference] = a_consent(ConsentStatus.REJECTED)

        finished = house.finish(consent.reference)

        assert finished.connection.status is ConnectionStatus.REVOKED
        assert finished.consent_status is ConsentStatus.REJECTED

    @pytest.mark.parametrize("error", [ProviderUnavailableError, ProviderCredentialsError])
    def test_what_the_provider_does_not_end_is_not_called_ended(
        self, house: House, bank: ConsentingBank, error: type[ProviderError]
    ) -> None:
        connection = house.connect("account-1")
        consent = house.consents(connection.id)[0]
        failure = ("revoke_consent", consent.provider_reference)
        bank.failures[failure] = error("No.")

        with pytest.raises(error):
            house.disconnect(connection.id)

        assert house.connection(connection.id).status is ConnectionStatus.ACTIVE
        assert house.consents(connection.id)[0].status is ConsentStatus.GRANTED
        del bank.failures[failure]
        house.disconnect(connection.id)
        assert house.connection(connection.id).status is ConnectionStatus.REVOKED

    def test_a_replaced_consent_that_lives_on_ends_too(
        self, house: House, bank: ConsentingBank
    ) -> None:
        connection = house.connect("account-1")
        house.renew(connection.id)
        old, new = house.consents(connection.id)
        bank.grant(new.provider_reference, an_account("account-1"))
        house.finish(new.reference)
        bank.asked.clear()

        house.disconnect(connection.id)

        assert bank.asked == [
            ("revoke_consent", old.provider_reference),
            ("revoke_consent", new.provider_reference),
        ]

    @pytest.mark.parametrize("end", [House.disconnect, House.delete])
    def test_a_renewal_meanwhile_is_no_consent_that_nobody_ends(
        self, house: House, bank: ConsentingBank, end: Callable[[House, UUID], None]
    ) -> None:
        connection = house.connect("account-1")

        def renew_meanwhile() -> None:
            if bank.asked[-1][0] == "revoke_consent":
                bank.on_call = lambda: None
                house.renew(connection.id)

        bank.on_call = renew_meanwhile

        with pytest.raises(ConflictError, match="renewed meanwhile"):
            end(house, connection.id)

        assert house.connection(connection.id).status is ConnectionStatus.ACTIVE
        assert house.consents(connection.id)[-1].status is ConsentStatus.PENDING

    def test_a_sync_finds_nothing_to_do(
        self, house: House, providers: Providers, queue: RecordingQueue
    ) -> None:
        connection = house.connect("account-1")
        house.disconnect(connection.id)

        with pytest.raises(RuleError) as caught:
            sync_connection(
                house.sessions,
                providers,
                queue,
                tenant_id=house.tenant_id,
                connection_id=connection.id,
                trigger=SyncTrigger.SCHEDULE,
                clock=house.clock,
            )

        assert caught.value.code == "connection_not_active"

    def test_another_tenants_connection_is_not_found(
        self, house: House, other_tenant_id: UUID
    ) -> None:
        with tenant_transaction(house.sessions, other_tenant_id) as session:
            foreign = add_connection(session, other_tenant_id)

        with pytest.raises(NotFoundError):
            house.disconnect(foreign.id)


class TestDelete:
    def test_consents_end_at_the_provider_and_nothing_stays(
        self, house: House, bank: ConsentingBank
    ) -> None:
        connection = house.connect("account-1")
        consent = house.consents(connection.id)[0]

        house.delete(connection.id)

        assert bank.asked[-1] == ("revoke_consent", consent.provider_reference)
        for table in (Connection, BankConsent, Account, Job):
            assert count(house, table) == 0
        assert count(house, GcBankAccount) == count(house, GcAgreement) == 0
        with tenant_transaction(house.sessions, house.tenant_id) as session:
            deeds = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert deeds == ["started", "deleted"]
        with pytest.raises(NotFoundError):
            house.finish(consent.reference)

    def test_it_goes_with_its_transactions_and_their_runs(
        self, house: House, bank: ConsentingBank
    ) -> None:
        connection = house.connect("account-1")
        bank.books["account-1"] = FakeBooks(booked=[a_payload()], balances=[a_balance("5.00")])
        assert house.sync(connection.id).added_count == 1

        house.delete(connection.id)

        for table in (Transaction, SyncRun, GcFetch, GcTransaction):
            assert count(house, table) == 0

    def test_what_another_connection_stands_on_stays(
        self, house: House, bank: ConsentingBank
    ) -> None:
        first, second = house.connect("account-1"), house.connect("account-1", "account-2")

        house.delete(first.id)

        assert [one.name for one in house.accounts(second.id)] == [
            "Name of account-1",
            "Name of account-2",
        ]
        assert count(house, GcBankAccount) == 2

    def test_it_waits_for_a_provider_who_is_away(self, house: House, bank: ConsentingBank) -> None:
        connection = house.connect("account-1")
        consent = house.consents(connection.id)[0]
        bank.failures["revoke_consent", consent.provider_reference] = ProviderUnavailableError(
            "Down."
        )

        with pytest.raises(ProviderUnavailableError):
            house.delete(connection.id)

        assert house.connection(connection.id).status is ConnectionStatus.ACTIVE

    def test_it_does_not_wait_for_credentials_that_are_gone(
        self, house: House, bank: ConsentingBank, providers: Providers
    ) -> None:
        first, second = house.connect("account-1"), house.connect("account-2")
        consent = house.consents(first.id)[0]
        bank.failures["revoke_consent", consent.provider_reference] = ProviderCredentialsError("No")

        house.delete(first.id)
        providers.has_credentials = False
        house.delete(second.id)

        assert count(house, Connection) == 0

    def test_a_connection_whose_payments_explain_invoices_stays(
        self, house: House, bank: ConsentingBank, allocated: UUID
    ) -> None:
        with pytest.raises(RuleError) as caught:
            house.delete(allocated)

        assert caught.value.code == "connection_has_payments"
        assert "data=keep" in caught.value.message
        assert "payymo connections end" in caught.value.message
        assert bank.count("revoke_consent") == 0
        house.disconnect(allocated)
        assert house.connection(allocated).status is ConnectionStatus.REVOKED

    def test_another_tenants_connection_is_not_found(
        self, house: House, other_tenant_id: UUID
    ) -> None:
        with tenant_transaction(house.sessions, other_tenant_id) as session:
            foreign = add_connection(session, other_tenant_id)

        with pytest.raises(NotFoundError):
            house.delete(foreign.id)

    @pytest.fixture
    def allocated(self, house: House) -> UUID:
        """A connection with a payment that is allocated to an invoice."""
        with tenant_transaction(house.sessions, house.tenant_id) as session:
            account = add_account(session, house.tenant_id)
            payment = add_transaction(session, house.tenant_id, account)
            invoice = add_invoice(session, house.tenant_id)
            create_match(
                session,
                house.tenant_id,
                payment.id,
                paying((invoice.id, payment.amount)),
                actor_id=None,
                now=NOW,
            )
            return account.connection_id


class TestOnARealDatabase:
    """What needs transactions of its own, which are really committed."""

    @pytest.fixture
    def engine_of_its_own(self, database: str) -> Iterator[Engine]:
        engine = create_app_engine(database)
        yield engine
        engine.dispose()

    def test_no_transaction_is_open_while_the_bank_is_asked(
        self, engine_of_its_own: Engine, bank: ConsentingBank, clock: FakeClock
    ) -> None:
        house = self.build(engine_of_its_own, bank, clock)
        open_counts: list[int] = []
        bank.on_call = lambda: open_counts.append(
            engine_of_its_own.pool.checkedout()  # type: ignore[attr-defined]  # a QueuePool
        )

        connection = house.connect("account-1")
        house.renew(connection.id)
        house.delete(connection.id)

        assert set(open_counts) == {0}

    def test_callbacks_at_the_same_time_open_the_connection_once(
        self, engine_of_its_own: Engine, bank: ConsentingBank, clock: FakeClock
    ) -> None:
        house = self.build(engine_of_its_own, bank, clock)
        started = house.start()
        consent = house.consents(started.connection.id)[0]
        bank.grant(consent.provider_reference, an_account())
        together = Barrier(2, timeout=10)
        bank.on_call = lambda: together.wait() if bank.asked[-1][0] == "read_consent" else None
        queue = PostgresJobQueue()

        def call_back(_: int) -> FinishedConnection:
            return finish_connection(
                house.sessions, house.providers, queue, reference=consent.reference, clock=clock
            )

        with ThreadPoolExecutor(2) as pool:
            finished = list(pool.map(call_back, range(2)))

        assert [one.connection.status for one in finished] == [ConnectionStatus.ACTIVE] * 2
        assert count(house, Account) == 1
        assert count(house, Job) == 1
        assert bank.count("read_consent") == 2

    def build(self, engine: Engine, bank: ConsentingBank, clock: FakeClock) -> House:
        sessions = create_sessions(engine)
        with sessions.begin() as session:
            tenant_id = add_tenant(session)
        return House(sessions, Providers(bank), RecordingQueue(), clock, tenant_id)


def test_the_reference_is_safe_in_an_address(house: House) -> None:
    reference = house.consents(house.start().connection.id)[0].reference

    assert re.fullmatch(r"[0-9a-f]{32}\.[A-Za-z0-9_-]{32}", reference)


def test_a_consent_of_a_provider_that_lost_it_is_an_error_of_ours_to_tell(
    house: House, bank: ConsentingBank
) -> None:
    started = house.start()
    consent = house.consents(started.connection.id)[0]
    bank.failures["read_consent", consent.provider_reference] = ProviderNotFoundError("Gone.")

    assert house.finish(consent.reference).connection.status is ConnectionStatus.ERROR
