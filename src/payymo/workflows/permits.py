"""Leave to ask a bank: each call is reserved before it is made, and settled once its end is known.

Both are short transactions of their own. A call whose end nobody wrote down, because the worker
died, stays counted until no window of the provider's can hold it any more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.banking import Clock, Quota
from payymo.domain.consents import READABLE
from payymo.domain.enums import AccessScope, CallOutcome, CallPurpose, Provider, SyncTrigger
from payymo.domain.errors import (
    AccountForbiddenError,
    Problem,
    ProviderError,
    ProviderQuotaError,
    ProviderResponseError,
    RuleError,
)
from payymo.domain.faults import FORBIDDEN_REST
from payymo.domain.quotas import purpose_of, purpose_of_repeat
from payymo.domain.syncing import stagger
from payymo.postgres.common.models import Account
from payymo.postgres.common.operations.accounts import list_connection_accounts
from payymo.postgres.common.operations.call_counts import count_call
from payymo.postgres.common.operations.connections import get_connection
from payymo.postgres.common.operations.quotas import (
    Target,
    end_call,
    find_next_call,
    list_standings,
    take_call,
)
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.base import Permit

#: Within how long connections come back after a reset that many share.
RESET_SPREAD: Final = timedelta(minutes=30)


class Told(Protocol):
    """An answer, with what it says is left."""

    @property
    def quota(self) -> Quota | None:
        """What is left, where it says so."""


class NoCallLeftError(ProviderQuotaError):
    """The call was not made: none is left that may be used for it.

    :param call_at: When there is one again (aware).
    """

    def __init__(self, call_at: datetime) -> None:
        super().__init__("The bank allows no more requests for this account for now.")
        self.call_at = call_at


@dataclass(frozen=True, slots=True)
class PermitDesk:
    """Gives the calls of one sync leave.

    :ivar connection_id: What is synced.
    :ivar trigger: Why.
    :ivar clock: Tells the time (aware).
    """

    sessions: sessionmaker[Session]
    tenant_id: UUID
    connection_id: UUID
    provider: Provider
    trigger: SyncTrigger
    clock: Clock

    def call[Answer: Told](
        self,
        account_id: UUID,
        reference: str,
        scope: AccessScope,
        ask: Callable[[Permit], Answer],
    ) -> Answer:
        """Make one call, where one is left.

        :param account_id: Account that is read.
        :param reference: The provider's id of it.
        :param scope: What is read of it.
        :param ask: Makes the call.
        :raises NoCallLeftError: If none is left; it says when there is one again.
        :raises ProviderError: If the call failed.
        """
        target = Target(account_id, reference, scope)
        permit = _CountedPermit(self, target, purpose_of(self.trigger))
        if not permit.take():
            raise NoCallLeftError(self._find_next_time(target))
        try:
            answer = ask(permit)
        except ProviderError as error:
            permit.close(error)
            if isinstance(error, ProviderQuotaError):
                error.retry_at = self._find_next_time(target)
            raise
        permit.settle(CallOutcome.SUCCEEDED, quota=answer.quota)
        return answer

    def _find_next_time(self, target: Target) -> datetime:
        """Return when what is not read now may be read by itself (aware)."""
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            return find_next_call(
                session,
                self.tenant_id,
                target,
                delay=stagger(self.connection_id, RESET_SPREAD),
                now=self.clock(),
            )


@dataclass(slots=True)
class _CountedPermit:
    """Leave for one call, and for those that repeat it."""

    desk: PermitDesk
    target: Target
    purpose: CallPurpose
    call_id: UUID | None = field(default=None)

    def take(self) -> bool:
        """Reserve the call, and return whether one was left."""
        desk = self.desk
        with tenant_transaction(desk.sessions, desk.tenant_id) as session:
            self.call_id = take_call(
                session, desk.tenant_id, self.target, purpose=self.purpose, now=desk.clock()
            )
            if self.call_id is None:
                count_call(session, desk.provider, self.target.scope, CallOutcome.WITHHELD)
        return self.call_id is not None

    def renew(self, error: ProviderError) -> bool:
        """Settle the call that failed, and reserve another where one is left for it."""
        outcome = self.close(error)
        self.purpose = purpose_of_repeat(self.purpose, outcome)
        return self.take()

    def close(self, error: ProviderError) -> CallOutcome:
        """Settle a call that failed, and return what became of it."""
        outcome = outcome_of(error)
        until = error.retry_at
        if outcome is CallOutcome.FORBIDDEN:
            until = self.desk.clock() + FORBIDDEN_REST
        self.settle(outcome, refused_until=until)
        return outcome

    def settle(
        self,
        outcome: CallOutcome,
        *,
        quota: Quota | None = None,
        refused_until: datetime | None = None,
    ) -> None:
        """Write down what became of the call; one that was not reserved is settled already."""
        call_id, self.call_id = self.call_id, None
        if call_id is None:
            return
        desk = self.desk
        with tenant_transaction(desk.sessions, desk.tenant_id) as session:
            end_call(
                session,
                desk.tenant_id,
                self.target,
                call_id,
                outcome,
                quota=quota,
                refused_until=refused_until,
                now=desk.clock(),
            )
            count_call(session, desk.provider, self.target.scope, outcome)


def outcome_of(error: ProviderError) -> CallOutcome:
    """Return whether the provider has counted a call that failed.

    :param error: Why it failed.
    """
    if isinstance(error, ProviderQuotaError):
        return CallOutcome.EXHAUSTED
    if isinstance(error, AccountForbiddenError):
        return CallOutcome.FORBIDDEN
    # An answer that could not be understood was a success to whoever sent it.
    is_garbled = isinstance(error, ProviderResponseError) and error.http_status is None
    return CallOutcome.UNKNOWN if error.is_unanswered or is_garbled else CallOutcome.FAILED


@dataclass(frozen=True, slots=True)
class Waiting:
    """An account that cannot be read now.

    :ivar until: When it can (aware).
    """

    account_id: UUID
    until: datetime


def check_refresh(
    session: Session, tenant_id: UUID, connection_id: UUID, *, now: datetime
) -> Sequence[Waiting]:
    """Return the accounts of a connection that a person cannot have read now.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the connection.
    :param connection_id: Connection that is to be synced.
    :param now: The time (aware).
    :raises NotFoundError: If the tenant has no such connection.
    :raises RuleError: If no consent opens the connection now (``connection_not_active``).
    :raises ProviderQuotaError: If that are all: it says from when on there is a call for one.
    """
    connection = get_connection(session, tenant_id, connection_id)
    has_ended = connection.expires_at is not None and connection.expires_at <= now
    if connection.status not in READABLE or has_ended:
        raise RuleError(
            "The connection is not active: finish or renew its consent first.",
            code="connection_not_active",
        )
    accounts = [
        account
        for account in list_connection_accounts(session, tenant_id, connection_id)
        if account.is_sync_enabled
    ]
    waiting = _list_waiting(session, tenant_id, accounts, now)
    if waiting and len(waiting) == len(accounts):
        until = min(each.until for each in waiting)
        raise ProviderQuotaError(
            "The bank allows no more requests for any account of this connection before "
            f"{_in_words(until)}.",
            retry_at=until,
            problems=[
                Problem(
                    f"accounts.{each.account_id}",
                    f"No request is left before {_in_words(each.until)}.",
                )
                for each in waiting
            ],
        )
    return waiting


def _list_waiting(
    session: Session, tenant_id: UUID, accounts: Sequence[Account], now: datetime
) -> Sequence[Waiting]:
    references = {account.id: account.provider_reference for account in accounts}
    standings = list_standings(session, tenant_id, references, now=now)
    found = [
        (account_id, standings[account_id][AccessScope.TRANSACTIONS]) for account_id in references
    ]
    return [
        Waiting(account_id, standing.resets_at)
        for account_id, standing in found
        if not standing.left_for_people and standing.resets_at is not None
    ]


def _in_words(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
