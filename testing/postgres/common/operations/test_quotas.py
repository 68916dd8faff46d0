"""Calls are reserved by one at a time, and what is known of them outlives who made them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from testing.factories import NOW, add_account, add_tenant

from payymo.domain.banking import Quota
from payymo.domain.enums import AccessScope, CallOutcome, CallPurpose, Provider
from payymo.postgres.common.models import AccountQuota
from payymo.postgres.common.operations.call_counts import count_call, read_call_counts
from payymo.postgres.common.operations.quotas import (
    Target,
    end_call,
    find_next_call,
    list_standings,
    record_made_call,
    take_call,
)
from payymo.postgres.core import create_app_engine, create_sessions
from payymo.postgres.tenancy import tenant_transaction

TRANSACTIONS, BALANCES = AccessScope.TRANSACTIONS, AccessScope.BALANCES
AUTOMATIC, PERSONAL = CallPurpose.AUTOMATIC, CallPurpose.PERSONAL
RESET = NOW + timedelta(hours=5)


@pytest.fixture
def target(session: Session, tenant_id: UUID) -> Target:
    account = add_account(session, tenant_id)
    return Target(account.id, account.provider_reference, TRANSACTIONS)


def left(session: Session, tenant_id: UUID, target: Target) -> tuple[int, int]:
    references = {target.account_id: target.reference}
    standings = list_standings(session, tenant_id, references, now=NOW)
    standing = standings[target.account_id][target.scope]
    return standing.left_for_schedule, standing.left_for_people


class TestTakeAndEnd:
    def test_a_call_is_taken_before_it_is_made_and_given_back_if_it_fails(
        self, session: Session, tenant_id: UUID, target: Target
    ) -> None:
        call_id = take_call(session, tenant_id, target, purpose=AUTOMATIC, now=NOW)
        assert left(session, tenant_id, target) == (2, 3)

        assert call_id is not None
        end_call(session, tenant_id, target, call_id, CallOutcome.FAILED, now=NOW)
        assert left(session, tenant_id, target) == (3, 4)

    def test_all_that_is_known_is_read_again_as_it_was_written(
        self, session: Session, tenant_id: UUID, target: Target
    ) -> None:
        record_made_call(session, tenant_id, target, Quota(TRANSACTIONS, 10, 2, RESET), now=NOW)
        session.expire_all()

        assert left(session, tenant_id, target) == (1, 2)
        assert take_call(session, tenant_id, target, purpose=AUTOMATIC, now=NOW) is not None
        assert take_call(session, tenant_id, target, purpose=AUTOMATIC, now=NOW) is None
        delay = timedelta(minutes=3)
        assert find_next_call(session, tenant_id, target, delay=delay, now=NOW) == (
            RESET + timedelta(seconds=1) + delay
        )

    def test_each_scope_has_calls_of_its_own(
        self, session: Session, tenant_id: UUID, target: Target
    ) -> None:
        other = Target(target.account_id, target.reference, BALANCES)
        take_call(session, tenant_id, target, purpose=AUTOMATIC, now=NOW)

        assert left(session, tenant_id, other) == (3, 4)

    def test_under_another_id_the_provider_counts_anew(
        self, session: Session, tenant_id: UUID, target: Target
    ) -> None:
        record_made_call(session, tenant_id, target, Quota(TRANSACTIONS, 4, 0, RESET), now=NOW)
        renewed = Target(target.account_id, "another", TRANSACTIONS)

        assert left(session, tenant_id, renewed) == (3, 4)
        assert take_call(session, tenant_id, renewed, purpose=AUTOMATIC, now=NOW) is not None
        assert left(session, tenant_id, renewed) == (2, 3)

    def test_another_tenant_sees_and_takes_nothing(
        self, session: Session, tenant_id: UUID, other_tenant_id: UUID, target: Target
    ) -> None:
        take_call(session, tenant_id, target, purpose=AUTOMATIC, now=NOW)

        assert left(session, other_tenant_id, target) == (3, 4)
        rows = session.scalars(select(AccountQuota.tenant_id)).all()
        assert set(rows) <= {tenant_id}


def test_of_many_at_once_only_as_many_as_are_left_have_a_call(
    database: str,
) -> None:
    engine = create_app_engine(database)
    sessions = create_sessions(engine)
    with sessions.begin() as session:
        tenant_id = add_tenant(session)
    with tenant_transaction(sessions, tenant_id) as session:
        account = add_account(session, tenant_id)
        target = Target(account.id, account.provider_reference, TRANSACTIONS)

    def take(purpose: CallPurpose) -> UUID | None:
        with tenant_transaction(sessions, tenant_id) as session:
            return take_call(session, tenant_id, target, purpose=purpose, now=NOW)

    with ThreadPoolExecutor(6) as pool:
        automatic = list(pool.map(take, [AUTOMATIC] * 6))
        personal = list(pool.map(take, [PERSONAL] * 3))

    engine.dispose()
    assert sum(call_id is not None for call_id in automatic) == 3
    assert sum(call_id is not None for call_id in personal) == 1


def test_calls_are_counted_for_all_tenants_together(session: Session) -> None:
    before = read_call_counts(session)
    key = (Provider.GOCARDLESS, BALANCES, CallOutcome.WITHHELD)
    for _ in range(2):
        count_call(session, *key)

    session.expire_all()
    assert read_call_counts(session) == {**before, key: before.get(key, 0) + 2}
