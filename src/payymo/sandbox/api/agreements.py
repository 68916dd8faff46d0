"""``/agreements/enduser/…``: how far back, for how long, and what may be read."""

import uuid
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from payymo.sandbox import errors
from payymo.sandbox.api.body import (
    Problems,
    boolean_field,
    check_query,
    check_uuid,
    integer_field,
    is_uri,
    read_body,
    text_field,
)
from payymo.sandbox.api.pages import page
from payymo.sandbox.banks import BANKS, Bank, scopes_text
from payymo.sandbox.service import Sandbox, answer, visit
from payymo.sandbox.state import (
    RECONFIRMATION_DAYS,
    RECONFIRMATION_WINDOW,
    SCOPES,
    Agreement,
    Reconfirmation,
    Requisition,
    stamp,
)

HISTORY_DAYS_MAX = 730
DAYS_DEFAULT = 90

_FIELDS = (
    "institution_id",
    "max_historical_days",
    "access_valid_for_days",
    "access_scope",
    "reconfirmation",
)

router = APIRouter(prefix="/agreements/enduser")

ReadDep = Annotated[Sandbox, Depends(visit("agreements_read", "agreements"))]
WriteDep = Annotated[Sandbox, Depends(visit("agreements_write", "agreements"))]
DeleteDep = Annotated[Sandbox, Depends(visit("delete", "agreements"))]
AcceptDep = Annotated[Sandbox, Depends(visit("agreements_accept", "agreements"))]


def new_agreement(sandbox: Sandbox, bank: Bank, **terms: Any) -> Agreement:
    """Return an agreement with a bank, remembered, on the usual terms unless given others."""
    agreement = Agreement(
        id=str(uuid.uuid4()),
        created=sandbox.now(),
        institution_id=bank.id,
        max_historical_days=terms.get("max_historical_days", DAYS_DEFAULT),
        access_valid_for_days=terms.get("access_valid_for_days", DAYS_DEFAULT),
        access_scope=terms.get("access_scope", list(SCOPES)),
        reconfirmation=terms.get("reconfirmation", False),
    )
    sandbox.state.agreements[agreement.id] = agreement
    return agreement


@router.get("/")
async def index(request: Request, sandbox: ReadDep) -> Response:
    """List all agreements, newest first."""
    check_query(request, ("limit", "offset"))
    agreements = sorted(
        sandbox.state.agreements.values(), key=lambda item: item.created, reverse=True
    )
    return page(request, [agreement.body() for agreement in agreements])


@router.post("/")
async def create(request: Request, sandbox: WriteDep) -> Response:
    """Make an agreement."""
    fields = await read_body(request, _FIELDS)
    problems = Problems()
    institution_id = text_field(fields, "institution_id", problems, required=True)
    history = integer_field(fields, "max_historical_days", problems, DAYS_DEFAULT)
    access = integer_field(fields, "access_valid_for_days", problems, DAYS_DEFAULT)
    reconfirmation = boolean_field(fields, "reconfirmation", problems)
    scopes = _scopes(fields, problems)
    bank = BANKS.get(institution_id or "")
    if bank is None and institution_id is not None:
        problems.put(
            "institution_id",
            f"Unknown Institution ID {institution_id}",
            "Get Institution IDs from /institutions/?country={$COUNTRY_CODE}",
        )
    _check_days(bank, history, access, problems)
    if bank is not None and reconfirmation:
        _check_reconfirmation(sandbox, bank, access, problems)
    problems.refuse()
    if bank is None:
        raise errors.not_found()

    _check_scopes(bank, scopes)
    agreement = new_agreement(
        sandbox,
        bank,
        max_historical_days=history,
        access_valid_for_days=access,
        access_scope=scopes,
        reconfirmation=reconfirmation,
    )
    return answer(agreement.body(), 201)


@router.get("/{agreement_id}/")
async def show(agreement_id: str, sandbox: ReadDep) -> Response:
    """Show one agreement."""
    return answer(_agreement(sandbox, agreement_id).body())


@router.delete("/{agreement_id}/")
async def delete(agreement_id: str, sandbox: DeleteDep) -> Response:
    """Delete an agreement that was accepted."""
    agreement = _agreement(sandbox, agreement_id)
    _check_accepted(agreement)
    del sandbox.state.agreements[agreement.id]
    return answer(
        {
            "summary": "End User Agreement deleted",
            "detail": f"End User Agreement {agreement.id} deleted",
        }
    )


