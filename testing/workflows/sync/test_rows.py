"""What a sync makes of the rows that a bank answers with."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW, say
from testing.fakes import a_payload
from testing.workflows.sync.house import House

from payymo.domain.enums import (
    CategorySource,
    IdentityTier,
    RunStatus,
    SyncTrigger,
    TransactionStatus,
)
from payymo.domain.ledger.coverage import DayRange, assess
from payymo.postgres.common.operations.coverage import list_coverage
from payymo.postgres.gocardless.models import GcTransaction
from payymo.postgres.gocardless.operations.transactions import list_raw_versions

BOOKED, PENDING = TransactionStatus.BOOKED, TransactionStatus.PENDING
SUPERSEDED = TransactionStatus.SUPERSEDED
#: The first day that the consents of these tests let us read: 730 days before they were given.
FIRST_DAY = date(2024, 3, 1)


class TestWindow:
    def test_the_first_sync_asks_for_all_and_later_ones_overlap(self, house: House) -> None:
        house.books.booked = [a_payload()]
        house.sync(SyncTrigger.FIRST)
        house.next_day()
        house.sync()

        assert house.bank.since == [None, date(2026, 2, 15)]
        assert house.account().synced_through == date(2026, 3, 2)

    def test_once_a_week_it_looks_back_longer(self, house: House) -> None:
        house.books.booked = [a_payload(day=FIRST_DAY.isoformat())]
        house.sync()
        house.next_day(7)
        house.sync()
        house.next_day(6)
        house.sync()
        house.next_day(1)
        house.sync()

        assert house.bank.since == [
            None,
            date(2026, 3, 8) - timedelta(days=90),
            date(2026, 3, 8) - timedelta(days=14),
            date(2026, 3, 15) - timedelta(days=90),
        ]

    def test_a_renewal_looks_back_at_once(self, house: House) -> None:
        house.books.booked = [a_payload(day=FIRST_DAY.isoformat())]
        house.sync()
        house.sync(SyncTrigger.RENEWAL)

        assert house.bank.since[-1] == date(2026, 3, 1) - timedelta(days=90)

    def test_history_that_a_bank_cuts_is_asked_for_once_more(self, house: House) -> None:
        house.books.booked = [a_payload(day="2026-02-20")]
        house.sync()
        for _ in range(3):
            house.next_day(7)
            house.sync()

        assert house.bank.since == [
            None,
            FIRST_DAY,
            date(2026, 3, 15) - timedelta(days=90),
            date(2026, 3, 22) - timedelta(days=90),
        ]

    def test_after_a_long_silence_the_row_before_it_shows_that_nothing_is_cut(
        self, house: House
    ) -> None:
        house.books.booked = [a_payload(day=FIRST_DAY.isoformat()), a_payload(day="2026-01-05")]
        house.sync()
        house.next_day(60)  # to 30 April, on which there is the first row in all this time
        house.books.booked.append(a_payload(day="2026-04-30"))
        looked_back = house.sync()
        house.next_day()
        house.sync()

        assert looked_back.status is RunStatus.SUCCEEDED
        assert house.bank.since == [None, date(2026, 1, 30), date(2025, 12, 29)]
        with house.read() as session:
            spans = list_coverage(session, house.tenant_id, house.account_ids["a"])
        coverage = assess(spans, today=date(2026, 5, 1))
        assert coverage.known == [DayRange(FIRST_DAY, date(2026, 5, 1))]


class TestKnownDays:
    def known(self, house: House) -> list[DayRange]:
        with house.read() as session:
            spans = list_coverage(session, house.tenant_id, house.account_ids["a"])
        return list(assess(spans, today=house.clock.now.date()).known)

    def test_a_first_answer_counts_from_where_its_oldest_row_is_by_any_date(
        self, house: House
    ) -> None:
        house.books.booked = [
            a_payload(day="2026-02-20", valueDate="2026-02-24"),
            a_payload("-9.00", "2026-02-25", "Later"),
        ]
        house.sync()

        assert self.known(house) == [DayRange(date(2026, 2, 24), date(2026, 3, 1))]

    def test_an_answer_that_lacks_its_newest_rows_lets_no_later_day_be_known(
        self, house: House
    ) -> None:
        kept, lost = a_payload(day=FIRST_DAY.isoformat()), a_payload("-9.00", "2026-02-28", "Lost")
        house.books.booked = [kept, a_payload("-1.00", "2026-02-20", "Tram"), lost]
        house.sync()
        house.books.booked.remove(lost)
        house.next_day(3)
        house.sync()
        assert self.known(house) == [DayRange(FIRST_DAY, date(2026, 3, 1))]
        assert house.account().synced_through == date(2026, 3, 1)

        house.books.booked.append(lost)
        house.next_day()
        house.sync()
        assert self.known(house) == [DayRange(FIRST_DAY, date(2026, 3, 5))]


class TestRepeating:
    def test_nothing_is_written_a_second_time(self, house: House) -> None:
        house.books.booked = [a_payload(), a_payload(), a_payload("25.50", text="Refund")]
        house.books.pending = [a_payload("-7.00", None, "Reserved lunch")]
        first = house.sync()
        before = {row.id: row.updated_at for row in house.rows()}

        with _writes(house.sessions) as written:
            again = house.sync()

        assert (first.added_count, again.added_count, again.updated_count) == (4, 0, 0)
        assert again.accounts[0].counts.unchanged == 4
        assert {row.id: row.updated_at for row in house.rows()} == before
        assert not [line for line in written if "transactions" in line.split("(")[0]]

    def test_the_order_of_the_answer_does_not_matter(self, house: House) -> None:
        house.books.booked = [a_payload(text=text) for text in ("One", "Two", "Three")]
        house.sync()
        house.books.booked.reverse()

        assert house.sync().accounts[0].counts.unchanged == 3

    def test_a_bank_that_answers_with_more_than_it_was_asked_for_adds_nothing(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("testing.fakes._is_asked_for", lambda row, since: True)
        house.books.booked = [a_payload(day="2024-05-01"), a_payload(day="2026-02-20")]
        house.sync()
        same = house.sync()
        house.books.booked[0] = a_payload(day="2024-05-01", purposeCode="OTHR")
        restated = house.sync()

        assert (same.added_count, same.updated_count) == (0, 0)
        assert (restated.added_count, restated.updated_count) == (0, 1)

    def test_two_connections_of_one_bank_keep_their_rows_apart(self, pair_house: House) -> None:
        pair_house.books.booked = [a_payload("5.00", text="Interest", internalTransactionId="x")]
        pair_house.bank.books["b"].booked = list(pair_house.books.booked)

        assert pair_house.sync().added_count == 2
        assert pair_house.sync().added_count == 0


class TestPending:
    def test_a_row_keeps_its_id_and_its_note_when_it_books(self, house: House) -> None:
        house.books.pending = [a_payload("-80.00", "2026-02-27", "Reserved Grand Hotel")]
        house.sync()
        pending = house.row()
        with house.read() as session:
            say(session, house.tenant_id, pending.id, category="Travel", note="Fair in Berlin")
        house.books.pending = []
        house.books.booked = [
            a_payload("-80.00", "2026-03-01", "GRAND HOTEL BERLIN", internalTransactionId="i1")
        ]
        report = house.sync()

        row = house.row()
        assert (row.id, row.status, row.note) == (pending.id, BOOKED, "Fair in Berlin")
        assert row.category_source is CategorySource.USER
        assert row.category_id is not None
        assert row.identity_tier is IdentityTier.PENDING_BOOKED
        assert report.accounts[0].counts.updated == 1
        assert len(house.queue.matches) == 1

    def test_a_row_that_leaves_the_list_is_closed(self, house: House) -> None:
        house.books.booked = [a_payload()]
        house.books.pending = [a_payload("-80.00", "2026-02-27", "Reserved")]
        house.sync()
        house.books.pending = []
        report = house.sync()

        assert house.row(SUPERSEDED).amount == Decimal("-80.0000")
        assert report.accounts[0].counts.superseded == 1
        assert house.sync().accounts[0].counts.superseded == 0

    def test_a_row_that_was_away_comes_back_as_itself(self, house: House) -> None:
        house.books.booked = [a_payload()]
        house.books.pending = [a_payload("-80.00", "2026-02-27", "Reserved Hotel")]
        house.sync()
        pending, house.books.pending = house.books.pending, []
        house.sync()
        house.books.pending = pending
        house.sync()

        assert house.row(PENDING).missing_since is None
        assert len(house.rows()) == 2

    def test_a_row_that_was_away_before_it_booked_is_recognised(self, house: House) -> None:
        house.books.booked = [a_payload()]
        house.books.pending = [a_payload("-80.00", "2026-02-27", "Reserved Hotel")]
        house.sync()
        first = house.row(PENDING).id
        house.books.pending = []
        house.sync()
        house.next_day(2)
        house.books.booked.append(a_payload("-80.00", "2026-03-02", "Hotel Adlon"))
        house.sync()

        assert first in {row.id for row in house.rows(BOOKED)}
        assert len(house.rows()) == 2


class TestRestated:
    def test_a_row_keeps_its_id_and_gains_a_version(self, house: House) -> None:
        house.books.booked = [a_payload(text="Old name", transactionId="t1")]
        house.sync()
        first = house.row()
        house.books.booked = [a_payload(text="New name", transactionId="t1")]
        house.next_day()
        house.sync()

        row = house.row()
        assert (row.id, row.remittance) == (first.id, "New name")
        with house.read() as session:
            versions = list_raw_versions(session, house.tenant_id, row.id)
        assert [version.payload["remittanceInformationUnstructured"] for version in versions] == [
            "Old name",
            "New name",
        ]
        assert [version.identity_tier for version in versions] == [
            IdentityTier.NEW,
            IdentityTier.TRANSACTION_ID,
        ]

    def test_a_bank_that_takes_a_change_back_sends_nothing_new(self, house: House) -> None:
        for text in ("Old name", "New name", "Old name"):
            house.books.booked = [a_payload(text=text, transactionId="t1")]
            house.sync()

        with house.read() as session:
            assert session.scalar(select(func.count()).select_from(GcTransaction)) == 2
        assert house.row().remittance == "Old name"
        assert house.sync().accounts[0].counts.unchanged == 1

    def test_a_row_without_a_day_keeps_the_day_it_was_first_seen(self, house: House) -> None:
        house.books.pending = [a_payload(day=None, transactionId="t1")]
        house.sync()
        house.next_day(3)
        house.books.pending = [a_payload(day=None, transactionId="t1", purposeCode="OTHR")]
        report = house.sync()

        assert report.updated_count == 1
        assert house.row().transaction_date == NOW.date()


class TestAbsent:
    def test_a_booked_row_is_marked_and_never_removed(self, house: House) -> None:
        house.books.booked = [a_payload(day="2026-02-16"), a_payload("-9.00", "2026-02-25", "Gone")]
        house.sync()
        gone = house.books.booked.pop()
        house.next_day()
        house.sync()
        marked = next(row for row in house.rows(BOOKED) if row.remittance == "Gone")
        house.books.booked.append(gone)
        house.sync()

        assert marked.missing_since == NOW + timedelta(days=1)
        assert [row.missing_since for row in house.rows(BOOKED)] == [None, None]
        assert len(house.queue.matches) == 2  # when it came, and when it came back

    def test_an_empty_answer_loses_nothing(self, house: House) -> None:
        house.books.booked, house.books.pending = [a_payload()], [a_payload("-1.00", text="Tram")]
        house.sync()
        house.books.booked, house.books.pending = [], []
        report = house.sync()

        assert report.status is RunStatus.SUCCEEDED
        assert [(row.status, row.missing_since) for row in house.rows()] == [
            (BOOKED, None),
            (PENDING, None),
        ]


class TestUnreadable:
    def test_a_row_that_cannot_be_understood_leaves_the_others(self, house: House) -> None:
        house.books.booked = [a_payload(), {"bookingDate": "2026-02-20"}]

        for report in (house.sync(), house.sync()):
            assert report.status is RunStatus.PARTIAL
            assert report.error_code == "rows_not_understood"
        assert len(house.rows()) == 1
        assert house.account().synced_through is None

    def test_it_says_nothing_of_rows_that_are_absent(self, house: House) -> None:
        house.books.booked = [a_payload()]
        house.books.pending = [a_payload("-1.00", text="Tram")]
        house.sync()
        house.books.pending = [{"valueDate": "2026-02-20"}]
        house.sync()

        assert len(house.rows(PENDING)) == 1


class TestHostileText:
    def test_signs_that_the_database_cannot_hold_do_not_stop_a_sync(self, house: House) -> None:
        house.books.booked = [
            a_payload(text="a\x00b\\N\t\n\\.", creditorName="\x00", transactionId="t\x00")
        ]

        assert house.sync().status is RunStatus.SUCCEEDED
        assert house.sync().accounts[0].counts.unchanged == 1


@contextmanager
def _writes(sessions: sessionmaker[Session]) -> Iterator[list[str]]:
    """Collect the statements that write, as far as SQLAlchemy sees them."""
    engine = sessions.kw["bind"].engine
    written: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if statement.split(maxsplit=1)[0] in {"INSERT", "UPDATE", "DELETE"}:
            written.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield written
    event.remove(engine, "before_cursor_execute", note)
