"""Consents are looked after although nobody comes back from the bank."""

from datetime import timedelta

from testing.consenting_bank import ConsentingBank, RecordingQueue, an_account
from testing.fakes import FakeClock
from testing.workflows.connecting import House

from payymo.domain.enums import ConnectionStatus, ConsentStatus, SyncTrigger
from payymo.domain.errors import ProviderUnavailableError
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
        assert expired.error_message == "The bank's consent has run out: renew the connection."
        assert house.consents(connection.id)[0].status is ConsentStatus.EXPIRED

    def test_a_connection_before_its_date_stays(self, house: House, clock: FakeClock) -> None:
        connection = house.connect("account-1")
        clock.now += timedelta(days=89)

        self.check(house)

        assert house.connection(connection.id).status is ConnectionStatus.ACTIVE

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
        assert house.consents(connection.id)[0].status is ConsentStatus.ERROR

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
