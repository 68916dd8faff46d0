"""Rates come in out of files and over HTTP; that it failed is a value that is shown."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from http import HTTPStatus
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from testing.fakes import FakeClock
from testing.providers.ecb.files import HISTORY, HISTORY_XML, zipped
from testing.providers.ecb.publishing import Publisher, publishing

from payymo.domain.enums import RateOrigin, RunStatus
from payymo.domain.errors import InvalidInputError, NotFoundError, RuleError
from payymo.postgres.auth.operations.tenants import update_tenant
from payymo.postgres.fx.models import FxRate
from payymo.postgres.fx.operations.rates import list_imports
from payymo.providers.ecb.client import EcbClient
from payymo.workflows.rates import convert_amount, get_day_rate, import_rates, update_rates

FRIDAY = date(2026, 2, 27)
CLOCK = FakeClock(datetime(2026, 3, 2, 16, 15, tzinfo=UTC))


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with publishing() as publisher:
        publisher.files = {
            "eurofxref-hist.zip": zipped(HISTORY),
            "eurofxref-hist-90d.xml": HISTORY_XML.encode(),
        }
        yield publisher


@pytest.fixture
def source(publisher: Publisher) -> Iterator[EcbClient]:
    with httpx.Client() as http:
        yield EcbClient(http, base_url=publisher.url)


def rate_count(sessions: sessionmaker[Session]) -> int:
    with sessions.begin() as session:
        return session.scalar(select(func.count()).select_from(FxRate)) or 0


class TestImportRates:
    def test_a_file_is_taken_in_and_again_changes_nothing(
        self, sessions: sessionmaker[Session]
    ) -> None:
        first = import_rates(sessions, HISTORY.encode(), clock=CLOCK)
        again = import_rates(sessions, zipped(HISTORY), clock=CLOCK)

        assert (first.origin, first.status) == (RateOrigin.FILE, RunStatus.SUCCEEDED)
        assert (first.read_count, first.added_count, first.changed_count) == (10, 10, 0)
        assert (first.first_day, first.last_day) == (date(2007, 12, 31), FRIDAY)
        assert (again.read_count, again.added_count, again.changed_count) == (10, 0, 0)
        assert rate_count(sessions) == 10

    def test_a_file_with_a_fault_changes_nothing_and_the_attempt_is_kept(
        self, sessions: sessionmaker[Session]
    ) -> None:
        with pytest.raises(InvalidInputError):
            import_rates(sessions, HISTORY.replace("159.9", "?").encode(), clock=CLOCK)

        assert rate_count(sessions) == 0
        with sessions.begin() as session:
            (attempt,) = list_imports(session, page=1, per_page=9).rows
        assert (attempt.status, attempt.error_code) == (RunStatus.FAILED, "validation_error")

    @pytest.mark.parametrize(("day", "is_taken"), [("2026-03-03", True), ("2026-03-04", False)])
    def test_rates_of_days_to_come_are_refused(
        self, sessions: sessionmaker[Session], day: str, is_taken: bool
    ) -> None:
        content = f"Date,USD,\n{day},1.1,\n".encode()

        if is_taken:
            assert import_rates(sessions, content, clock=CLOCK).added_count == 1
        else:
            with pytest.raises(InvalidInputError, match="yet to come"):
                import_rates(sessions, content, clock=CLOCK)


class TestUpdateRates:
    def test_the_first_takes_all_history_and_the_next_what_is_near(
        self, sessions: sessionmaker[Session], source: EcbClient, publisher: Publisher
    ) -> None:
        first = update_rates(sessions, source, clock=CLOCK)
        next_one = update_rates(sessions, source, clock=CLOCK)

        assert publisher.asked == ["eurofxref-hist.zip", "eurofxref-hist-90d.xml"]
        assert (first.origin, first.added_count) == (RateOrigin.DOWNLOAD, 10)
        assert (next_one.status, next_one.added_count) == (RunStatus.SUCCEEDED, 0)

    def test_after_a_long_rest_all_history_is_asked_for_again(
        self, sessions: sessionmaker[Session], source: EcbClient, publisher: Publisher
    ) -> None:
        import_rates(sessions, b"Date,USD,\n2025-12-01,1.1,\n", clock=CLOCK)

        update_rates(sessions, source, clock=CLOCK)

        assert publisher.asked == ["eurofxref-hist.zip"]

    def test_that_it_failed_is_written_down_and_what_was_known_stays(
        self, sessions: sessionmaker[Session], source: EcbClient, publisher: Publisher
    ) -> None:
        update_rates(sessions, source, clock=CLOCK)
        publisher.status = HTTPStatus.BAD_GATEWAY

        failed = update_rates(sessions, source, clock=CLOCK)

        assert (failed.status, failed.error_code) == (RunStatus.FAILED, "provider_unavailable")
        assert failed.error_message is not None
        assert "HTTP 502" in failed.error_message
        assert rate_count(sessions) == 10
        with sessions.begin() as session:
            assert {row.status for row in list_imports(session, page=1, per_page=9).rows} == {
                RunStatus.SUCCEEDED,
                RunStatus.FAILED,
            }


class TestConvertAmount:
    @pytest.fixture(autouse=True)
    def known(self, sessions: sessionmaker[Session]) -> None:
        import_rates(sessions, HISTORY.encode(), clock=CLOCK)

    def test_the_tenants_own_currency_is_what_it_becomes(
        self, session: Session, tenant_id: UUID
    ) -> None:
        def convert() -> tuple[Decimal, str]:
            found = convert_amount(
                session,
                tenant_id,
                amount=Decimal("108.42"),
                original_currency="USD",
                currency=None,
                day=FRIDAY,
            )
            return found.amount, found.currency

        # 108.42 / 1.0842 = 100; in pounds 100 * 0.8450 = 84.50
        assert convert() == (Decimal("100.00"), "EUR")
        update_tenant(session, tenant_id, actor_id=None, currency="GBP")
        assert convert() == (Decimal("84.50"), "GBP")

    @pytest.mark.parametrize(
        ("pair", "day", "missing"),
        [
            ("AED EUR", FRIDAY, "AED"),
            ("AED INR", FRIDAY, "AED and INR"),
            ("USD GBP", date(2026, 3, 7), "GBP and USD"),
        ],
    )
    def test_without_a_rate_there_is_no_amount(
        self, session: Session, tenant_id: UUID, pair: str, day: date, missing: str
    ) -> None:
        original, currency = pair.split()

        with pytest.raises(RuleError, match=f"no rate of {missing} for {day}") as raised:
            convert_amount(
                session,
                tenant_id,
                amount=Decimal(1),
                original_currency=original,
                currency=currency,
                day=day,
            )

        assert raised.value.code == "rate_missing"

    def test_an_amount_has_no_more_decimals_than_its_currency(
        self, session: Session, tenant_id: UUID
    ) -> None:
        with pytest.raises(InvalidInputError, match="no decimals"):
            convert_amount(
                session,
                tenant_id,
                amount=Decimal("1.5"),
                original_currency="JPY",
                currency="EUR",
                day=FRIDAY,
            )

    def test_a_rate_that_is_not_there_is_not_found(self, session: Session, tenant_id: UUID) -> None:
        assert get_day_rate(session, tenant_id, currency="USD", day=FRIDAY).rate_day == FRIDAY
        with pytest.raises(NotFoundError):
            get_day_rate(session, tenant_id, currency="USD", day=date(2026, 3, 7))
