"""Reference rates are taken in once, for everybody, and by nobody who works for a tenant."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW

from payymo.domain.enums import RateOrigin, RunStatus
from payymo.domain.errors import ProviderUnavailableError
from payymo.domain.exchange import ReferenceRate
from payymo.postgres.fx.models import FxRate
from payymo.postgres.fx.operations.rates import (
    RecordedRates,
    find_last_rate_day,
    list_imports,
    record_import,
    record_rates,
)

FRIDAY = date(2026, 2, 27)
MONDAY = date(2026, 3, 2)
RATES = [
    ReferenceRate(FRIDAY, "USD", Decimal("1.0842")),
    ReferenceRate(FRIDAY, "JPY", Decimal("160.25")),
    ReferenceRate(MONDAY, "USD", Decimal("1.0850")),
]


def stored(session: Session) -> dict[tuple[str, date], Decimal]:
    rows = session.execute(select(FxRate.currency, FxRate.rate_date, FxRate.rate))
    return {(row.currency, row.rate_date): row.rate for row in rows}


def test_new_ones_are_added_and_repeating_that_changes_nothing(
    sessions: sessionmaker[Session],
) -> None:
    with sessions.begin() as session:
        assert find_last_rate_day(session) is None

        assert record_rates(session, RATES) == RecordedRates(added_count=3, changed_count=0)
        assert record_rates(session, RATES) == RecordedRates(added_count=0, changed_count=0)

        assert stored(session) == {(rate.currency, rate.day): rate.rate for rate in RATES}
        assert find_last_rate_day(session) == MONDAY


def test_a_corrected_one_is_counted_as_such(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        record_rates(session, RATES)
        corrected = ReferenceRate(FRIDAY, "USD", Decimal("1.0900"))

        assert record_rates(session, [*RATES[1:], corrected]) == RecordedRates(0, 1)
        assert stored(session)["USD", FRIDAY] == Decimal("1.0900")


def test_many_are_written_in_parts(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payymo.postgres.fx.operations.rates._BATCH", 2)

    with sessions.begin() as session:
        assert record_rates(session, RATES) == RecordedRates(3, 0)
        assert len(stored(session)) == 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    st.lists(
        st.dictionaries(
            st.tuples(st.sampled_from(["USD", "GBP"]), st.sampled_from([FRIDAY, MONDAY])),
            st.integers(1, 3),
        ),
        max_size=4,
    )
)
def test_whatever_the_order_of_imports_the_last_word_on_each_rate_counts(
    sessions: sessionmaker[Session], files: list[dict[tuple[str, date], int]]
) -> None:
    with sessions() as session:
        expected: dict[tuple[str, date], Decimal] = {}
        for file in files:
            rates = [ReferenceRate(day, code, Decimal(n)) for (code, day), n in file.items()]
            recorded = record_rates(session, rates)
            became = {key: Decimal(n) for key, n in file.items()}
            assert recorded == RecordedRates(
                added_count=len(became.keys() - expected.keys()),
                changed_count=sum(
                    expected[key] != became[key] for key in became.keys() & expected.keys()
                ),
            )
            expected |= became
        assert stored(session) == expected
        session.rollback()


class TestTheWall:
    def test_every_tenant_reads_them(
        self, sessions: sessionmaker[Session], session: Session
    ) -> None:
        with sessions.begin() as nobodys:
            record_rates(nobodys, RATES)

        assert len(stored(session)) == 3

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO fx_rates (currency, rate_date, rate) VALUES ('USD', '2026-01-02', 1)",
            "INSERT INTO fx_imports (id, origin, status, started_at, finished_at, read_count,"
            " added_count, changed_count) VALUES (gen_random_uuid(), 'file', 'failed', now(),"
            " now(), 0, 0, 0)",
        ],
    )
    def test_who_works_for_a_tenant_adds_none(self, session: Session, statement: str) -> None:
        with pytest.raises(ProgrammingError, match="row-level security"), session.begin_nested():
            session.execute(text(statement))

    def test_who_works_for_a_tenant_changes_none(
        self, sessions: sessionmaker[Session], session: Session, tenant_id: UUID
    ) -> None:
        with sessions.begin() as nobodys:
            record_rates(nobodys, RATES)

        session.execute(text("UPDATE fx_rates SET rate = 1"))

        assert stored(session)["USD", FRIDAY] == Decimal("1.0842")

    @pytest.mark.parametrize(
        "statement", ["DELETE FROM fx_rates", "DELETE FROM fx_imports",
                      "UPDATE fx_imports SET status = 'succeeded'"]
    )  # fmt: skip
    def test_nobody_removes_or_rewrites_them(
        self, sessions: sessionmaker[Session], statement: str
    ) -> None:
        with (
            sessions.begin() as session,
            pytest.raises(ProgrammingError, match="permission denied"),
            session.begin_nested(),
        ):
            session.execute(text(statement))


class TestImports:
    def test_the_latest_comes_first_with_what_became_of_it(
        self, sessions: sessionmaker[Session]
    ) -> None:
        def at(hour: int) -> datetime:
            return NOW.replace(hour=hour)

        with sessions.begin() as session:
            record_import(
                session,
                origin=RateOrigin.FILE,
                started_at=at(1),
                finished_at=at(2),
                rates=RATES,
                recorded=RecordedRates(2, 1),
            )
            record_import(
                session,
                origin=RateOrigin.DOWNLOAD,
                started_at=at(3),
                finished_at=at(4),
                error=ProviderUnavailableError("It is down: try again later."),
            )

            page = list_imports(session, page=1, per_page=10)
            second = list_imports(session, page=2, per_page=1)

        failed, succeeded = page.rows
        assert page.total == second.total == 2
        assert [row.id for row in second.rows] == [succeeded.id]
        assert (failed.status, failed.error_code) == (RunStatus.FAILED, "provider_unavailable")
        assert failed.error_message == "It is down: try again later."
        assert (failed.first_day, failed.read_count) == (None, 0)
        assert succeeded.status is RunStatus.SUCCEEDED
        assert (succeeded.read_count, succeeded.added_count, succeeded.changed_count) == (3, 2, 1)
        assert (succeeded.first_day, succeeded.last_day) == (FRIDAY, MONDAY)
