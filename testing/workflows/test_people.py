"""What people said of transactions stays so, whatever the bank, a replay or a reversal does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_invoice, paying, say
from testing.fakes import FakeQueue, a_payload
from testing.workflows.test_standardise import Book

from payymo.domain.enums import (
    CategorySource,
    EventKind,
    MatchStatus,
    ReplayVerdict,
    TransactionMatchStatus,
    TransactionStatus,
)
from payymo.domain.errors import RuleError
from payymo.domain.ledger.splits import SplitPart
from payymo.postgres.categories.operations.categories import get_category
from payymo.postgres.common.models import Account, Event, Transaction
from payymo.postgres.common.operations.splits import delete_splits, list_splits, replace_splits
from payymo.postgres.gocardless.models import GcTransaction
from payymo.postgres.reconciliation.operations.decisions import create_match, reverse_match
from payymo.postgres.reconciliation.operations.matches import MatchFilter, list_matches
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.deletions import delete_transaction, restore_transaction
from payymo.workflows.replay import AccountReplay, replay
from payymo.workflows.undo import Reversal, revert_run

A = a_payload("100.00", "2026-02-20", "Bakery", internalTransactionId="a", transactionId="ta")
A_RESTATED = a_payload(
    "80.00", "2026-02-20", "Bakery GmbH", internalTransactionId="a", transactionId="ta"
)
B = a_payload("-25.00", "2026-02-02", "Garage", internalTransactionId="b", transactionId="tb")

PARTS = [SplitPart(Decimal(70), note="mine"), SplitPart(Decimal(30))]


class People:
    """A book, and the people who work on it."""

    def __init__(self, sessions: sessionmaker[Session], tenant_id: UUID) -> None:
        self.book = Book(sessions, tenant_id, {"a"})
        self.sessions, self.tenant_id = sessions, tenant_id
        with tenant_transaction(sessions, tenant_id) as session:
            self.invoice_id = add_invoice(session, tenant_id, total=Decimal(1_000_000)).id

    def pull(self, *booked: Any, pending: tuple[Any, ...] = ()) -> UUID:
        self.book.clock.now += timedelta(days=1)
        return self.book.pull("a", booked, pending).sync_run_id

    def row(self, internal_id: str = "a") -> Transaction:
        (found,) = [row for row in self.book.rows() if row.internal_id == internal_id]
        return found

    def annotate(self, transaction_id: UUID, category: str | None) -> None:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            say(session, self.tenant_id, transaction_id, category=category, note=category)

    def category(self, row: Transaction) -> str | None:
        """Return what people said that a transaction is for."""
        if row.category_source is not CategorySource.USER or row.category_id is None:
            return None  # others may be decided by what they say of this one
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            return get_category(session, self.tenant_id, row.category_id).name

    def split(self, transaction_id: UUID, parts: list[SplitPart]) -> None:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            replace_splits(session, self.tenant_id, transaction_id, parts, actor_id=None)

    def unsplit(self, transaction_id: UUID) -> None:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            delete_splits(session, self.tenant_id, transaction_id, actor_id=None)

    def delete(self, transaction_id: UUID) -> None:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            delete_transaction(
                session,
                self.tenant_id,
                transaction_id,
                queue=FakeQueue(),
                actor_id=None,
                now=self.book.clock(),
            )

    def restore(self, transaction_id: UUID) -> None:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            restore_transaction(
                session, self.tenant_id, transaction_id, queue=FakeQueue(), actor_id=None
            )

    def match(self, transaction_id: UUID, amount: int) -> None:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            create_match(
                session,
                self.tenant_id,
                transaction_id,
                paying((self.invoice_id, Decimal(amount))),
                actor_id=None,
                now=self.book.clock(),
            )

    def unmatch(self, transaction_id: UUID) -> None:
        where = MatchFilter(status=MatchStatus.CONFIRMED, transaction_id=transaction_id)
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            for match in list_matches(session, self.tenant_id, where=where).rows:
                reverse_match(
                    session, self.tenant_id, match.id, actor_id=None, now=self.book.clock()
                )

    def parts(self, transaction_id: UUID) -> list[SplitPart]:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            return [
                SplitPart(part.amount, part.category_id, part.note)
                for part in list_splits(session, self.tenant_id, transaction_id)
            ]

    def events(self) -> list[tuple[str, Mapping[str, Any]]]:
        kinds = (EventKind.TRANSACTION_OVER_ALLOCATED, EventKind.TRANSACTION_SPLITS_UNBALANCED)
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            events = session.scalars(
                select(Event).where(Event.kind.in_(kinds)).order_by(Event.occurred_at, Event.id)
            )
            return [(event.kind, event.payload) for event in events]

    def replay(self, *, apply: bool = True, version: int | None = None) -> AccountReplay:
        (report,) = replay(
            self.sessions,
            tenant_id=self.tenant_id,
            account_id=next(iter(self.book.accounts)),
            identity_version=version,
            apply=apply,
            clock=self.book.clock,
            progress=lambda *_: None,
        )
        return report

    def revert(self, run_id: UUID, *, is_trial: bool = False) -> Reversal:
        self.book.clock.now += timedelta(minutes=1)
        return revert_run(
            self.sessions,
            FakeQueue(),
            tenant_id=self.tenant_id,
            sync_run_id=run_id,
            connection_id=None,
            is_trial=is_trial,
            actor_id=None,
            clock=self.book.clock,
        )


@pytest.fixture
def people(sessions: sessionmaker[Session], tenant_id: UUID) -> People:
    return People(sessions, tenant_id)


class TestSplits:
    def test_stay_when_a_pending_row_books_with_another_text(self, people: People) -> None:
        reserved = a_payload("100.00", "2026-02-19", "Bakery reserved")
        people.pull(B, pending=(reserved,))
        (pending,) = [row for row in people.book.rows() if row.status is TransactionStatus.PENDING]
        people.split(pending.id, PARTS)

        people.pull(A, B)

        booked = people.row()
        assert (booked.id, booked.status) == (pending.id, TransactionStatus.BOOKED)
        assert people.parts(booked.id) == PARTS
        assert people.events() == []

    def test_that_no_longer_add_up_stay_and_are_told_of_once(self, people: People) -> None:
        people.pull(A, B)
        people.split(people.row().id, PARTS)

        people.pull(A_RESTATED, B)
        people.pull({**A_RESTATED, "purposeCode": "OTHR"}, B)

        assert people.parts(people.row().id) == PARTS
        assert people.events() == [
            (
                "transaction_splits_unbalanced",
                {
                    "amount": "80.00",
                    "currency": "EUR",
                    "split_total": "100.00",
                    "split_currency": "EUR",
                    "difference": "-20.00",
                },
            )
        ]

    def test_that_add_up_again_are_no_news_and_new_ones_are(self, people: People) -> None:
        people.pull(A, B)
        people.split(people.row().id, PARTS)
        for answer in (A_RESTATED, A, A_RESTATED):
            people.pull(answer, B)
        told_of_the_first = len(people.events())
        people.split(people.row().id, [SplitPart(Decimal(40)), SplitPart(Decimal(40))])

        people.pull(A, B)
        people.split(people.row().id, PARTS)
        people.pull(A_RESTATED, B)

        assert told_of_the_first == 1
        assert [payload["amount"] for _, payload in people.events()] == ["80.00", "100.00", "80.00"]

    def test_keep_a_row_that_the_bank_withdraws(self, people: People) -> None:
        people.pull(A, B)
        people.split(people.row().id, PARTS)

        for _ in range(3):
            people.pull(B)

        row = people.row()
        assert (row.status, row.missing_since is None) == (TransactionStatus.BOOKED, False)

    def test_stand_in_the_way_of_taking_back_the_run_that_added_the_row(
        self, people: People
    ) -> None:
        run = people.pull(A)
        people.split(people.row().id, PARTS)

        (blocker,) = people.revert(run, is_trial=True).blockers

        assert "was edited, split or matched" in blocker.message


class TestAllocations:
    def test_above_what_the_bank_restated_stay_and_are_told_of_once(self, people: People) -> None:
        people.pull(A, B)
        people.match(people.row().id, 90)

        for _ in range(2):
            people.pull(A_RESTATED, B)
            people.pull({**A_RESTATED, "purposeCode": "OTHR"}, B)

        row = people.row()
        assert (row.amount, row.allocated) == (Decimal(80), Decimal(90))
        assert row.match_status is TransactionMatchStatus.MATCHED
        assert people.events() == [
            (
                "transaction_over_allocated",
                {"amount": "80.00", "currency": "EUR", "allocated": "90.00"},
            )
        ]

    def test_below_it_are_no_news(self, people: People) -> None:
        people.pull(A, B)
        people.match(people.row().id, 80)

        people.pull(A_RESTATED, B)

        assert people.events() == []

    def test_are_named_by_a_replay(self, people: People) -> None:
        people.pull(A, B)
        people.match(people.row().id, 90)
        people.pull(A_RESTATED, B)
        with tenant_transaction(people.sessions, people.tenant_id) as session:
            row = session.get_one(Transaction, (people.tenant_id, people.row().id))
            row.amount, row.match_status = Decimal(100), TransactionMatchStatus.PARTIALLY_MATCHED

        (finding,) = people.replay(apply=False).findings

        assert finding.explain().endswith("Invoices are paid with more than it would come to.")

    def test_that_a_restatement_exceeds_fit_again_when_it_is_taken_back(
        self, people: People
    ) -> None:
        people.pull(A, B)
        people.match(people.row().id, 90)
        run = people.pull(A_RESTATED, B)
        (told,) = people.events()

        people.revert(run)

        row = people.row()
        assert (row.amount, row.allocated) == (Decimal(100), Decimal(90))
        assert row.match_status is TransactionMatchStatus.PARTIALLY_MATCHED
        assert people.events() == [told]

    def test_keep_a_sync_that_raised_the_amount_until_they_are_reversed(
        self, people: People
    ) -> None:
        people.pull(A_RESTATED, B)
        run = people.pull(A, B)
        people.match(people.row().id, 90)

        (blocker,) = people.revert(run, is_trial=True).blockers

        assert blocker.message == (
            f"Transaction {people.row().id} pays invoices with more than it came to before the "
            "sync: reverse that match first."
        )
        people.unmatch(people.row().id)
        people.revert(run)
        assert people.row().amount == Decimal(80)

    def test_keep_a_sync_that_booked_the_row_until_they_are_reversed(self, people: People) -> None:
        people.pull(B, pending=(a_payload("100.00", "2026-02-19", "Bakery reserved"),))
        run = people.pull(A, B)
        people.match(people.row().id, 90)

        (blocker,) = people.revert(run, is_trial=True).blockers

        assert "was not booked before the sync: reverse that match first" in blocker.message
        people.unmatch(people.row().id)
        people.revert(run)


class TestDeletion:
    def test_outlives_restated_text_and_amount_withdrawal_and_renewal(self, people: People) -> None:
        people.pull(A, B)
        deleted = people.row()
        people.delete(deleted.id)

        people.pull(A, B)
        people.pull(A_RESTATED, B)
        for _ in range(3):
            people.pull(B)
        assert people.row().status is TransactionStatus.BOOKED
        people.pull(A_RESTATED, B)
        with tenant_transaction(people.sessions, people.tenant_id) as session:
            account = session.scalars(select(Account)).one()
            account.provider_reference = "renewed"
        people.book.clock.now += timedelta(days=1)
        renewed = [{**row, "internalTransactionId": "new"} for row in (A_RESTATED, B)]
        people.book.pull("renewed", renewed, [])

        rows = people.book.rows()
        assert len(rows) == 2
        (row,) = [row for row in rows if row.deleted_at is not None]
        assert (row.id, row.status) == (deleted.id, TransactionStatus.BOOKED)

    def test_outlives_replays_by_every_version(self, people: People) -> None:
        people.pull(A, B)
        people.delete(people.row().id)
        people.pull(A_RESTATED, B)

        reports = [people.replay(), people.replay(apply=False, version=1)]

        assert [len(report.findings) for report in reports] == [0, 0]
        assert people.row().deleted_at is not None
        assert len(people.book.rows()) == 2

    def test_of_a_pending_row_stays_when_it_books(self, people: People) -> None:
        people.pull(B, pending=(a_payload("100.00", "2026-02-19", "Bakery reserved"),))
        (pending,) = [row for row in people.book.rows() if row.status is TransactionStatus.PENDING]
        people.delete(pending.id)

        people.pull(A, B)

        assert people.row().id == pending.id
        assert people.row().deleted_at is not None

    def test_stays_when_the_run_that_added_it_is_taken_back_and_when_that_is(
        self, people: People
    ) -> None:
        run = people.pull(A, B)
        deleted = people.row().id
        people.delete(deleted)

        reversal = people.revert(run)
        removed = people.row()
        assert reversal.run is not None
        people.revert(reversal.run.id)
        stands = people.row()
        people.pull(A, B)

        assert (removed.status, removed.deleted_at is None) == (TransactionStatus.REMOVED, False)
        assert (stands.status, stands.deleted_at is None) == (TransactionStatus.BOOKED, False)
        assert people.row().deleted_at is not None
        assert len(people.book.rows()) == 2

    def test_holds_a_replay_back_from_parting_it(self, people: People) -> None:
        people.pull(A, B)
        people.delete(people.row("b").id)
        with tenant_transaction(people.sessions, people.tenant_id) as session:
            raw = session.scalars(
                select(GcTransaction).where(GcTransaction.transaction_id == people.row().id)
            ).one()
            double = session.get_one(Transaction, (people.tenant_id, people.row().id))
            double.status, double.superseded_by = TransactionStatus.SUPERSEDED, people.row("b").id
            raw.transaction_id = people.row("b").id

        report = people.replay()

        (finding,) = [
            each for each in report.findings if each.verdict is ReplayVerdict.WOULD_DUPLICATE
        ]
        assert "Restore it to part it" in finding.explain()
        assert report.kept_back == [finding]
        assert len(people.book.rows()) == 2

    def test_does_not_hide_another_row_that_a_replay_finds_to_be_the_same(
        self, people: People
    ) -> None:
        people.pull(A, B)
        people.pull(A_RESTATED, B)
        with tenant_transaction(people.sessions, people.tenant_id) as session:
            one = people.row()
            columns = {
                column.key: getattr(one, column.key)
                for column in Transaction.__table__.columns
                if column.key not in {"id", "created_at", "updated_at", "is_credit"}
            }
            double = Transaction(**columns)
            session.add(double)
            session.flush()
            first = session.scalars(
                select(GcTransaction)
                .where(GcTransaction.transaction_id == one.id)
                .order_by(GcTransaction.position)
            ).first()
            assert first is not None
            first.transaction_id = double.id
        report = people.replay(apply=False)
        (finding,) = [each for each in report.findings if each.verdict is ReplayVerdict.WOULD_LOSE]
        assert finding.other_id is not None
        people.delete(finding.other_id)

        report = people.replay()

        (kept,) = report.kept_back
        assert "people deleted the other one" in kept.explain()
        standing = {row.id: row for row in people.book.rows()}
        assert standing[kept.transaction_id or uuid4()].status is TransactionStatus.BOOKED


# --- People and the bank, each doing anything in any order. ---

KEYS = ("a", "b", "c")
AMOUNTS = {"a": ("100.00", "40.00"), "b": ("200.00", "90.00"), "c": ("300.00", "310.00")}


@dataclass
class Said:
    """What people last said of a transaction."""

    category: str | None = None
    parts: list[SplitPart] = field(default_factory=list)
    is_deleted: bool = False
    allocated: Decimal = Decimal(0)


@dataclass
class Held:
    """What the bank has of a transaction."""

    amount: int = 0
    text: int = 0
    is_listed: bool = True
    is_booked: bool = True

    def payload(self, key: str) -> dict[str, Any]:
        text = f"Shop {key * 5} Berlin"
        ids = {"internalTransactionId": key, "transactionId": f"t{key}"}
        return a_payload(AMOUNTS[key][self.amount], "2026-02-25", text + " GmbH" * self.text, **ids)


_deeds = st.lists(
    st.tuples(
        st.sampled_from(
            "annotate split unsplit delete restore match unmatch "
            "pull amount text withdraw return replay revert revert_first".split()
        ),
        st.sampled_from(KEYS),
    ),
    min_size=1,
    max_size=12,
)


class Story:
    """People and a bank, and what ought to be so after all that they did."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.bank = {key: Held(is_booked=key != "c") for key in KEYS}
        self.runs = [self.pull()]
        rows = self.rows()
        self.ids = {
            key: next(row.id for row in rows if f"Shop {key * 5}" in (row.remittance or ""))
            for key in KEYS
        }
        self.bank["c"].is_booked = True
        self.said = {key: Said() for key in KEYS}

    def pull(self) -> UUID:
        held = [(key, one) for key, one in self.bank.items() if one.is_listed]
        return self.people.pull(
            *(one.payload(key) for key, one in held if one.is_booked),
            pending=tuple(one.payload(key) for key, one in held if not one.is_booked),
        )

    def do(self, deed: str, key: str) -> None:
        if deed in {"replay", "revert", "revert_first"}:
            self._look_back(deed)
        elif deed in {"delete", "match"}:
            self._try(deed, key)
        elif deed in {"annotate", "split", "unsplit", "restore", "unmatch"}:
            self._say(deed, key)
        else:
            self._change(deed, self.bank[key])
            self.runs.append(self.pull())

    def _say(self, deed: str, key: str) -> None:
        """Do something that people always may."""
        people, said, at = self.people, self.said[key], self.ids[key]
        match deed:
            case "annotate":
                said.category = f"{len(self.runs)}"
                people.annotate(at, said.category)
            case "split":
                amount = self.row(key).amount
                said.parts = [SplitPart(amount - 7, note="x"), SplitPart(Decimal(7), None, "y")]
                people.split(at, said.parts)
            case "unsplit":
                said.parts = []
                people.unsplit(at)
            case "restore":
                said.is_deleted = False
                people.restore(at)
            case "unmatch":
                said.allocated = Decimal(0)
                people.unmatch(at)

    def _try(self, deed: str, key: str) -> None:
        """Do something that may be refused, and is where it ought to be."""
        people, said, at, row = self.people, self.said[key], self.ids[key], self.row(key)
        if deed == "delete":
            if said.allocated:
                with pytest.raises(RuleError, match="reverse that, then delete it"):
                    people.delete(at)
                return
            people.delete(at)
            said.is_deleted = True
            return
        is_payment = row.status is TransactionStatus.BOOKED and not said.is_deleted
        if not is_payment or said.allocated + 60 > row.amount:
            with pytest.raises(RuleError):
                people.match(at, 60)
            return
        people.match(at, 60)
        said.allocated += 60

    def _look_back(self, deed: str) -> None:
        if deed == "replay":
            self.people.replay()
            return
        run_id = self.runs[-1] if deed == "revert" else self.runs[0]
        if self.people.revert(run_id, is_trial=True).blockers:
            return
        reversal = self.people.revert(run_id)
        assert reversal.run is not None
        self.runs.append(reversal.run.id)

    @staticmethod
    def _change(deed: str, held: Held) -> None:
        match deed:
            case "amount":
                held.amount = 1 - held.amount
            case "text":
                held.text = 1 - held.text
            case "withdraw":
                held.is_listed = False
            case "return":
                held.is_listed = True

    def check(self) -> None:
        rows = {row.id: row for row in self.rows()}
        assert set(rows) == set(self.ids.values())
        for key, said in self.said.items():
            row = rows[self.ids[key]]
            found = Said(
                category=self.people.category(row),
                parts=self.people.parts(row.id),
                is_deleted=row.deleted_at is not None,
                allocated=row.allocated,
            )
            assert found == said
            assert row.note == said.category

    def row(self, key: str) -> Transaction:
        (row,) = [row for row in self.rows() if row.id == self.ids[key]]
        return row

    def rows(self) -> list[Transaction]:
        book = self.people.book
        return [row for row in book.rows() if row.account_id in book.accounts]


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(deeds=_deeds)
@example(deeds=[("match", "a"), ("delete", "a"), ("unmatch", "a"), ("delete", "a")])
def test_what_people_last_said_is_so_after_any_story(
    sessions: sessionmaker[Session], tenant_id: UUID, deeds: list[tuple[str, str]]
) -> None:
    story = Story(People(sessions, tenant_id))
    for deed, key in deeds:
        story.do(deed, key)
        story.check()
