"""Which decisions count, and as what."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session
from testing.factories import (
    add_account,
    add_customer,
    add_decisions,
    add_invoice,
    add_transaction,
    paying,
)

from payymo.domain.errors import NotFoundError
from payymo.domain.matching.engine import ENGINE_VERSION
from payymo.domain.matching.recalibration import Decision
from payymo.postgres.reconciliation.operations.decisions import create_match, reverse_match
from payymo.postgres.reconciliation.operations.match_runs import (
    get_match_run,
    list_applied,
    reverse_match_run,
)
from payymo.postgres.reconciliation.operations.matches import get_match, list_matches
from payymo.postgres.reconciliation.operations.track_records import affirm_match, list_decisions
from payymo.postgres.tenancy import enter_tenant
from payymo.workflows.judging import learn
from payymo.workflows.reconcile import match_payments

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
VERSION = "of the tests"


def decisions(session: Session, tenant_id: UUID) -> list[Decision]:
    return sorted(list_decisions(session, tenant_id, engine_version=VERSION))


def test_confirmed_is_right_and_rejected_is_wrong(session: Session, tenant_id: UUID) -> None:
    account = add_account(session, tenant_id)
    add_decisions(session, tenant_id, account, [(0.9, True), (0.8, False)], engine_version=VERSION)

    assert decisions(session, tenant_id) == [Decision(0.8, False), Decision(0.9, True)]


def test_confirmations_faster_than_anybody_reads_count_for_nothing(
    session: Session, tenant_id: UUID
) -> None:
    account = add_account(session, tenant_id)
    add_decisions(
        session,
        tenant_id,
        account,
        [(0.9, True), (0.91, True), (0.92, False)],
        engine_version=VERSION,
        pause=timedelta(seconds=1),
    )

    # The first was as long on the screen as anything; a rejection is never given away.
    assert decisions(session, tenant_id) == [Decision(0.9, True), Decision(0.92, False)]


def test_another_engine_has_a_record_of_its_own(session: Session, tenant_id: UUID) -> None:
    account = add_account(session, tenant_id)
    add_decisions(session, tenant_id, account, [(0.9, True)], engine_version="older")

    assert decisions(session, tenant_id) == []


def test_another_tenants_decisions_are_not_seen(
    session: Session, tenant_id: UUID, other_tenant_id: UUID
) -> None:
    enter_tenant(session, other_tenant_id)
    account = add_account(session, other_tenant_id)
    add_decisions(session, other_tenant_id, account, [(0.9, False)] * 150)
    enter_tenant(session, tenant_id)

    judge = learn(session, tenant_id, now=NOW)

    assert (judge.calibration_version, judge.record.decided) == (None, 0)


class TestWhatPayymoApplied:
    @pytest.fixture
    def applied(self, session: Session, tenant_id: UUID) -> UUID:
        """A match that was applied by itself."""
        account, customer = add_account(session, tenant_id), add_customer(session, tenant_id)
        add_invoice(session, tenant_id, customer, number="INV-2026-0042", total=Decimal("119.00"))
        add_transaction(
            session,
            tenant_id,
            account,
            amount=Decimal("119.00"),
            remittance="Invoice INV-2026-0042",
        )
        report = match_payments(session, tenant_id, now=NOW)
        assert report.applied_count == 1
        return list_matches(session, tenant_id).rows[0].id

    def rights(self, session: Session, tenant_id: UUID) -> list[bool]:
        return [
            each.is_right
            for each in list_decisions(session, tenant_id, engine_version=ENGINE_VERSION)
        ]

    def test_does_not_count(self, session: Session, tenant_id: UUID, applied: UUID) -> None:
        assert self.rights(session, tenant_id) == []

    def test_counts_as_right_once_somebody_affirms_it(
        self, session: Session, tenant_id: UUID, applied: UUID
    ) -> None:
        actor_id = uuid4()

        assert affirm_match(session, tenant_id, applied, actor_id=actor_id, now=NOW)
        assert not affirm_match(session, tenant_id, applied, actor_id=actor_id, now=NOW)

        assert self.rights(session, tenant_id) == [True]

    def test_counts_as_wrong_once_somebody_reverses_it(
        self, session: Session, tenant_id: UUID, applied: UUID
    ) -> None:
        reverse_match(session, tenant_id, applied, actor_id=uuid4(), now=NOW)

        assert self.rights(session, tenant_id) == [False]

    def test_taking_a_whole_run_back_says_nothing_of_each_match(
        self, session: Session, tenant_id: UUID, applied: UUID
    ) -> None:
        run_id = get_match(session, tenant_id, applied).applied_run_id
        assert run_id is not None
        run = get_match_run(session, tenant_id, run_id)
        applied_ids = list_applied(session, tenant_id, run_id)

        reverse_match_run(session, run, applied_ids, actor_id=uuid4(), now=NOW)

        assert self.rights(session, tenant_id) == []

    def test_another_tenant_does_not_find_it(
        self, session: Session, other_tenant_id: UUID, applied: UUID
    ) -> None:
        enter_tenant(session, other_tenant_id)

        with pytest.raises(NotFoundError):
            affirm_match(session, other_tenant_id, applied, actor_id=uuid4(), now=NOW)


@pytest.mark.parametrize(("chosen", "expected"), [("0042", []), ("0043", [False])])
def test_a_suggestion_counts_as_wrong_when_a_person_matches_otherwise(
    session: Session, tenant_id: UUID, chosen: str, expected: list[bool]
) -> None:
    account, customer = add_account(session, tenant_id), add_customer(session, tenant_id)
    invoices = {
        number: add_invoice(
            session, tenant_id, customer, number=f"INV-2026-{number}", total=Decimal("200.00")
        )
        for number in ("0042", "0043")
    }
    payment = add_transaction(
        session, tenant_id, account, amount=Decimal("119.00"), remittance="INV-2026-0042"
    )
    assert match_payments(session, tenant_id, now=NOW).suggested_count == 1

    shares = paying((invoices[chosen].id, Decimal("119.00")))
    create_match(session, tenant_id, payment.id, shares, actor_id=uuid4(), now=NOW)

    found = list_decisions(session, tenant_id, engine_version=ENGINE_VERSION)
    assert [each.is_right for each in found] == expected


class TestLearning:
    def test_a_curve_is_learnt_kept_and_used(self, session: Session, tenant_id: UUID) -> None:
        account = add_account(session, tenant_id)
        # The engine says 0.97 and is right in 8 of 10.
        add_decisions(session, tenant_id, account, [(0.97, place % 5 > 0) for place in range(120)])

        judge = learn(session, tenant_id, now=NOW)

        assert judge.calibration_version == 1
        # 96 of 120 are fewer than the shipped curve says of the three steps below, so all four are
        # one level: (96 + 12 times 0.97 + 0.945 + 0.905 + 0.84) of 120 + 4 times 12.
        assert judge.curve(0.97) == pytest.approx(139.92 / 168)
        # Nothing of that seems as sure as the threshold any more.
        assert judge.record.decided == 0

    def test_it_is_learnt_anew_after_25_decisions_or_a_day_with_any(
        self, session: Session, tenant_id: UUID
    ) -> None:
        account = add_account(session, tenant_id)
        versions = []
        for count, now in [
            (99, NOW),
            (1, NOW),
            (24, NOW + timedelta(hours=1)),
            (1, NOW + timedelta(hours=2)),
            (1, NOW + timedelta(hours=25)),
            (0, NOW + timedelta(hours=27)),
            (0, NOW + timedelta(days=9)),
        ]:
            add_decisions(session, tenant_id, account, [(0.97, True)] * count)
            versions.append(learn(session, tenant_id, now=now).calibration_version)

        assert versions == [None, 1, 1, 2, 2, 3, 3]
