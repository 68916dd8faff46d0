"""A tenant's own rates win for that tenant, and for nobody else."""

from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.enums import RateSource
from payymo.domain.errors import NotFoundError
from payymo.domain.exchange import ReferenceRate
from payymo.postgres.auth.models import AuditEntry
from payymo.postgres.fx.operations.overrides import (
    RateLine,
    delete_override,
    list_day_rates,
    list_rates,
    record_override,
)
from payymo.postgres.fx.operations.rates import record_rates
from payymo.postgres.tenancy import enter_tenant

THURSDAY, FRIDAY = date(2026, 2, 26), date(2026, 2, 27)
SUNDAY, MONDAY = date(2026, 3, 1), date(2026, 3, 2)
PUBLISHED = [
    ReferenceRate(THURSDAY, "USD", Decimal("1.08")),
    ReferenceRate(FRIDAY, "USD", Decimal("1.10")),
    ReferenceRate(FRIDAY, "GBP", Decimal("0.84")),
    ReferenceRate(MONDAY, "USD", Decimal("1.12")),
]


@pytest.fixture(autouse=True)
def published(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        record_rates(session, PUBLISHED)


def override(
    session: Session, tenant_id: UUID, currency: str, day: date, rate: str, *, note: str = ""
) -> None:
    record_override(
        session,
        tenant_id,
        currency=currency,
        day=day,
        rate=Decimal(rate),
        note=note or None,
        actor_id=uuid4(),
    )


class TestListRates:
    def test_the_latest_day_comes_first_and_ones_own_in_place_of_the_published(
        self, session: Session, tenant_id: UUID
    ) -> None:
        override(session, tenant_id, "USD", FRIDAY, "1.05", note="Our bank's")
        override(session, tenant_id, "AED", FRIDAY, "4.00")

        page = list_rates(session, tenant_id, page=1, per_page=10)

        own, ecb = RateSource.OVERRIDE, RateSource.ECB
        assert page.total == 5
        assert page.rows == [
            RateLine("USD", MONDAY, Decimal("1.12"), ecb, Decimal("1.12"), None),
            RateLine("AED", FRIDAY, Decimal(4), own, None, None),
            RateLine("GBP", FRIDAY, Decimal("0.84"), ecb, Decimal("0.84"), None),
            RateLine("USD", FRIDAY, Decimal("1.05"), own, Decimal("1.10"), "Our bank's"),
            RateLine("USD", THURSDAY, Decimal("1.08"), ecb, Decimal("1.08"), None),
        ]

    def test_filters_and_pages_narrow_the_list(self, session: Session, tenant_id: UUID) -> None:
        override(session, tenant_id, "USD", FRIDAY, "1.05")

        def days(**filters: object) -> list[tuple[str, date]]:
            page = list_rates(session, tenant_id, **({"page": 1, "per_page": 9} | filters))  # type: ignore[arg-type]  # of any kind
            return [(line.currency, line.rate_date) for line in page.rows]

        assert days(currency="GBP") == [("GBP", FRIDAY)]
        assert days(start_date=FRIDAY, end_date=FRIDAY) == [("GBP", FRIDAY), ("USD", FRIDAY)]
        assert days(source=RateSource.OVERRIDE) == [("USD", FRIDAY)]
        assert days(source=RateSource.ECB, currency="USD") == [("USD", MONDAY), ("USD", THURSDAY)]
        assert days(page=2, per_page=3) == [("USD", THURSDAY)]

    def test_another_tenant_sees_what_was_published(
        self, session: Session, tenant_id: UUID, other_tenant_id: UUID
    ) -> None:
        override(session, tenant_id, "USD", FRIDAY, "1.05")
        enter_tenant(session, other_tenant_id)

        page = list_rates(session, other_tenant_id, currency="USD", page=1, per_page=9)

        assert [line.rate for line in page.rows] == [
            Decimal("1.12"),
            Decimal("1.10"),
            Decimal("1.08"),
        ]
        assert {line.source for line in page.rows} == {RateSource.ECB}


class TestListDayRates:
    def test_holds_ones_own_then_the_published_each_carried_forward(
        self, session: Session, tenant_id: UUID
    ) -> None:
        override(session, tenant_id, "GBP", SUNDAY, "0.90")

        rates = list_day_rates(session, tenant_id, {"EUR", "GBP", "USD"}, {SUNDAY, FRIDAY})

        told = [(rate.day, rate.currency, str(rate.rate.normalize()), rate.rate_day)
                for rate in rates]  # fmt: skip
        assert told == [
            (FRIDAY, "GBP", "0.84", FRIDAY),
            (FRIDAY, "USD", "1.1", FRIDAY),
            (SUNDAY, "GBP", "0.9", SUNDAY),
            (SUNDAY, "USD", "1.1", FRIDAY),
        ]

    def test_a_day_without_a_rate_is_left_out(self, session: Session, tenant_id: UUID) -> None:
        assert not list_day_rates(session, tenant_id, {"USD"}, {date(2026, 2, 25)})
        assert not list_day_rates(session, tenant_id, {"USD"}, {date(2026, 3, 10)})
        assert list_day_rates(session, tenant_id, {"USD"}, {date(2026, 3, 9)})
        assert not list_day_rates(session, tenant_id, {"EUR"}, {FRIDAY})

    def test_another_tenants_own_do_not_count(
        self, session: Session, tenant_id: UUID, other_tenant_id: UUID
    ) -> None:
        override(session, tenant_id, "USD", FRIDAY, "1.05")
        enter_tenant(session, other_tenant_id)

        (rate,) = list_day_rates(session, other_tenant_id, {"USD"}, {FRIDAY})

        assert (rate.rate, rate.source) == (Decimal("1.10"), RateSource.ECB)


class TestOverrides:
    def test_each_change_is_written_down_and_the_same_again_is_none(
        self, session: Session, tenant_id: UUID
    ) -> None:
        override(session, tenant_id, "USD", FRIDAY, "1.05")
        override(session, tenant_id, "USD", FRIDAY, "1.05")
        override(session, tenant_id, "USD", FRIDAY, "1.06", note="Corrected")
        delete_override(session, tenant_id, currency="USD", day=FRIDAY, actor_id=None)

        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert [entry.action for entry in entries] == ["added", "changed", "deleted"]
        assert entries[1].before is not None
        assert entries[1].after is not None
        assert (entries[1].before["rate"], entries[1].after["rate"]) == ("1.05", "1.06")
        assert len({entry.entity_id for entry in entries}) == 1
        (rate,) = list_day_rates(session, tenant_id, {"USD"}, {FRIDAY})
        assert rate.rate == Decimal("1.10")

    def test_what_is_not_there_cannot_be_removed(
        self, session: Session, tenant_id: UUID, other_tenant_id: UUID
    ) -> None:
        override(session, tenant_id, "USD", FRIDAY, "1.05")
        enter_tenant(session, other_tenant_id)

        with pytest.raises(NotFoundError):
            delete_override(session, other_tenant_id, currency="USD", day=FRIDAY, actor_id=None)
