"""Control endpoints: the sandbox's clock, faults, consents, limits and the truth of its books.

They need ``Authorization: Bearer <secret_key>`` and lie outside ``/api/v2``.
"""

import csv
import io
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from payymo.sandbox import errors
from payymo.sandbox.banks import BANKS, SANDBOX_BANK, VOLUME_BANK, Bank
from payymo.sandbox.books.records import Book, Invoice, Truth
from payymo.sandbox.consent import link_accounts
from payymo.sandbox.faults import Endpoint, FaultKind
from payymo.sandbox.limits import limit_names
from payymo.sandbox.service import Sandbox, answer, bearer_of, sandbox_of
from payymo.sandbox.state import Fault, Requisition, RequisitionStatus, stamp

INVOICE_COLUMNS = (
    "number",
    "customer_number",
    "customer_name",
    "customer_country",
    "customer_iban",
    "currency",
    "total",
    "issue_date",
    "due_date",
    "structured_reference",
)

router = APIRouter(prefix="/control")


async def _operator(request: Request) -> Sandbox:
    sandbox = sandbox_of(request)
    key = bearer_of(request).encode()
    if not secrets.compare_digest(key, sandbox.state.secret_key.encode()):
        raise errors.refusal(
            401, "Not authorised", "Send the sandbox's secret_key as a bearer token."
        )
    return sandbox


SandboxDep = Annotated[Sandbox, Depends(_operator)]


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FaultCommand(_Command):
    """A fault to set: what goes wrong, where, and how often (for ever, without ``times``)."""

    kind: FaultKind
    endpoint: Endpoint | None = None
    account: str | None = None
    institution: str | None = None
    times: int | None = Field(default=None, ge=1)
    seconds: float = Field(
        default=60.0, ge=0, description="Reset of a limit, or delay of a timeout"
    )
    status: Literal[400, 401] = Field(default=401, description="Only for eua_expired")


class ClockCommand(_Command):
    """Where to move the clock: to a moment, or onwards."""

    set: AwareDatetime | None = None
    days: float = 0
    seconds: float = 0


class RequisitionCommand(_Command):
    """What to make of a requisition."""

    status: RequisitionStatus | None = None
    scenario: str | None = None
    accounts: list[str] = []
    revoked: bool | None = None


class CompanyCommand(_Command):
    """What the company may do."""

    can_accept_agreements: bool | None = None
    can_reconfirm: bool | None = None
    connections_max: int | None = Field(default=None, ge=0)


@router.get("/state")
async def show_state(sandbox: SandboxDep) -> Response:
    """Show the clock, the faults, the limits and every consent; never a token or a secret."""
    state = sandbox.state
    return answer(
        {
            "now": stamp(sandbox.now()),
            "seed": sandbox.library.seed,
            "company": msgspec.to_builtins(state.company),
            "faults": msgspec.to_builtins(state.faults),
            "agreements": [agreement.body() for agreement in state.agreements.values()],
            "requisitions": [
                requisition.body() | {"revoked": requisition.revoked}
                for requisition in state.requisitions.values()
            ],
            "accounts": msgspec.to_builtins(list(state.accounts.values())),
            "calls": {name: window.count for name, window in state.windows.items()},
        }
    )


@router.post("/clock")
async def move_clock(command: ClockCommand, sandbox: SandboxDep) -> Response:
    """Move the clock, and let it run on from there."""
    moment = command.set or sandbox.now()
    sandbox.move_clock(moment + timedelta(days=command.days, seconds=command.seconds))
    return answer({"now": stamp(sandbox.now())})


@router.post("/faults")
async def add_fault(command: FaultCommand, sandbox: SandboxDep) -> Response:
    """Let something go wrong from the next matching call on."""
    fault = Fault(id=secrets.token_hex(8), **command.model_dump())
    sandbox.state.faults.append(fault)
    return answer(msgspec.to_builtins(fault), 201)


@router.delete("/faults")
async def clear_faults(sandbox: SandboxDep) -> Response:
    """Let everything go right again."""
    cleared = len(sandbox.state.faults)
    sandbox.state.faults.clear()
    return answer({"cleared": cleared})


@router.post("/limits")
async def set_limits(limits: dict[str, int | None], sandbox: SandboxDep) -> Response:
    """Override limits by name; null restores one, and ``calls`` counted so far are forgotten."""
    strangers = sorted(set(limits) - set(limit_names()))
    if strangers:
        raise errors.unknown_fields(strangers, f"limits; there are {', '.join(limit_names())}")
    known = sandbox.state.company.limits
    for name, limit in limits.items():
        if limit is None:
            known.pop(name, None)
        else:
            known[name] = limit
    sandbox.state.windows.clear()
    return answer(known)


@router.post("/company")
async def set_company(command: CompanyCommand, sandbox: SandboxDep) -> Response:
    """Change what the company may do; fields left out stay, a null allowance is no limit."""
    for name in command.model_fields_set:
        setattr(sandbox.state.company, name, getattr(command, name))
    return answer(msgspec.to_builtins(sandbox.state.company))


