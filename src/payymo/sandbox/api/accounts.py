"""``/accounts/…``: what a consent lets us read."""

import asyncio
from datetime import date, timedelta
from typing import Annotated, NoReturn

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from payymo.sandbox import errors
from payymo.sandbox.api.body import Problems, check_query, check_uuid
from payymo.sandbox.banks import BANKS
from payymo.sandbox.books.records import Statement
from payymo.sandbox.faults import ACCOUNT_FAULTS, Endpoint, Reading, account_refusal, take_fault
from payymo.sandbox.limits import check_account_calls, count_account_success
from payymo.sandbox.service import Sandbox, answer, visit
from payymo.sandbox.state import (
    RECONFIRMATION_DAYS,
    RECONFIRMATION_WINDOW,
    Account,
    Agreement,
    Requisition,
    Scope,
    stamp,
)

#: Failures in a row after which only a new requisition helps.
FAILURES_MAX = 10

router = APIRouter(prefix="/accounts")


def _door(endpoint: Endpoint) -> object:
    return Depends(visit("accounts", endpoint))


@router.get("/{account_id}/")
async def metadata(account_id: str, sandbox: Annotated[Sandbox, _door("metadata")]) -> Response:
    """Show what the service itself knows of an account; the bank is not asked."""
    account = _account(sandbox, account_id)
    _settle(sandbox, account)
    return answer(
        {
            "id": account.id,
            "created": stamp(account.created),
            "last_accessed": stamp(account.last_accessed),
            "iban": account.iban,
            "status": account.status,
            "institution_id": account.institution_id,
            "owner_name": account.owner_name,
            "name": account.name,
        }
    )


@router.get("/{account_id}/details/")
async def details(
    request: Request, account_id: str, sandbox: Annotated[Sandbox, _door("details")]
) -> Response:
    """Show what the bank says about an account."""
    account = _open(sandbox, account_id, "details")
    bank = BANKS[account.institution_id]
    holder = sandbox.library.account(bank, account.scenario, account.key)
    _succeed(request, sandbox, account, "details")
    return answer({"account": holder.details(bank.bic)})


@router.get("/{account_id}/balances/")
async def balances(
    request: Request, account_id: str, sandbox: Annotated[Sandbox, _door("balances")]
) -> Response:
    """Show the account's balances."""
    account = _open(sandbox, account_id, "balances")
    statement = await _statement(sandbox, account)
    _succeed(request, sandbox, account, "balances")
    return answer({"balances": statement.balances})


@router.get("/{account_id}/transactions/")
async def transactions(
    request: Request, account_id: str, sandbox: Annotated[Sandbox, _door("transactions")]
) -> Response:
    """List the account's transactions, all that the agreement allows or those of a period."""
    check_query(request, ("date_from", "date_to"))
    account = _account(sandbox, account_id)
    first, last = _period(request, sandbox.today())
    account = _open(sandbox, account_id, "transactions")
    account.pulls += 1
    statement = await _statement(sandbox, account)
    _succeed(request, sandbox, account, "transactions")
    agreement = _agreement_of(sandbox, account)
    accepted = agreement.accepted or agreement.created
    oldest = accepted.date() - timedelta(days=agreement.max_historical_days)
    booked = statement.booked_between(oldest, first, last)
    pending = statement.pending_between(first, last)
    return Response(
        b'{"transactions":{"booked":['
        + b",".join(booked)
        + b'],"pending":['
        + b",".join(pending)
        + b']},"last_updated":'
        + msgspec.json.encode(stamp(sandbox.now()))
        + b"}",
        media_type="application/json",
    )


async def _statement(sandbox: Sandbox, account: Account) -> Statement:
    """Return the account's statement of today; books may take a moment to be written."""
    return await asyncio.to_thread(
        sandbox.library.statement,
        BANKS[account.institution_id],
        account.scenario,
        account.key,
        sandbox.today(),
        account.pulls,
    )


def _period(request: Request, today: date) -> tuple[date | None, date | None]:
    problems = Problems()
    period: dict[str, date | None] = {}
    for name in ("date_from", "date_to"):
        text = request.query_params.get(name)
        period[name] = None
        if not text:
            continue
        try:
            day = date.fromisoformat(text)
        except ValueError:
            problems.say(
                name,
                "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
            )
            continue
        if day > today:
            problems.put(
                name,
                "Date can't be in future",
                f"'{text}' can't be greater than {today}. Specify correct date range",
            )
        period[name] = day
    problems.refuse()
    first, last = period["date_from"], period["date_to"]
    if first is not None and last is not None and first > last:
        raise errors.refusal(
            400,
            "Incorrect date range",
            f"Starting date '{first}' is greater than end date '{last}'. When specifying date "
            "range, starting date must precede the end date",
        )
    return first, last


