"""The pages where an account holder gives access: plain forms, for people and for programs.

``start`` (agree) → ``bank`` (log in, choose a book) → ``accounts`` (choose, only where asked for)
→ ``grant`` (confirm) → back to the redirect. Each page has a button to refuse.
"""

import asyncio
import uuid
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response
from starlette.templating import Jinja2Templates

from payymo.sandbox import errors
from payymo.sandbox.api.agreements import find_requisition
from payymo.sandbox.banks import BANKS, Bank
from payymo.sandbox.books.records import BookAccount
from payymo.sandbox.service import Sandbox, sandbox_of
from payymo.sandbox.state import Account, Requisition

#: With ``redirect_immediate`` the accounts are still being processed for so long.
PROCESSING_SECONDS = 5

#: A social security number that ends so belongs to somebody else.
WRONG_SSN_ENDING = "0000"

_TEMPLATES = Jinja2Templates(directory=Path(__file__).parent / "templates")
_SEE_OTHER = 303

router = APIRouter(prefix="/psd2", include_in_schema=False)


@router.get("/start/{requisition_id}/{institution_id}")
async def start(request: Request, requisition_id: str, institution_id: str) -> Response:
    """Show what access is asked for; the link can be used once."""
    sandbox, requisition = _find(request, requisition_id)
    if institution_id != requisition.institution_id:
        raise errors.not_found()
    if requisition.status not in ("CR", "GC"):
        return _leave(requisition, "RequisitionLinkReused", "This link has been used already.")
    requisition.status = "GC"
    return _page(request, "start", sandbox, requisition)


@router.post("/start/{requisition_id}/{institution_id}")
async def agree(request: Request, requisition_id: str, institution_id: str) -> Response:
    """Send the account holder on to the bank."""
    sandbox, requisition = _find(request, requisition_id)
    if institution_id != requisition.institution_id or requisition.status != "GC":
        return _leave(requisition, "RequisitionLinkReused", "This link has been used already.")
    if _refuses(await request.form()):
        return _refuse(requisition)
    if requisition.ssn is not None and requisition.ssn.endswith(WRONG_SSN_ENDING):
        requisition.status = "RJ"
        return _leave(requisition, "SSNVerificationFailed", "SSN verification failed.")
    requisition.status = "UA"
    sandbox.state.agreements[requisition.agreement].accepted = sandbox.now()
    return _go(request, "bank", requisition)


@router.get("/bank/{requisition_id}")
async def log_in_page(request: Request, requisition_id: str) -> Response:
    """Show the bank's login; any user and password will do."""
    sandbox, requisition = _find(request, requisition_id, "UA")
    return _page(request, "bank", sandbox, requisition)


@router.post("/bank/{requisition_id}")
async def log_in(request: Request, requisition_id: str) -> Response:
    """Log in, and choose whose books to see."""
    sandbox, requisition = _find(request, requisition_id, "UA")
    form = await request.form()
    if _refuses(form):
        return _refuse(requisition)
    scenarios = BANKS[requisition.institution_id].scenarios
    scenario = str(form.get("scenario") or scenarios[0])
    if scenario not in scenarios:
        raise errors.refusal(
            400, "Unknown scenario", f"Choose one of {', '.join(scenarios)} as scenario."
        )
    requisition.scenario = scenario
    requisition.status = "SA" if requisition.account_selection else "GA"
    _write_ahead(sandbox, requisition)
    return _go(request, "accounts" if requisition.account_selection else "grant", requisition)


@router.get("/accounts/{requisition_id}")
async def choose_page(request: Request, requisition_id: str) -> Response:
    """Show the accounts to choose from."""
    sandbox, requisition = _find(request, requisition_id, "SA")
    return _page(request, "accounts", sandbox, requisition)


@router.post("/accounts/{requisition_id}")
async def choose(request: Request, requisition_id: str) -> Response:
    """Choose accounts; none chosen means all."""
    _, requisition = _find(request, requisition_id, "SA")
    form = await request.form()
    if _refuses(form):
        return _refuse(requisition)
    requisition.selected = [str(key) for key in form.getlist("accounts")]
    requisition.status = "GA"
    return _go(request, "grant", requisition)


@router.get("/grant/{requisition_id}")
async def grant_page(request: Request, requisition_id: str) -> Response:
    """Show which accounts will be read, to be confirmed."""
    sandbox, requisition = _find(request, requisition_id, "GA")
    return _page(request, "grant", sandbox, requisition)


@router.post("/grant/{requisition_id}")
async def grant(request: Request, requisition_id: str) -> Response:
    """Give access, and go back to where the account holder came from."""
    sandbox, requisition = _find(request, requisition_id, "GA")
    if _refuses(await request.form()):
        return _refuse(requisition)
    link_accounts(sandbox, requisition)
    return _leave(requisition)


@router.get("/reconfirm/{agreement_id}")
async def reconfirm_page(request: Request, agreement_id: str) -> Response:
    """Show which accounts can be reconfirmed."""
    sandbox, requisition = _reconfirmed(request, agreement_id)
    return _page(request, "reconfirm", sandbox, requisition)


@router.post("/reconfirm/{agreement_id}")
async def reconfirm(request: Request, agreement_id: str) -> Response:
    """Extend the access to all accounts, or refuse to."""
    sandbox, requisition = _reconfirmed(request, agreement_id)
    found = sandbox.state.reconfirmations[requisition.agreement]
    found.last_submitted = sandbox.now()
    refuses = _refuses(await request.form())
    answered = found.rejected if refuses else found.confirmed
    answered.update(dict.fromkeys(requisition.accounts, sandbox.now()))
    requisition = _with_redirect(requisition, found.redirect)
    return _refuse(requisition, "RJ") if refuses else _leave(requisition)


