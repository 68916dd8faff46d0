"""Banks are asked for once a day."""

from datetime import timedelta

from testing.consenting_bank import ConsentingBank, an_institution
from testing.fakes import FakeClock
from testing.workflows.connecting import House, count

from payymo.domain.enums import Provider
from payymo.postgres.gocardless.models import GcInstitution
from payymo.workflows.institutions import ensure_institutions, refresh_institutions


class TestInstitutions:
    def ensure(self, house: House, country: str | None) -> None:
        ensure_institutions(
            house.sessions,
            house.providers,
            tenant_id=house.tenant_id,
            provider=Provider.GOCARDLESS,
            country=country,
            clock=house.clock,
        )

    def test_a_country_is_asked_for_once_a_day(
        self, house: House, bank: ConsentingBank, clock: FakeClock
    ) -> None:
        for country in ("GB", "gb"):
            self.ensure(house, country)
        assert bank.asked == [("list_institutions", "GB")]
        clock.now += timedelta(days=1, seconds=1)

        self.ensure(house, "GB")

        assert bank.asked == [("list_institutions", "GB")] * 2

    def test_all_countries_answer_for_each_but_one_does_not_for_all(
        self, house: House, bank: ConsentingBank
    ) -> None:
        self.ensure(house, "GB")
        self.ensure(house, None)
        self.ensure(house, "SE")

        assert bank.asked == [("list_institutions", "GB"), ("list_institutions", "")]

    def test_a_bank_is_kept_as_received_each_time_that_it_says_something_new(
        self, house: House, bank: ConsentingBank
    ) -> None:
        def refresh() -> int:
            return refresh_institutions(
                house.sessions,
                house.providers,
                tenant_id=house.tenant_id,
                provider=Provider.GOCARDLESS,
                country="GB",
                clock=house.clock,
            )

        assert [refresh(), refresh()] == [1, 1]
        assert count(house, GcInstitution) == 1
        bank.institutions = [an_institution(name="New Name", payload={"name": "New Name"})]

        refresh()

        assert count(house, GcInstitution) == 2
