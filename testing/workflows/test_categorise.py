"""New rows get a category as they come, known ones on request, and what people chose stands."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW, add_account, add_category, add_transaction, say
from testing.fakes import FakeClock, FakeQueue, a_payload
from testing.workflows.test_standardise import Book

from payymo.domain.categories.rules import Conditions
from payymo.domain.enums import CategorySet, CategorySource, TransactionStatus
from payymo.domain.errors import InvalidInputError, NotFoundError
from payymo.postgres.categories.operations.categories import add_category_set, find_category
from payymo.postgres.categories.operations.rules import create_rule, delete_rule
from payymo.postgres.common.models import Account, Transaction
from payymo.postgres.common.operations.categorisation import (
    categorise_transactions,
    choose_category,
    release_category,
)
from payymo.postgres.tenancy import enter_tenant, tenant_transaction
from payymo.workflows.categorise import (
    CategoriseReport,
    RuleDraft,
    RuleTrial,
    categorise_all,
    try_rule,
)
from payymo.workflows.replay import replay
from payymo.workflows.undo import revert_run

USER, RULE, LEARNED = CategorySource.USER, CategorySource.RULE, CategorySource.LEARNED
DEFAULT, NONE = CategorySource.DEFAULT, CategorySource.NONE


@pytest.fixture
def account(session: Session, tenant_id: UUID) -> Account:
    return add_account(session, tenant_id, iban="DE89370400440532013000")


@pytest.fixture
def office(session: Session, tenant_id: UUID) -> UUID:
    return add_category(session, tenant_id, "Office").id


def a_row(session: Session, account: Account, payee: str | None, **columns: Any) -> Transaction:
    defaults = {"amount": Decimal(-10), "payee": payee}
    return add_transaction(session, account.tenant_id, account, **defaults | columns)


def a_rule(session: Session, tenant_id: UUID, category_id: UUID, payee: str, **more: Any) -> UUID:
    return create_rule(
        session,
        tenant_id,
        name=payee,
        category_id=category_id,
        conditions=Conditions(payees=(payee,)),
        actor_id=None,
        **more,
    ).id


def decide(session: Session, *rows: Transaction) -> int:
    (tenant_id,) = {row.tenant_id for row in rows}
    changed = categorise_transactions(session, tenant_id, [row.id for row in rows], now=NOW)
    for row in rows:
        session.refresh(row)
    return changed


def said(row: Transaction) -> tuple[UUID | None, CategorySource, UUID | None]:
    return row.category_id, row.category_source, row.category_rule_id


class TestDeciding:
    def test_a_person_then_a_rule_then_memory_then_a_default(
        self, session: Session, tenant_id: UUID, account: Account, office: UUID
    ) -> None:
        add_category_set(session, tenant_id, CategorySet.HOUSEHOLD, actor_id=None)
        groceries = find_category(session, tenant_id, "Groceries")
        fun = add_category(session, tenant_id, "Fun").id
        assert groceries is not None
        rule_id = a_rule(session, tenant_id, office, "stationer")
        taught = a_row(session, account, "Corner Shop 12")
        choose_category(session, tenant_id, taught.id, fun, now=NOW)
        rows = [
            a_row(session, account, "Stationer", merchant_category_code="5411"),
            a_row(session, account, "CORNER SHOP 99", merchant_category_code="5411"),
            a_row(session, account, "Other", merchant_category_code="5411"),
            a_row(session, account, "Other"),
        ]

        assert decide(session, taught, *rows) == 3
        assert [said(row) for row in (taught, *rows)] == [
            (fun, USER, None),
            (office, RULE, rule_id),
            (fun, LEARNED, None),
            (groceries.id, DEFAULT, None),
            (None, NONE, None),
        ]
        assert decide(session, taught, *rows) == 0

    def test_money_between_own_accounts_only_moves(
        self, session: Session, tenant_id: UUID, account: Account
    ) -> None:
        add_category_set(session, tenant_id, CategorySet.HOUSEHOLD, actor_id=None)
        row = a_row(session, account, "Myself", counterparty_iban=account.iban)

        decide(session, row)

        own = find_category(session, tenant_id, "Own accounts")
        assert own is not None
        assert said(row) == (own.id, DEFAULT, None)

    def test_that_nothing_is_for_anything_is_a_word_too(
        self, session: Session, tenant_id: UUID, account: Account, office: UUID
    ) -> None:
        a_rule(session, tenant_id, office, "shop")
        row = a_row(session, account, "Shop")
        choose_category(session, tenant_id, row.id, None, now=NOW)

        assert decide(session, row) == 0
        assert said(row) == (None, USER, None)

        release_category(session, tenant_id, row.id)
        assert decide(session, row) == 1
        assert row.category_source is RULE

    def test_a_word_that_is_taken_back_teaches_nothing(
        self, session: Session, tenant_id: UUID, account: Account, office: UUID
    ) -> None:
        taught, row = a_row(session, account, "Shop"), a_row(session, account, "Shop")
        choose_category(session, tenant_id, taught.id, office, now=NOW)
        decide(session, row)
        assert said(row) == (office, LEARNED, None)

        release_category(session, tenant_id, taught.id)
        decide(session, row, taught)

        assert said(row) == said(taught) == (None, NONE, None)

    def test_a_rule_that_goes_leaves_what_it_said(
        self, session: Session, tenant_id: UUID, account: Account, office: UUID
    ) -> None:
        rule_id = a_rule(session, tenant_id, office, "shop")
        row = a_row(session, account, "Shop")
        decide(session, row)

        delete_rule(session, tenant_id, rule_id, actor_id=None)
        session.refresh(row)
        assert said(row) == (office, RULE, None)

        decide(session, row)
        assert said(row) == (None, NONE, None)

    def test_another_tenants_rules_and_choices_are_no_matter(
        self,
        session: Session,
        tenant_id: UUID,
        other_tenant_id: UUID,
        account: Account,
        office: UUID,
    ) -> None:
        a_rule(session, tenant_id, office, "shop")
        taught = a_row(session, account, "Bakery")
        choose_category(session, tenant_id, taught.id, office, now=NOW)
        enter_tenant(session, other_tenant_id)
        add_category(session, other_tenant_id)
        foreign = add_account(session, other_tenant_id)
        rows = [a_row(session, foreign, "Shop"), a_row(session, foreign, "Bakery")]

        assert decide(session, *rows) == 0
        with pytest.raises(NotFoundError):
            choose_category(session, other_tenant_id, taught.id, None, now=NOW)
        with pytest.raises(NotFoundError):
            release_category(session, other_tenant_id, taught.id)


class TestSyncs:
    @pytest.fixture
    def book(self, sessions: sessionmaker[Session], tenant_id: UUID) -> Book:
        with tenant_transaction(sessions, tenant_id) as session:
            office = add_category(session, tenant_id, "Office").id
            a_rule(session, tenant_id, office, "stationer")
        return Book(sessions, tenant_id, {"a"})

    @staticmethod
    def pull(book: Book, *rows: dict[str, Any], pending: tuple[Any, ...] = ()) -> UUID:
        book.clock.now += timedelta(days=1)
        return book.pull("a", rows, pending).sync_run_id

    @staticmethod
    def row(book: Book, internal_id: str = "1") -> Transaction:
        (found,) = [row for row in book.rows() if row.internal_id == internal_id]
        return found

    @staticmethod
    def payload(name: str, internal_id: str = "1", amount: str = "-10.00") -> dict[str, Any]:
        return a_payload(
            amount, "2026-02-20", "x", creditorName=name, internalTransactionId=internal_id
        )

    def test_new_rows_are_decided_on_as_they_come(self, book: Book) -> None:
        self.pull(book, self.payload("Stationer"), self.payload("Other", "2"))

        assert self.row(book).category_source is RULE
        assert self.row(book, "2").category_source is NONE

    def test_a_restated_row_is_decided_on_anew(self, book: Book) -> None:
        self.pull(book, self.payload("Other"))
        self.pull(book, self.payload("Other Stationer"))

        assert self.row(book).category_source is RULE

    def test_what_a_person_chose_outlives_restatements_undo_and_replay(self, book: Book) -> None:
        self.pull(book, self.payload("Other"))
        chosen = self.row(book)
        with tenant_transaction(book.sessions, book.tenant_id) as session:
            say(session, book.tenant_id, chosen.id, category="Books", note=None)
        wanted = said(self.row(book))
        assert wanted[1] is USER

        run_id = self.pull(book, self.payload("Other Stationer"))
        assert said(self.row(book)) == wanted
        replay(
            book.sessions,
            tenant_id=book.tenant_id,
            account_id=None,
            apply=True,
            clock=book.clock,
            progress=lambda _done, _total: None,
        )
        assert said(self.row(book)) == wanted
        categorise_all(
            book.sessions, book.tenant_id, clock=book.clock, progress=lambda _done, _total: None
        )
        assert said(self.row(book)) == wanted
        revert_run(
            book.sessions,
            FakeQueue(),
            tenant_id=book.tenant_id,
            sync_run_id=run_id,
            connection_id=None,
            is_trial=False,
            actor_id=None,
            clock=book.clock,
        )
        assert said(self.row(book)) == wanted


class TestAll:
    @pytest.fixture
    def rows(self, session: Session, tenant_id: UUID, account: Account) -> list[UUID]:
        for number in range(7):
            a_row(session, account, "Shop" if number % 2 else "Bakery")
        return list(session.scalars(select(Transaction.id).order_by(Transaction.id)))

    def test_known_rows_are_brought_in_line_some_at_a_time(
        self,
        sessions: sessionmaker[Session],
        session: Session,
        tenant_id: UUID,
        rows: list[UUID],
        office: UUID,
    ) -> None:
        a_rule(session, tenant_id, office, "shop")
        choose_category(session, tenant_id, rows[0], office, now=NOW)
        told: list[tuple[int, int]] = []

        first = categorise_all(
            sessions,
            tenant_id,
            clock=FakeClock(),
            progress=lambda *how: told.append(how),
            batch=3,
        )
        again = categorise_all(
            sessions, tenant_id, clock=FakeClock(), progress=lambda *how: None, batch=3
        )

        # Of seven rows three are of the shop; the three others of the bakery learn from the first.
        assert first == CategoriseReport(transaction_count=7, changed_count=6, kept_count=1)
        assert again == CategoriseReport(transaction_count=7, changed_count=0, kept_count=1)
        assert told == [(0, 7), (3, 7), (6, 7), (7, 7)]

    def test_what_was_deleted_or_superseded_is_left_alone(
        self,
        sessions: sessionmaker[Session],
        session: Session,
        tenant_id: UUID,
        account: Account,
        office: UUID,
    ) -> None:
        a_rule(session, tenant_id, office, "shop")
        a_row(session, account, "Shop", deleted_at=NOW)
        a_row(session, account, "Shop", status=TransactionStatus.SUPERSEDED)

        report = categorise_all(
            sessions, tenant_id, clock=FakeClock(), progress=lambda *how: None, batch=3
        )

        assert report == CategoriseReport(0, 0, 0)


class TestTrial:
    def draft(self, category_id: UUID, payee: str = "shop", **more: Any) -> RuleDraft:
        return RuleDraft(category_id, Conditions(payees=(payee,)), **more)

    def counts(self, trial: RuleTrial) -> tuple[int, int, int, int, int]:
        return (
            trial.transaction_count,
            trial.matched_count,
            trial.changed_count,
            trial.chosen_count,
            trial.earlier_count,
        )

    def test_says_what_would_change_and_changes_nothing(
        self, session: Session, tenant_id: UUID, account: Account, office: UUID
    ) -> None:
        fun = add_category(session, tenant_id, "Fun").id
        a_rule(session, tenant_id, fun, "toy")
        has_it = a_row(session, account, "Shop", category_id=office, category_source=LEARNED)
        chosen = a_row(session, account, "Shop")
        choose_category(session, tenant_id, chosen.id, fun, now=NOW)
        toys = a_row(session, account, "Toy Shop")
        new = a_row(session, account, "Shop")
        a_row(session, account, "Bakery")

        trial = try_rule(session, tenant_id, self.draft(office))

        assert self.counts(trial) == (5, 4, 1, 1, 1)
        assert [(s.judged.id, s.is_changed) for s in trial.samples] == [
            (new.id, True),
            (toys.id, False),
            (chosen.id, False),
            (has_it.id, False),
        ]
        assert self.counts(try_rule(session, tenant_id, self.draft(office, position=1))) == (
            5, 4, 2, 1, 0,
        )  # fmt: skip
        for row in (new, toys):
            session.refresh(row)
            assert row.category_source is NONE

    def test_a_rule_that_is_changed_is_tried_in_its_place(
        self, session: Session, tenant_id: UUID, account: Account, office: UUID
    ) -> None:
        fun = add_category(session, tenant_id, "Fun").id
        first = a_rule(session, tenant_id, fun, "bakery")
        a_rule(session, tenant_id, fun, "shop")
        row = a_row(session, account, "Shop")

        in_place = try_rule(session, tenant_id, self.draft(office, rule_id=first))
        moved = try_rule(session, tenant_id, self.draft(office, rule_id=first, position=2))

        assert [sample.judged.id for sample in in_place.samples] == [row.id]
        assert self.counts(in_place) == (1, 1, 1, 0, 0)
        assert self.counts(moved) == (1, 1, 0, 0, 1)

    def test_no_more_are_shown_than_anybody_reads(
        self, session: Session, tenant_id: UUID, account: Account, office: UUID
    ) -> None:
        for _ in range(25):
            a_row(session, account, "Shop")

        trial = try_rule(session, tenant_id, self.draft(office))

        assert trial.changed_count == 25
        assert len(trial.samples) == 20

    def test_what_cannot_be_tried_is_refused(
        self, session: Session, tenant_id: UUID, office: UUID
    ) -> None:
        with pytest.raises(NotFoundError):
            try_rule(session, tenant_id, self.draft(uuid4()))
        with pytest.raises(NotFoundError):
            try_rule(session, tenant_id, self.draft(office, rule_id=uuid4()))
        with pytest.raises(InvalidInputError):
            try_rule(session, tenant_id, RuleDraft(office, Conditions()))


_PAYEES = ["Shop", "Bakery", "Garage"]
_deeds = st.lists(
    st.tuples(
        st.sampled_from(["choose", "none", "release", "rule", "unrule", "apply", "new"]),
        st.integers(0, 5),
        st.integers(0, 2),
    ),
    max_size=12,
)


class Story:
    """People and rules, and what each row must say for it."""

    def __init__(self, session: Session, tenant_id: UUID) -> None:
        self.session, self.tenant_id, self.clock = session, tenant_id, NOW
        self.account = add_account(session, tenant_id)
        self.kinds = [add_category(session, tenant_id, f"{uuid4()}").id for _ in range(3)]
        self.rows = [a_row(session, self.account, payee) for payee in _PAYEES]
        self.words: dict[UUID, UUID | None] = {}
        self.rules: list[tuple[UUID, str, UUID]] = []

    def do(self, deed: str, which: int, kind: int) -> None:
        row, payee, category_id = self.rows[which % len(self.rows)], _PAYEES[which % 3], None
        self.clock += timedelta(minutes=1)
        match deed:
            case "choose" | "none":
                category_id = self.kinds[kind] if deed == "choose" else None
                choose_category(self.session, self.tenant_id, row.id, category_id, now=self.clock)
                self.words[row.id] = category_id
            case "release":
                release_category(self.session, self.tenant_id, row.id)
                self.words.pop(row.id, None)
            case "rule":
                made = a_rule(self.session, self.tenant_id, self.kinds[kind], payee)
                self.rules.append((made, payee, self.kinds[kind]))
            case "unrule" if self.rules:
                gone = self.rules.pop(which % len(self.rules))
                delete_rule(self.session, self.tenant_id, gone[0], actor_id=None)
            case "new":
                self.rows.append(a_row(self.session, self.account, payee))
            case _:
                decide(self.session, *self.rows)

    def check(self) -> None:
        decide(self.session, *self.rows)
        for row in self.rows:
            rule = next((rule for rule in self.rules if rule[1] == row.payee), None)
            if row.id in self.words:
                assert said(row) == (self.words[row.id], USER, None)
            elif rule is not None:
                assert said(row) == (rule[2], RULE, rule[0])
            else:
                taught = {
                    self.words.get(other.id) for other in self.rows if other.payee == row.payee
                } - {None}
                assert row.category_source is (LEARNED if taught else NONE)
                assert row.category_id in (taught or {None})


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(deeds=_deeds)
def test_what_people_last_said_stands_after_any_story(
    sessions: sessionmaker[Session], tenant_id: UUID, deeds: list[tuple[str, int, int]]
) -> None:
    """And once rules are applied, every other row says what its first matching rule says."""
    with sessions() as session:
        enter_tenant(session, tenant_id)
        story = Story(session, tenant_id)
        for deed in deeds:
            story.do(*deed)
        story.check()
        session.rollback()


def test_a_refund_is_decided_on_by_itself(
    session: Session, tenant_id: UUID, account: Account, office: UUID
) -> None:
    taught = a_row(session, account, "Shop")
    choose_category(session, tenant_id, taught.id, office, now=NOW)
    refund = a_row(session, account, "Shop", amount=Decimal(10))

    decide(session, refund)

    assert said(refund) == (None, NONE, None)
