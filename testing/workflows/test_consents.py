"""Consents are looked after although nobody comes back from the bank."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from testing.consenting_bank import ConsentingBank, RecordingQueue, an_account
from testing.factories import NOW
from testing.fakes import FakeClock
from testing.workflows.connecting import House

from payymo.domain.enums import (
    AccessScope,
    ConnectionStatus,
    ConsentStatus,
    EventKind,
    RunStatus,
    SyncTrigger,
)
from payymo.domain.errors import ProviderError, ProviderQuotaError, ProviderUnavailableError
from payymo.postgres.common.operations.connections import list_due_connections
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.consents import check_consents, poll_consents


class TestCheckConsents:
    def check(self, house: House) -> None:
        check_consents(house.sessions, house.providers, house.queue, clock=house.clock)

    def test_a_connection_past_its_date_expires_with_a_sentence(
        self, house: House, clock: FakeClock
    ) -> None:
        connection = house.connect("account-1")
        clock.now += timedelta(days=90)

        self.check(house)

        expired = house.connection(connection.id)
        assert (expired.status, expired.error_code) == (ConnectionStatus.EXPIRED, "consent_expired")
        assert expired.error_message == (
            "The bank's consent has run out: renew the connection. Its history and edits stay."
        )
        assert house.consents(connection.id)[0].status is ConsentStatus.EXPIRED

    def test_a_connection_before_its_date_stays(self, house: House, clock: FakeClock) -> None:
        connection = house.connect("account-1")
        clock.now += timedelta(days=75)

        self.check(house)

        assert house.connection(connection.id).status is ConnectionStatus.ACTIVE
        assert house.told(connection.id) == ["connection_activated"]

    def test_two_weeks_before_its_date_it_is_expiring_and_still_read(
        self, house: House, clock: FakeClock
    ) -> None:
        connection = house.connect("account-1")
        clock.now += timedelta(days=76)

        self.check(house)

        assert house.connection(connection.id).status is ConnectionStatus.EXPIRING
        assert house.sync(connection.id).status is RunStatus.SUCCEEDED
        with tenant_transaction(house.sessions, house.tenant_id) as session:
            due = list_due_connections(session, house.tenant_id, now=clock.now)
        assert [one.id for one in due] == [connection.id]

    def test_each_warning_is_written_once_at_14_7_and_1_days(
        self, house: House, clock: FakeClock
    ) -> None:
        connection = house.connect("account-1")
        clock.now += timedelta(days=75)
        for _ in range(16 * 2):
            clock.now += timedelta(hours=12)
            self.check(house)

        told = house.events(connection.id)
        warnings = [event for event in told if event.kind is EventKind.CONNECTION_EXPIRING]
        assert [event.payload["days"] for event in warnings] == [14, 7, 1]
        assert [event.occurred_at - NOW for event in warnings] == [
            timedelta(days=76),
            timedelta(days=83),
            timedelta(days=89),
        ]
        assert house.told(connection.id)[-1] == "connection_expired"
        assert len(told) == 5  # activated, three warnings, expired

    def test_days_that_were_missed_give_the_most_urgent_warning_alone(
        self, house: House, clock: FakeClock
    ) -> None:
        connection = house.connect("account-1")
        clock.now += timedelta(days=89, hours=12)

        self.check(house)
        self.check(house)

        *_, warning = house.events(connection.id)
        assert warning.payload["days"] == 1
        assert house.told(connection.id) == ["connection_activated", "connection_expiring"]

    def test_a_renewal_lets_the_warnings_begin_anew(
        self, house: House, bank: ConsentingBank, clock: FakeClock
    ) -> None:
        connection = house.connect("account-1")
        clock.now += timedelta(days=80)
        self.check(house)
        house.renew(connection.id)
        consent = house.consents(connection.id)[-1]
        bank.grant(consent.provider_reference, an_account("account-1"))
        granted = bank.consents[consent.provider_reference]
        bank.consents[consent.provider_reference] = replace(
            granted, granted_at=clock.now, expires_at=clock.now + timedelta(days=90)
        )
        house.finish(consent.reference)
        assert house.connection(connection.id).status is ConnectionStatus.ACTIVE
        clock.now += timedelta(days=80)

        self.check(house)

        assert house.told(connection.id) == [
            "connection_activated",
            "connection_expiring",
            "connection_renewed",
            "connection_expiring",
        ]

    def test_who_consented_and_closed_the_browser_is_connected(
        self, house: House, bank: ConsentingBank, queue: RecordingQueue
    ) -> None:
        started = house.start()
        consent = house.consents(started.connection.id)[0]
        bank.grant(consent.provider_reference, an_account())

        self.check(house)

        assert house.connection(started.connection.id).status is ConnectionStatus.ACTIVE
        assert queue.syncs == [(started.connection.id, SyncTrigger.FIRST)]

    def test_a_consent_that_is_not_given_within_a_day_is_given_up(
        self, house: House, clock: FakeClock
    ) -> None:
        started = house.start()
        clock.now += timedelta(hours=24)
        self.check(house)
        assert house.connection(started.connection.id).status is ConnectionStatus.PENDING
        clock.now += timedelta(seconds=1)

        self.check(house)

        connection = house.connection(started.connection.id)
        assert (connection.status, connection.error_code) == (
            ConnectionStatus.ERROR,
            "consent_not_finished",
        )
        (consent,) = house.consents(connection.id)
        assert (consent.status, consent.error_code) == (
            ConsentStatus.ERROR,
            "consent_not_finished",
        )
        assert house.told(connection.id) == ["connection_failed"]

    def test_one_that_was_given_late_counts_all_the_same(
        self, house: House, bank: ConsentingBank, clock: FakeClock
    ) -> None:
        started = house.start()
        clock.now += timedelta(days=3)
        consent = house.consents(started.connection.id)[0]
        bank.grant(consent.provider_reference, an_account())

        self.check(house)

        assert house.connection(started.connection.id).status is ConnectionStatus.ACTIVE

    def test_one_that_cannot_be_asked_for_leaves_the_others(
        self, house: House, bank: ConsentingBank
    ) -> None:
        broken, whole = house.start().connection, house.start().connection
        reference = house.consents(broken.id)[0].provider_reference
        bank.failures["read_consent", reference] = ProviderUnavailableError("Down.")
        bank.grant(house.consents(whole.id)[0].provider_reference, an_account())

        self.check(house)

        assert house.connection(broken.id).status is ConnectionStatus.PENDING
        assert house.connection(whole.id).status is ConnectionStatus.ACTIVE

    @pytest.mark.parametrize("has_credentials", [True, False])
    def test_one_of_which_nothing_can_be_learnt_for_a_week_is_given_up(
        self, house: House, bank: ConsentingBank, clock: FakeClock, has_credentials: bool
    ) -> None:
        started = house.start().connection
        reference = house.consents(started.id)[0].provider_reference
        bank.failures["read_consent", reference] = ProviderUnavailableError("Down.")
        house.providers.has_credentials = has_credentials
        clock.now += timedelta(days=7)
        self.check(house)
        assert house.connection(started.id).status is ConnectionStatus.PENDING
        clock.now += timedelta(seconds=1)

        self.check(house)
        self.check(house)

        connection, (consent,) = house.connection(started.id), house.consents(started.id)
        assert (connection.status, connection.error_code) == (
            ConnectionStatus.ERROR,
            "consent_not_finished",
        )
        assert connection.error_message == (
            "For 7 days the provider could not be asked what became of the consent: start again."
        )
        assert (consent.status, consent.detail) == (
            ConsentStatus.ERROR,
            "the provider could not be asked",
        )
        assert house.told(connection.id) == ["connection_failed"]

    def test_a_renewal_of_which_nothing_can_be_learnt_leaves_the_consent_that_stands(
        self, house: House, bank: ConsentingBank, clock: FakeClock
    ) -> None:
        connection = house.connect("account-1")
        house.renew(connection.id)
        reference = house.consents(connection.id)[-1].provider_reference
        bank.failures["read_consent", reference] = ProviderUnavailableError("Down.")
        clock.now += timedelta(days=7, seconds=1)

        self.check(house)

        assert house.connection(connection.id).status is ConnectionStatus.ACTIVE
        assert [one.status for one in house.consents(connection.id)] == [
            ConsentStatus.GRANTED,
            ConsentStatus.ERROR,
        ]

    def test_polling_asks_for_young_consents_only(
        self, house: House, bank: ConsentingBank, clock: FakeClock
    ) -> None:
        old = house.start().connection
        clock.now += timedelta(hours=1)
        young = house.start().connection

        poll_consents(
            house.sessions, house.providers, house.queue, age_max=timedelta(hours=1), clock=clock
        )

        asked = {about for call, about in bank.asked if call == "read_consent"}
        assert asked == {house.consents(young.id)[0].provider_reference}
        assert house.connection(old.id).status is ConnectionStatus.PENDING


class TestRefusedInUse:
    """Banks that grant a long consent, and then refuse whatever is asked under it."""

    REFUSAL = ProviderUnavailableError("No.", http_status=500, provider_code="UnknownRequestError")

    def fail(self, house: House, connection_id: UUID, *, times: int, error: ProviderError) -> None:
        bank = house.providers.bank
        for name in ("account-1", "account-2"):
            bank.refusals[name, AccessScope.TRANSACTIONS] = error
        for _ in range(times):
            house.sync(connection_id)
            house.clock.now += timedelta(hours=2)

    def ask_again(self, house: House, connection_id: UUID) -> tuple[int, int]:
        house.renew(connection_id)
        consent = house.consents(connection_id)[-1]
        return consent.history_days, consent.access_days

    def test_the_connection_says_so_and_the_next_ones_ask_for_the_usual_days(
        self, house: House
    ) -> None:
        connection = house.connect("account-1", "account-2")
        self.fail(house, connection.id, times=3, error=self.REFUSAL)

        refused = house.connection(connection.id)
        assert (refused.status, refused.error_code) == (
            ConnectionStatus.ACTIVE,
            "long_consent_refused",
        )
        assert "730 days of history" in (refused.error_message or "")
        assert "renew the connection" in (refused.error_message or "")
        assert self.ask_again(house, connection.id) == (90, 90)
        assert self.ask_again(house, connection.id) == (90, 90)

    @pytest.mark.parametrize(
        ("error", "times"),
        [
            (REFUSAL, 2),  # it may pass
            (ProviderUnavailableError("Down.", http_status=503, provider_code="ServiceError"), 3),
            (ProviderUnavailableError("No line."), 3),
            (ProviderQuotaError("Later.", http_status=429, provider_code="RateLimitError"), 3),
        ],
    )
    def test_an_outage_is_no_refusal(self, house: House, error: ProviderError, times: int) -> None:
        connection = house.connect("account-1", "account-2")
        self.fail(house, connection.id, times=times, error=error)

        assert house.connection(connection.id).error_code != "long_consent_refused"
        assert self.ask_again(house, connection.id) == (730, 90)

    def test_a_consent_that_has_delivered_is_honoured(self, house: House) -> None:
        connection = house.connect("account-1", "account-2")
        house.sync(connection.id)
        self.fail(house, connection.id, times=3, error=self.REFUSAL)

        assert house.connection(connection.id).error_code == "provider_unavailable"