@router.put("/{agreement_id}/accept/")
async def accept(request: Request, agreement_id: str, sandbox: AcceptDep) -> Response:
    """Accept an agreement without the consent page, where the company may."""
    agreement = _agreement(sandbox, agreement_id)
    if not sandbox.state.company.can_accept_agreements:
        raise errors.refusal(
            403,
            "Insufficient permissions",
            "Your company doesn't have permission to accept EUA. You'll have to use our default "
            "form for this action.",
        )
    problems = Problems()
    fields = await read_body(request, ("user_agent", "ip_address"))
    text_field(fields, "user_agent", problems, required=True)
    text_field(fields, "ip_address", problems, required=True)
    problems.refuse()
    if agreement.accepted is not None:
        raise errors.refusal(
            405,
            "EUA cannot be accepted more than once",
            "End User Agreements cannot be accepted more than once",
        )
    agreement.accepted = sandbox.now()
    return answer(agreement.body())


@router.get("/{agreement_id}/reconfirm/")
async def show_reconfirmation(request: Request, agreement_id: str, sandbox: ReadDep) -> Response:
    """Show where an agreement can be reconfirmed, and what was answered so far."""
    agreement = _reconfirmable(sandbox, agreement_id)
    found = sandbox.state.reconfirmations.get(agreement.id)
    if found is None:
        raise errors.not_found()
    found.last_accessed = sandbox.now()
    return answer(_reconfirmation_body(sandbox, request, agreement, found))


@router.post("/{agreement_id}/reconfirm/")
async def create_reconfirmation(request: Request, agreement_id: str, sandbox: WriteDep) -> Response:
    """Ask the account holder to extend an agreement."""
    agreement = _reconfirmable(sandbox, agreement_id)
    fields = await read_body(request, ("redirect",))
    redirect = fields.get("redirect")
    if redirect is not None and not (isinstance(redirect, str) and is_uri(redirect)):
        problems = Problems()
        problems.list(
            "redirect", "Invalid redirect URI", "Redirect URI must have a valid URI structure"
        )
        problems.refuse()
    _check_accepted(agreement)
    requisition = find_requisition(sandbox, agreement)
    if requisition is None or not requisition.accounts:
        raise errors.refusal(
            400,
            "No accounts linked.",
            f"For associated requisition '{requisition.id if requisition else ''}', there are no "
            "accounts linked.",
        )

    now = sandbox.now()
    found = sandbox.state.reconfirmations.get(agreement.id)
    if found is None:
        due = (agreement.accepted or now) + timedelta(days=RECONFIRMATION_DAYS)
        found = Reconfirmation(
            created=now,
            url_valid_from=due - RECONFIRMATION_WINDOW,
            url_valid_to=due + RECONFIRMATION_WINDOW,
            redirect=redirect,
        )
    if now > found.url_valid_to:
        raise errors.refusal(
            400,
            "Reconfirmation requested after acceptance period.",
            f"For EUA '{agreement.id}' reconfirmation period was until "
            f"{stamp(found.url_valid_to)}.",
        )
    if set(requisition.accounts) <= {*found.confirmed, *found.rejected}:
        raise errors.refusal(
            400,
            "No accounts left to reconfirm.",
            f"For EUA '{agreement.id}' with access valid for {agreement.access_valid_for_days} "
            f"days there are no accounts left to reconfirm after {stamp(found.url_valid_to)}.",
        )
    found.redirect = redirect
    sandbox.state.reconfirmations[agreement.id] = found
    return answer(_reconfirmation_body(sandbox, request, agreement, found), 201)


def find_requisition(sandbox: Sandbox, agreement: Agreement) -> Requisition | None:
    """Return the requisition that uses an agreement, if one does."""
    return next(
        (
            requisition
            for requisition in sandbox.state.requisitions.values()
            if requisition.agreement == agreement.id
        ),
        None,
    )


def _agreement(sandbox: Sandbox, agreement_id: str) -> Agreement:
    agreement = sandbox.state.agreements.get(check_uuid("", agreement_id))
    if agreement is None:
        raise errors.not_found()
    return agreement


def _reconfirmable(sandbox: Sandbox, agreement_id: str) -> Agreement:
    agreement = _agreement(sandbox, agreement_id)
    if not sandbox.state.company.can_reconfirm:
        raise errors.refusal(403, "", "You do not have permission to perform this action.")
    if not agreement.reconfirmation:
        raise errors.refusal(
            400,
            "Reconfirmation is not enabled.",
            f"Reconfirmation is not enabled for agreement '{agreement.id}'.",
        )
    return agreement


