"""Each call to a bank is reserved before it is made, and settled by what became of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW, add_account, add_connection
from testing.fakes import FakeClock

from payymo.domain.banking import BalanceAnswer, Quota
from payymo.domain.enums import AccessScope, CallOutcome, Provider, SyncTrigger
from payymo.domain.errors import (
    AccountForbiddenError,
    ConsentExpiredError,
    ProviderError,
    ProviderQuotaError,
    ProviderResponseError,
    ProviderUnavailableError,
)
from payymo.domain.syncing import stagger
from payymo.postgres.common.operations.call_counts import read_call_counts
from payymo.postgres.common.operations.quotas import list_standings
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.base import Permit
from payymo.workflows.permits import (
    RESET_SPREAD,
    NoCallLeftError,
    PermitDesk,
    check_refresh,
    outcome_of,
)

BALANCES = AccessScope.BALANCES
SCHEDULE, REQUEST = SyncTrigger.SCHEDULE, SyncTrigger.REQUEST
LOST = ProviderUnavailableError("No answer.", is_unanswered=True)
DOWN = ProviderUnavailableError("Down.", http_status=503)


class Killed(BaseException):
    """The worker dies in the middle of a call."""


class Counter:
    """An account, and calls of its balances."""

    def __init__(self, sessions: sessionmaker[Session], tenant_id: UUID) -> None:
        self.sessions, self.tenant_id, self.clock = sessions, tenant_id, FakeClock()
        with tenant_transaction(sessions, tenant_id) as session:
            connection = add_connection(session, tenant_id)
            account = add_account(session, tenant_id, connection)
        self.connection_id, self.account_id = connection.id, account.id
        self.reference = account.provider_reference

    def call(
        self,
        ask: Callable[[Permit], BalanceAnswer] | None = None,
        *,
        trigger: SyncTrigger = SCHEDULE,
        quota: Quota | None = None,
    ) -> BalanceAnswer:
        desk = PermitDesk(
            self.sessions,
            self.tenant_id,
            self.connection_id,
            Provider.GOCARDLESS,
            trigger,
            self.clock,
        )
        answer = BalanceAnswer((), quota)
        return desk.call(self.account_id, self.reference, BALANCES, ask or (lambda _: answer))

    def fail(self, error: BaseException, trigger: SyncTrigger = SCHEDULE) -> None:
        def ask(_: Permit) -> BalanceAnswer:
            raise error

        with pytest.raises(type(error)):
            self.call(ask, trigger=trigger)

    def left(self) -> tuple[int, int]:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            standings = list_standings(
                session, self.tenant_id, {self.account_id: self.reference}, now=self.clock()
            )
        standing = standings[self.account_id][BALANCES]
        return standing.left_for_schedule, standing.left_for_people


@pytest.fixture
def counter(sessions: sessionmaker[Session], tenant_id: UUID) -> Counter:
    return Counter(sessions, tenant_id)


def repeated(errors: list[ProviderError], answers: list[bool]) -> Callable[[Permit], BalanceAnswer]:
    """Return a call that fails some times, and notes whether it may be made again."""

    def ask(permit: Permit) -> BalanceAnswer:
        for error in errors:
            answers.append(permit.renew(error))
            if not answers[-1]:
                raise error
        return BalanceAnswer((), None)

    return ask


class TestCall:
    def test_it_is_reserved_while_it_is_made(self, counter: Counter) -> None:
        seen = []

        def ask(_: Permit) -> BalanceAnswer:
            seen.append(counter.left())
            return BalanceAnswer((), Quota(BALANCES, 4, 3, NOW + timedelta(hours=9)))

        counter.call(ask)

        assert (seen, counter.left()) == ([(2, 3)], (2, 3))

    def test_without_a_call_left_nobody_is_asked(self, counter: Counter) -> None:
        for _ in range(3):
            counter.call()

        with pytest.raises(NoCallLeftError) as caught:
            counter.call(lambda _: pytest.fail("the bank was asked"))

        assert caught.value.call_at == NOW + timedelta(days=1)
        counter.call(trigger=REQUEST)  # one is kept for people

    def test_a_refusal_says_when_to_come_back_spread_over_some_minutes(
        self, counter: Counter
    ) -> None:
        until = NOW + timedelta(hours=2)
        refusal = ProviderQuotaError("Enough.", retry_at=until)
        counter.fail(refusal)

        assert refusal.retry_at == until + stagger(counter.connection_id, RESET_SPREAD)
        assert counter.left() == (0, 0)

    def test_a_worker_that_dies_leaves_its_call_counted(self, counter: Counter) -> None:
        counter.fail(Killed())

        assert counter.left() == (2, 3)
        counter.clock.now += timedelta(days=1, minutes=10)
        assert counter.left() == (3, 4)

    @pytest.mark.parametrize(
        ("error", "outcome", "left"),
        [
            (DOWN, CallOutcome.FAILED, (3, 4)),
            (LOST, CallOutcome.UNKNOWN, (2, 3)),
            (ProviderResponseError("Not JSON."), CallOutcome.UNKNOWN, (2, 3)),
            (ProviderResponseError("HTML.", http_status=418), CallOutcome.FAILED, (3, 4)),
            (ConsentExpiredError("Over.", http_status=401), CallOutcome.FAILED, (3, 4)),
            (ProviderQuotaError("Enough."), CallOutcome.EXHAUSTED, (0, 0)),
            (AccountForbiddenError("No."), CallOutcome.FORBIDDEN, (0, 0)),
        ],
    )
    def test_only_what_may_have_been_counted_is(
        self,
        counter: Counter,
        error: ProviderError,
        outcome: CallOutcome,
        left: tuple[int, int],
    ) -> None:
        assert outcome_of(error) is outcome
        counter.fail(error)

        assert counter.left() == left

    def test_each_outcome_is_counted_once(self, counter: Counter) -> None:
        def counts() -> dict[str, int]:
            with counter.sessions.begin() as session:
                found = read_call_counts(session)
            return {
                outcome: found.get((Provider.GOCARDLESS, BALANCES, outcome), 0)
                for outcome in CallOutcome
            }

        before = counts()
        for _ in range(3):
            counter.call()
        counter.fail(NoCallLeftError(NOW))
        counter.fail(DOWN, REQUEST)

        more = {name: count - before[name] for name, count in counts().items()}
        assert more == dict.fromkeys(CallOutcome, 0) | {
            "succeeded": 3,
            "withheld": 1,
            "failed": 1,
        }


class TestRepeats:
    def test_each_try_is_a_call_of_its_own(self, counter: Counter) -> None:
        answers: list[bool] = []
        counter.call(repeated([LOST, LOST], answers))

        assert (answers, counter.left()) == ([True, True], (0, 1))

    def test_the_persons_call_is_not_spent_on_them(self, counter: Counter) -> None:
        counter.call()
        answers: list[bool] = []
        with pytest.raises(ProviderUnavailableError):
            counter.call(repeated([LOST, LOST, LOST], answers))

        assert (answers, counter.left()) == ([True, False], (0, 1))

    def test_a_persons_call_that_was_not_counted_is_made_again(self, counter: Counter) -> None:
        for _ in range(3):
            counter.call()
        answers: list[bool] = []
        counter.call(repeated([DOWN, DOWN], answers), trigger=REQUEST)

        assert (answers, counter.left()) == ([True, True], (0, 0))


class TestCheckRefresh:
    def check(self, counter: Counter) -> list[tuple[UUID, datetime]]:
        with tenant_transaction(counter.sessions, counter.tenant_id) as session:
            waiting = check_refresh(
                session, counter.tenant_id, counter.connection_id, now=counter.clock()
            )
        return [(each.account_id, each.until) for each in waiting]

    def test_a_connection_without_accounts_to_read_waits_for_nothing(
        self, counter: Counter
    ) -> None:
        assert self.check(counter) == []