@router.post("/requisitions/{requisition_id}")
async def force_requisition(
    requisition_id: str, command: RequisitionCommand, sandbox: SandboxDep
) -> Response:
    """Force a requisition's status; ``LN`` links its accounts without the consent page."""
    requisition = _requisition(sandbox, requisition_id)
    if command.revoked is not None:
        requisition.revoked = command.revoked
    if command.status == "LN" and not requisition.accounts:
        _link(sandbox, requisition, command)
    elif command.status is not None:
        requisition.status = command.status
    return answer(requisition.body())


@router.post("/requisitions/{requisition_id}/expire")
async def expire(requisition_id: str, sandbox: SandboxDep) -> Response:
    """Let the agreement have run out a second ago; EX appears once a call notices."""
    requisition = _requisition(sandbox, requisition_id)
    agreement = sandbox.state.agreements[requisition.agreement]
    days = timedelta(days=agreement.access_valid_for_days, seconds=1)
    agreement.accepted = sandbox.now() - days
    return answer(agreement.body())


@router.get("/books/{scenario}/accounts")
def book_accounts(scenario: str, sandbox: SandboxDep, institution: str | None = None) -> Response:
    """Show a book's accounts with opening balance, sum of booked rows, and closing balance."""
    bank = _bank_of(scenario, institution)
    today = sandbox.today()
    totals = [
        sandbox.library.totals(bank, scenario, account.key, today)
        for account in sandbox.library.accounts(bank, scenario)
    ]
    return answer(totals)


@router.get("/books/{scenario}/invoices")
def book_invoices(
    scenario: str,
    sandbox: SandboxDep,
    format: Literal["csv", "jsonl"] = "csv",  # noqa: A002 - the query parameter's name
    institution: str | None = None,
) -> Response:
    """List every invoice that was issued within the history that the bank shows."""
    book = _book(sandbox, scenario, institution)
    rows = [_invoice_row(invoice) for invoice in sandbox.library.invoices(book, sandbox.today())]
    if format == "jsonl":
        return _lines(rows)
    file = io.StringIO()
    writer = csv.DictWriter(file, INVOICE_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return Response(file.getvalue(), media_type="text/csv; charset=utf-8")


@router.get("/books/{scenario}/truth")
def book_truth(scenario: str, sandbox: SandboxDep, institution: str | None = None) -> Response:
    """List what every incoming payment was for."""
    bank = _bank_of(scenario, institution)
    book = sandbox.library.book(bank, scenario, sandbox.today())
    ibans = {account.key: account.iban for account in book.accounts}
    truths = sandbox.library.truths(book, sandbox.today())
    return _lines(
        _truth_row(truth, ibans, sandbox.library.internal_id(bank, scenario, truth))
        for truth in truths
    )


def _requisition(sandbox: Sandbox, requisition_id: str) -> Requisition:
    requisition = sandbox.state.requisitions.get(requisition_id)
    if requisition is None:
        raise errors.not_found()
    return requisition


def _link(sandbox: Sandbox, requisition: Requisition, command: RequisitionCommand) -> None:
    bank = BANKS[requisition.institution_id]
    scenario = command.scenario or bank.scenarios[0]
    if scenario not in bank.scenarios:
        raise errors.refusal(
            400, "Unknown scenario", f"Choose one of {', '.join(bank.scenarios)} as scenario."
        )
    requisition.scenario = scenario
    requisition.selected = command.accounts
    link_accounts(sandbox, requisition)


def _bank_of(scenario: str, institution: str | None) -> Bank:
    bank = BANKS.get(institution or (VOLUME_BANK if scenario == "volume" else SANDBOX_BANK))
    if bank is None or scenario not in bank.scenarios:
        raise errors.refusal(
            404, "Unknown book", "No institution of this sandbox has a book of this name."
        )
    return bank


def _book(sandbox: Sandbox, scenario: str, institution: str | None) -> Book:
    return sandbox.library.book(_bank_of(scenario, institution), scenario, sandbox.today())


def _invoice_row(invoice: Invoice) -> dict[str, Any]:
    return {
        "number": invoice.number,
        "customer_number": invoice.customer_number,
        "customer_name": invoice.customer_name,
        "customer_country": invoice.customer_country,
        "customer_iban": ";".join(invoice.customer_ibans),
        "currency": invoice.currency,
        "total": str(invoice.total),
        "issue_date": invoice.issued_on.isoformat(),
        "due_date": invoice.due_on.isoformat(),
        "structured_reference": invoice.structured_reference or "",
    }


def _truth_row(truth: Truth, ibans: dict[str, str], internal_id: str) -> dict[str, Any]:
    return {
        "account_iban": ibans[truth.account_key],
        "internal_transaction_id": internal_id,
        "case": truth.case,
        "quoted": truth.quoted,
        "allocations": [
            {"number": number, "amount": str(amount)} for number, amount in truth.allocations
        ],
        "equivalents": {number: list(same) for number, same in truth.equivalents.items()},
    }


def _lines(rows: Iterable[dict[str, Any]]) -> Response:
    content = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    return Response(content, media_type="application/jsonl")