def _check_accepted(agreement: Agreement) -> None:
    if agreement.accepted is None:
        raise errors.refusal(
            400,
            "End user agreement needs to be accepted.",
            f"EUA '{agreement.id}' is not accepted.",
        )


def _check_days(bank: Bank | None, history: int, access: int, problems: Problems) -> None:
    history_max = bank.history_days if bank else HISTORY_DAYS_MAX
    access_max = bank.access_days_max if bank else 180
    if not problems.knows("max_historical_days") and not 0 < history <= history_max:
        problems.put(
            "max_historical_days",
            "Incorrect max_historical_days",
            f"max_historical_days must be > 0 and <= {bank.id if bank else ''} "
            f"transaction_total_days ({history_max})",
        )
    if not problems.knows("access_valid_for_days") and not 0 < access <= access_max:
        problems.put(
            "access_valid_for_days",
            "Incorrect access_valid_for_days",
            f"access_valid_for_days must be > 0 and <= {access_max}",
        )


def _check_reconfirmation(sandbox: Sandbox, bank: Bank, access: int, problems: Problems) -> None:
    if not sandbox.state.company.can_reconfirm:
        raise errors.refusal(403, "", "You do not have permission to enable reconfirmation.")
    if bank.reconfirmed_days is None:
        problems.put(
            "reconfirmation",
            "Reconfirmation not supported",
            f"Reconfirmation not supported for {bank.id}",
        )
    elif access <= RECONFIRMATION_DAYS:
        problems.put(
            "reconfirmation",
            "Reconfirmation is not allowed",
            "Reconfirmation is not allowed when access_valid_for_days <= 90 days.",
        )


def _scopes(fields: dict[str, Any], problems: Problems) -> list[str]:
    scopes = fields.get("access_scope", list(SCOPES))
    if isinstance(scopes, str):
        scopes = [scopes]
    if not isinstance(scopes, list):
        problems.say("access_scope", 'Expected a list of items but got type "str".')
        return []
    if not scopes:
        problems.list(
            "access_scope",
            "Field 'access_scope' may not be an empty list.",
            f"Please choose one or several of {scopes_text()}.",
        )
    for scope in scopes:
        if scope not in SCOPES:
            problems.list(
                "access_scope",
                f"Unknown value '{scope}' in access_scope",
                f"Choose one or several from {scopes_text()}",
            )
    return scopes


def _check_scopes(bank: Bank, scopes: list[str]) -> None:
    """Refuse what a bank does not allow; the live service answers two lists here."""
    unsupported = [scope for scope in scopes if scope not in bank.scopes_supported]
    if unsupported:
        problems = Problems()
        problems.list(
            "access_scope",
            "Unsupported access scope selected.",
            "The access scopes supported by the institution are "
            f"{scopes_text(bank.scopes_supported)}. The following scopes are not supported: "
            f"{scopes_text(unsupported)}",
        )
        problems.refuse()
    details = []
    together = set(bank.scopes_together) & set(scopes)
    if together and together != set(bank.scopes_together):
        details.append(
            "For this institution the following scopes are required together: "
            f"{scopes_text(bank.scopes_together)}"
        )
    if not set(bank.scopes_mandatory) <= set(scopes):
        details.append(
            "The following scopes are mandatory for this institution: "
            f"{scopes_text(bank.scopes_mandatory)}"
        )
    if details:
        summary = "Institution access scope dependencies error"
        raise errors.RefusalError(400, {"summary": [summary] * len(details), "detail": details})


def _reconfirmation_body(
    sandbox: Sandbox, request: Request, agreement: Agreement, found: Reconfirmation
) -> dict[str, Any]:
    requisition = find_requisition(sandbox, agreement)

    def text(moments: dict[str, Any], account: str) -> str:
        return stamp(moments[account]) if account in moments else ""

    return {
        "reconfirmation_url": f"{request.url.scheme}://{request.url.netloc}/psd2/reconfirm/"
        f"{agreement.id}",
        "created": stamp(found.created),
        "url_valid_from": stamp(found.url_valid_from),
        "url_valid_to": stamp(found.url_valid_to),
        "redirect": found.redirect,
        "last_accessed": stamp(found.last_accessed) if found.last_accessed else None,
        "last_submitted": stamp(found.last_submitted) if found.last_submitted else None,
        "accounts": {
            account: {
                "reconfirmed": text(found.confirmed, account),
                "rejected": text(found.rejected, account),
            }
            for account in (requisition.accounts if requisition else [])
        },
    }