def link_accounts(sandbox: Sandbox, requisition: Requisition) -> None:
    """Complete a requisition: its accounts exist from now on.

    :param sandbox: Where the accounts are remembered.
    :param requisition: Requisition whose scenario and selection are known.
    """
    bank = BANKS[requisition.institution_id]
    now = sandbox.now()
    agreement = sandbox.state.agreements[requisition.agreement]
    agreement.accepted = agreement.accepted or now
    requisition.scenario = requisition.scenario or bank.scenarios[0]
    requisition.accounts = []
    for holder in _chosen(sandbox, bank, requisition):
        account_id = _account_id(sandbox, bank, requisition, holder)
        known = sandbox.state.accounts.get(account_id)
        sandbox.state.accounts[account_id] = Account(
            id=account_id,
            created=known.created if known else now,
            last_accessed=now,
            requisition=requisition.id,
            institution_id=bank.id,
            scenario=requisition.scenario,
            key=holder.key,
            iban=holder.masked_pan or holder.iban,
            owner_name=holder.owner,
            name=holder.name,
            status="PROCESSING" if requisition.redirect_immediate else "READY",
            ready_from=now + timedelta(seconds=PROCESSING_SECONDS)
            if requisition.redirect_immediate
            else None,
        )
        requisition.accounts.append(account_id)
    requisition.status = "LN"


def _write_ahead(sandbox: Sandbox, requisition: Requisition) -> None:
    """Begin to write the book while the account holder reads on: a large one takes seconds."""
    bank = BANKS[requisition.institution_id]
    scenario = requisition.scenario or bank.scenarios[0]
    asyncio.get_running_loop().run_in_executor(
        None, sandbox.library.book, bank, scenario, sandbox.today()
    )


def _account_id(sandbox: Sandbox, bank: Bank, requisition: Requisition, holder: BookAccount) -> str:
    """Return a new id for every consent, except at the banks that keep theirs."""
    owner = sandbox.state.secret_id if bank.stable_accounts else requisition.id
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{owner}/{bank.id}/{holder.resource_id}"))


def _chosen(sandbox: Sandbox, bank: Bank, requisition: Requisition) -> list[BookAccount]:
    scenario = requisition.scenario or bank.scenarios[0]
    holders = sandbox.library.accounts(bank, scenario)
    return [
        holder
        for holder in holders
        if not requisition.selected or holder.key in requisition.selected
    ]


def _find(
    request: Request, requisition_id: str, status: str | None = None
) -> tuple[Sandbox, Requisition]:
    sandbox = sandbox_of(request)
    requisition = sandbox.state.requisitions.get(requisition_id)
    if requisition is None or (status is not None and requisition.status != status):
        raise errors.not_found()
    return sandbox, requisition


def _reconfirmed(request: Request, agreement_id: str) -> tuple[Sandbox, Requisition]:
    sandbox = sandbox_of(request)
    agreement = sandbox.state.agreements.get(agreement_id)
    found = sandbox.state.reconfirmations.get(agreement_id)
    requisition = find_requisition(sandbox, agreement) if agreement else None
    if found is None or requisition is None:
        raise errors.not_found()
    if not found.url_valid_from <= sandbox.now() <= found.url_valid_to:
        raise errors.refusal(400, "Too early or too late", "This page is not open at present.")
    return sandbox, requisition


def _page(request: Request, name: str, sandbox: Sandbox, requisition: Requisition) -> Response:
    bank = BANKS[requisition.institution_id]
    agreement = sandbox.state.agreements.get(requisition.agreement)
    if agreement is None:
        raise errors.not_found()
    context = {
        "bank": bank,
        "agreement": agreement,
        "requisition": requisition,
        "holders": _chosen(sandbox, bank, requisition),
    }
    return _TEMPLATES.TemplateResponse(request, f"{name}.html", context)


def _refuses(form: FormData) -> bool:
    return form.get("decision") == "refuse"


def _go(request: Request, page: str, requisition: Requisition) -> Response:
    address = request.url.replace(path=f"/psd2/{page}/{requisition.id}", query="")
    return RedirectResponse(str(address), _SEE_OTHER)


def _refuse(requisition: Requisition, status: str = "RJ") -> Response:
    if status == "RJ" and requisition.status != "LN":
        requisition.status = "RJ"
    return _leave(requisition, "UserCancelledSession", "User cancelled the session.")


def _with_redirect(requisition: Requisition, redirect: str | None) -> Requisition:
    if redirect is None:
        return requisition
    return Requisition(
        id=requisition.id,
        created=requisition.created,
        redirect=redirect,
        status=requisition.status,
        institution_id=requisition.institution_id,
        agreement=requisition.agreement,
        reference=requisition.reference,
        link=requisition.link,
    )


def _leave(
    requisition: Requisition, error: str | None = None, details: str | None = None
) -> Response:
    """Send the account holder back, with the reference and perhaps the reason of a failure."""
    parts = urlsplit(requisition.redirect)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("ref", requisition.reference)]
    if error is not None:
        query += [("error", error), ("details", details or "")]
    return RedirectResponse(urlunsplit(parts._replace(query=urlencode(query))), _SEE_OTHER)
