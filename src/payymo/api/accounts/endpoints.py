"""Bank accounts: look at them, name them, switch their sync on and off."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import TypeAdapter

from payymo.api.accounts.models import (
    AccountRead,
    AccountUpdate,
    BalanceRead,
    CoverageRead,
    PredecessorWrite,
)
from payymo.api.accounts.presentation import present_accounts, present_coverage
from payymo.api.accounts.proof import ProofRead, present_proof
from payymo.api.dependencies import MemberDep, ServicesDep, SessionDep, WriterDep
from payymo.api.envelopes import Collection, Item, item_response, page_response
from payymo.api.openapi import errors
from payymo.api.pagination import PagingDep
from payymo.api.routing import resource_router
from payymo.domain.errors import InvalidInputError
from payymo.postgres.common.operations.accounts import get_account, list_accounts
from payymo.postgres.common.operations.balances import list_balances
from payymo.workflows.account_choice import change_account, join_account

router = resource_router("/accounts", tag="accounts")

_ACCOUNTS = TypeAdapter(list[AccountRead])
_BALANCES = TypeAdapter(list[BalanceRead])


@router.get("", name="list", response_model=Collection[AccountRead])
def list_all(
    member: MemberDep,
    services: ServicesDep,
    session: SessionDep,
    paging: PagingDep,
    bank_connection_id: Annotated[
        UUID | None, Query(description="Only those of this connection.")
    ] = None,
) -> Response:
    """Return the accounts, each with the balances that the bank said last."""
    page = list_accounts(
        session,
        member.tenant_id,
        connection_id=bank_connection_id,
        page=paging.page,
        per_page=paging.per_page,
    )
    rows = present_accounts(session, member.tenant_id, page.rows, now=services.clock())
    return page_response(_ACCOUNTS, rows, total=page.total, paging=paging)


@router.get("/{account_id}", response_model=Item[AccountRead])
def read(
    account_id: UUID, member: MemberDep, services: ServicesDep, session: SessionDep
) -> Response:
    """Return one account with the balances that the bank said last."""
    account = get_account(session, member.tenant_id, account_id)
    (presented,) = present_accounts(session, member.tenant_id, [account], now=services.clock())
    return item_response(presented)


@router.patch("/{account_id}", response_model=Item[AccountRead])
def update(
    account_id: UUID,
    body: AccountUpdate,
    member: WriterDep,
    services: ServicesDep,
    session: SessionDep,
) -> Response:
    """Name an account, or choose whether it is read; what is left out stays."""
    account = change_account(
        session,
        services.queue,
        member.tenant_id,
        account_id,
        name=body.name,
        is_sync_enabled=body.is_sync_enabled,
        actor_id=member.user_id,
    )
    (presented,) = present_accounts(session, member.tenant_id, [account], now=services.clock())
    return item_response(presented)


@router.put("/{account_id}/predecessor", response_model=Item[AccountRead], responses=errors(422))
def join(
    account_id: UUID,
    body: PredecessorWrite,
    member: WriterDep,
    services: ServicesDep,
    session: SessionDep,
) -> Response:
    """Say which account an offered one was before, and return that: it goes on from there."""
    account = join_account(
        session,
        services.queue,
        member.tenant_id,
        account_id,
        predecessor_id=body.account_id,
        actor_id=member.user_id,
    )
    (presented,) = present_accounts(session, member.tenant_id, [account], now=services.clock())
    return item_response(presented)


@router.get("/{account_id}/coverage", response_model=Item[CoverageRead])
def read_coverage(
    account_id: UUID, member: MemberDep, services: ServicesDep, session: SessionDep
) -> Response:
    """Return which days of an account are known, which are not, and what is asked for next."""
    account = get_account(session, member.tenant_id, account_id)
    return item_response(present_coverage(session, account, now=services.clock()))


@router.get("/{account_id}/proof", response_model=Item[ProofRead])
def read_proof(
    account_id: UUID,
    member: MemberDep,
    session: SessionDep,
    paging: PagingDep,
    *,
    start_date: Annotated[date | None, Query(description="First day to show.")] = None,
    end_date: Annotated[date | None, Query(description="Last day to show.")] = None,
) -> Response:
    """Return whether an account adds up, which day failed first and why, and its days."""
    if start_date is not None and end_date is not None and end_date < start_date:
        raise InvalidInputError("end_date must not be before start_date.")
    account = get_account(session, member.tenant_id, account_id)
    proof = present_proof(session, account, start_date=start_date, end_date=end_date, paging=paging)
    return item_response(proof)


@router.get("/{account_id}/balances", response_model=Collection[BalanceRead])
def list_of_balances(
    account_id: UUID, member: MemberDep, session: SessionDep, paging: PagingDep
) -> Response:
    """Return what the bank said of an account's balances, newest first: a change is a new row."""
    get_account(session, member.tenant_id, account_id)
    page = list_balances(
        session, member.tenant_id, account_id, page=paging.page, per_page=paging.per_page
    )
    rows = [BalanceRead.of(balance) for balance in page.rows]
    return page_response(_BALANCES, rows, total=page.total, paging=paging)
