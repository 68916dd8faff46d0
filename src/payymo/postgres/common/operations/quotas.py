"""Accounts' calls that a provider counts: reserved, settled, and how many are left."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import literal, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.banking import Quota
from payymo.domain.enums import AccessScope, CallOutcome, CallPurpose
from payymo.domain.errors import NotFoundError
from payymo.domain.quotas import (
    Allowance,
    Standing,
    find_call_time,
    find_standing,
    reserve_call,
    settle_call,
)
from payymo.postgres.common.models import Account, AccountQuota


@dataclass(frozen=True, slots=True)
class Target:
    """What the provider counts calls of.

    :ivar account_id: The account.
    :ivar reference: The provider's id of it: under another one it counts anew.
    :ivar scope: What is read of it.
    """

    account_id: UUID
    reference: str
    scope: AccessScope


def take_call(
    session: Session,
    tenant_id: UUID,
    target: Target,
    *,
    purpose: CallPurpose,
    now: datetime,
) -> UUID | None:
    """Reserve a call that is about to be made, and return its id; ``None`` if none is left.

    Of several who ask at once, one is given the last call.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param target: What is to be read.
    :param purpose: For whom.
    :param now: The time (aware).
    :raises NotFoundError: If the tenant has no such account.
    """
    row = _hold(session, tenant_id, target)
    call_id = uuid7()
    reserved = reserve_call(_read(row.allowance), call_id, purpose, now)
    if reserved is None:
        return None
    row.allowance = _write(reserved)
    session.flush()
    return call_id


def end_call(
    session: Session,
    tenant_id: UUID,
    target: Target,
    call_id: UUID,
    outcome: CallOutcome,
    *,
    quota: Quota | None = None,
    refused_until: datetime | None = None,
    now: datetime,
) -> None:
    """Write down what became of a reserved call.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param target: What was read.
    :param call_id: The call.
    :param outcome: What became of it.
    :param quota: What the provider said is left, where it did.
    :param refused_until: How long it is refused (aware), where known.
    :param now: The time (aware).
    """
    row = _find(session, tenant_id, target)
    if row is None:
        return  # the account was removed meanwhile
    settled = settle_call(
        _read(row.allowance),
        call_id,
        outcome,
        quota=quota,
        refused_until=refused_until,
        now=now,
    )
    row.allowance = _write(settled)
    session.flush()


def record_made_call(
    session: Session, tenant_id: UUID, target: Target, quota: Quota | None, *, now: datetime
) -> None:
    """Write down a call that was made before its account was known, and succeeded.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param target: What was read.
    :param quota: What the provider said is left, where it did.
    :param now: When it ended (aware).
    """
    call_id = take_call(session, tenant_id, target, purpose=CallPurpose.AUTOMATIC, now=now)
    if call_id is not None:
        end_call(session, tenant_id, target, call_id, CallOutcome.SUCCEEDED, quota=quota, now=now)


def find_next_call(
    session: Session, tenant_id: UUID, target: Target, *, delay: timedelta, now: datetime
) -> datetime:
    """Return when a call may be made by itself, as far as can be foreseen (aware).

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param target: What is to be read.
    :param delay: Added where many accounts would come at one moment.
    :param now: The time (aware).
    """
    row = _find(session, tenant_id, target)
    allowance = Allowance() if row is None else _read(row.allowance)
    return find_call_time(allowance, CallPurpose.AUTOMATIC, now, delay=delay)


def list_standings(
    session: Session, tenant_id: UUID, references: Mapping[UUID, str], *, now: datetime
) -> Mapping[UUID, Mapping[AccessScope, Standing]]:
    """Return how many calls of some accounts are used and left, by account and scope.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the accounts.
    :param references: The accounts, each with the provider's present id of it.
    :param now: The time (aware).
    """
    rows = session.scalars(
        select(AccountQuota).where(
            AccountQuota.tenant_id == tenant_id, AccountQuota.account_id.in_(references)
        )
    )
    known: defaultdict[UUID, dict[AccessScope, Standing]] = defaultdict(dict)
    for row in rows:
        if row.provider_reference in {None, references[row.account_id]}:
            known[row.account_id][row.scope] = find_standing(_read(row.allowance), now)
    nothing = find_standing(Allowance(), now)
    return {
        account_id: {scope: known[account_id].get(scope, nothing) for scope in AccessScope}
        for account_id in references
    }


def _hold(session: Session, tenant_id: UUID, target: Target) -> AccountQuota:
    """Return the row of a target, kept from others until the transaction ends.

    :raises NotFoundError: If the tenant has no such account.
    """
    row = _find(session, tenant_id, target)
    if row is None:
        account = select(
            Account.tenant_id,
            literal(uuid7()),
            Account.id,
            literal(target.scope.value),
            literal({}, JSONB),
        ).where(Account.tenant_id == tenant_id, Account.id == target.account_id)
        columns = ["tenant_id", "id", "account_id", "scope", "allowance"]
        added = insert(AccountQuota).from_select(columns, account)
        session.execute(added.on_conflict_do_nothing())
        row = _find(session, tenant_id, target)
    if row is None:
        raise NotFoundError("There is no such account.")
    return row


def _find(session: Session, tenant_id: UUID, target: Target) -> AccountQuota | None:
    """Return the row of a target, kept from others; what was known under another id is not."""
    row = session.scalars(
        select(AccountQuota)
        .where(
            AccountQuota.tenant_id == tenant_id,
            AccountQuota.account_id == target.account_id,
            AccountQuota.scope == target.scope,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return None
    if row.provider_reference not in {None, target.reference}:
        row.allowance = {}
    row.provider_reference = target.reference
    return row


def _read(document: Mapping[str, Any]) -> Allowance:
    return msgspec.convert(document, Allowance)


def _write(allowance: Allowance) -> Mapping[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(allowance)
    return {name: value for name, value in document.items() if value is not None}