def _account(sandbox: Sandbox, account_id: str) -> Account:
    known = sandbox.state.accounts.get(check_uuid("Account", account_id))
    if known is None:
        raise errors.account_not_found(account_id)
    return known


def _requisition_of(sandbox: Sandbox, account: Account) -> Requisition:
    requisition = sandbox.state.requisitions.get(account.requisition)
    if requisition is None or account.id not in requisition.accounts:
        raise errors.no_valid_agreement()
    return requisition


def _agreement_of(sandbox: Sandbox, account: Account) -> Agreement:
    requisition = _requisition_of(sandbox, account)
    agreement = sandbox.state.agreements.get(requisition.agreement)
    if agreement is None or agreement.accepted is None:
        raise errors.no_valid_agreement()
    return agreement


def _open(sandbox: Sandbox, account_id: str, scope: Scope) -> Account:
    """Return an account that may be read now, else end the request with the reason."""
    account = _account(sandbox, account_id)
    _settle(sandbox, account)
    requisition = _requisition_of(sandbox, account)
    agreement = _agreement_of(sandbox, account)
    now = sandbox.now()
    if account.status == "SUSPENDED" or requisition.status in ("SU", "ER"):
        raise errors.account_suspended()
    _check_expiry(sandbox, account, requisition, agreement)
    if scope not in agreement.access_scope:
        raise errors.scope_denied(scope)
    if account.status in ("DISCOVERED", "PROCESSING"):
        raise errors.AccountStateError(account)
    check_account_calls(sandbox.state, account.id, scope, now)
    fault = take_fault(
        sandbox.state,
        scope,
        account=account.id,
        institution=account.institution_id,
        matching=lambda fault: fault.kind in ACCOUNT_FAULTS,
    )
    if fault is not None:
        answer_ = account_refusal(fault, Reading(account, agreement, scope, now))
        _fail(account, requisition, answer_)
    if requisition.revoked:
        requisition.status = "EX"
        _fail(account, requisition, errors.bank_error("AccessExpiredError", scope))
    return account


def _check_expiry(
    sandbox: Sandbox, account: Account, requisition: Requisition, agreement: Agreement
) -> None:
    """Notice, lazily as the service does, that the access ran out."""
    expires = agreement.expires()
    if expires is not None and agreement.reconfirmation and agreement.accepted is not None:
        found = sandbox.state.reconfirmations.get(agreement.id)
        if found is None or account.id not in found.confirmed:
            due = agreement.accepted + timedelta(days=RECONFIRMATION_DAYS)
            expires = min(expires, due + RECONFIRMATION_WINDOW)
    if requisition.status != "EX" and (expires is None or sandbox.now() < expires):
        return
    if requisition.revoked:
        return
    requisition.status = "EX"
    account.status = "EXPIRED"
    raise errors.agreement_expired(agreement, expires or sandbox.now())


def _settle(sandbox: Sandbox, account: Account) -> None:
    """Finish the processing of an account whose time has come."""
    if account.ready_from is not None and sandbox.now() >= account.ready_from:
        account.ready_from = None
        if account.status in ("DISCOVERED", "PROCESSING"):
            account.status = "READY"


def _fail(account: Account, requisition: Requisition, refused: errors.RefusalError) -> NoReturn:
    """End the request with the bank's error, counting those that lead to suspension."""
    if refused.body.get("type") in errors.COUNTED_ERRORS:
        account.failures += 1
        account.status = "ERROR"
    if account.failures > FAILURES_MAX:
        account.status = "SUSPENDED"
        requisition.status = "SU"
    raise refused


def _succeed(request: Request, sandbox: Sandbox, account: Account, scope: Scope) -> None:
    """Count a success; another call may have used up the last one in the meantime."""
    check_account_calls(sandbox.state, account.id, scope, sandbox.now())
    account.failures = 0
    account.status = "READY"
    account.last_accessed = sandbox.now()
    request.state.limit_headers |= count_account_success(
        sandbox.state, account.id, scope, sandbox.now()
    )
