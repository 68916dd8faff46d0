"""``/requisitions/…``: one attempt of an account holder to give access."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from payymo.sandbox import errors
from payymo.sandbox.api.agreements import find_requisition, new_agreement
from payymo.sandbox.api.body import (
    Problems,
    boolean_field,
    check_query,
    check_uuid,
    is_uri,
    read_body,
    text_field,
)
from payymo.sandbox.api.pages import page
from payymo.sandbox.banks import BANKS, Bank
from payymo.sandbox.service import Sandbox, answer, visit
from payymo.sandbox.state import Agreement, Requisition

REDIRECT_LENGTH_MAX = 1024
REFERENCE_LENGTH_MAX = 256
SSN_LENGTH_MAX = 64

LANGUAGES = frozenset(
    """
    bg cs da de el en es et fi fr hr hu is it lb lt lv mt nl no pl pt ro ru sk sl sv
    """.split()
)

_FIELDS = (
    "redirect",
    "institution_id",
    "agreement",
    "reference",
    "user_language",
    "ssn",
    "account_selection",
    "redirect_immediate",
)

router = APIRouter(prefix="/requisitions")

ReadDep = Annotated[Sandbox, Depends(visit("requisitions_read", "requisitions"))]
WriteDep = Annotated[Sandbox, Depends(visit("requisitions_write", "requisitions"))]
DeleteDep = Annotated[Sandbox, Depends(visit("delete", "requisitions"))]


@router.get("/")
async def index(request: Request, sandbox: ReadDep) -> Response:
    """List all requisitions, newest first."""
    check_query(request, ("limit", "offset"))
    requisitions = sorted(
        sandbox.state.requisitions.values(), key=lambda item: item.created, reverse=True
    )
    return page(request, [requisition.body() for requisition in requisitions])


@router.post("/")
async def create(request: Request, sandbox: WriteDep) -> Response:
    """Make a requisition, and the link where access can be given."""
    fields = await read_body(request, _FIELDS)
    problems = Problems()
    bank = _bank(fields, problems)
    redirect = _redirect(fields, problems)
    reference = _reference(sandbox, fields, problems)
    agreement = _agreement(sandbox, fields, bank, problems)
    language = _language(fields, problems)
    ssn = text_field(fields, "ssn", problems, length_max=SSN_LENGTH_MAX)
    selection = boolean_field(fields, "account_selection", problems)
    immediate = boolean_field(fields, "redirect_immediate", problems)
    _check_features(bank, ssn, problems, selection=selection)
    problems.refuse()
    if bank is None or redirect is None:
        raise errors.not_found()
    _check_allowance(sandbox)

    requisition_id = str(uuid.uuid4())
    requisition = Requisition(
        id=requisition_id,
        created=sandbox.now(),
        redirect=redirect,
        status="CR",
        institution_id=bank.id,
        agreement=(agreement or new_agreement(sandbox, bank)).id,
        reference=reference or requisition_id,
        link=f"{request.url.scheme}://{request.url.netloc}/psd2/start/{requisition_id}/{bank.id}",
        user_language=language,
        ssn=ssn,
        account_selection=selection,
        redirect_immediate=immediate,
    )
    sandbox.state.requisitions[requisition.id] = requisition
    return answer(requisition.body(), 201)


@router.get("/{requisition_id}/")
async def show(requisition_id: str, sandbox: ReadDep) -> Response:
    """Show one requisition."""
    return answer(_requisition(sandbox, requisition_id).body())


@router.delete("/{requisition_id}/")
async def delete(requisition_id: str, sandbox: DeleteDep) -> Response:
    """Delete a requisition, and its agreement with it."""
    requisition = _requisition(sandbox, requisition_id)
    del sandbox.state.requisitions[requisition.id]
    sandbox.state.agreements.pop(requisition.agreement, None)
    return answer(
        {
            "summary": "Requisition deleted",
            "detail": f"Requisition {requisition.id} deleted with all its End User Agreements",
        }
    )


def _requisition(sandbox: Sandbox, requisition_id: str) -> Requisition:
    requisition = sandbox.state.requisitions.get(check_uuid("", requisition_id))
    if requisition is None:
        raise errors.not_found()
    return requisition


def _bank(fields: dict[str, Any], problems: Problems) -> Bank | None:
    institution_id = text_field(fields, "institution_id", problems, required=True)
    bank = BANKS.get(institution_id or "")
    if bank is None and institution_id is not None:
        problems.put(
            "institution_id",
            f"Unknown Institution ID {institution_id}",
            "Get Institution IDs from /institutions/?country={$COUNTRY_CODE}",
        )
    return bank


def _redirect(fields: dict[str, Any], problems: Problems) -> str | None:
    redirect = text_field(
        fields, "redirect", problems, required=True, length_max=REDIRECT_LENGTH_MAX
    )
    if redirect is not None and not is_uri(redirect):
        problems.list(
            "redirect", "Invalid redirect URI", "Redirect URI must have a valid URI structure"
        )
    return redirect


def _reference(sandbox: Sandbox, fields: dict[str, Any], problems: Problems) -> str | None:
    reference = text_field(fields, "reference", problems, length_max=REFERENCE_LENGTH_MAX)
    taken = {requisition.reference for requisition in sandbox.state.requisitions.values()}
    if reference in taken:
        problems.put(
            "reference",
            "Client reference must be unique",
            f"Client reference: {reference} already exists",
        )
    return reference


def _agreement(
    sandbox: Sandbox, fields: dict[str, Any], bank: Bank | None, problems: Problems
) -> Agreement | None:
    if fields.get("agreement") is None:
        return None
    text = str(fields["agreement"])
    try:
        agreement_id = str(uuid.UUID(text))
    except ValueError:
        problems.list(
            "agreement",
            "Invalid EndUserAgreement ID",
            f"{text} is not a valid EndUserAgreement UUID.  Please specify valid agreement from "
            "/api/agreements/enduser/ or create a new one",
        )
        return None
    agreement = sandbox.state.agreements.get(agreement_id)
    if agreement is None:
        body = errors.problem(
            f"ID {agreement_id} not found", "Please check whether you specified a valid ID"
        )
        raise errors.RefusalError(404, {"agreement": body})
    if bank is not None and agreement.institution_id != bank.id:
        problems.put(
            "agreement",
            f"Incorrect Institution ID {bank.id}",
            f"Provided Institution ID: '{bank.id}' for requisition does not match EUA institution "
            f"ID '{agreement.institution_id}'. Please provide correct institution ID: "
            f"'{agreement.institution_id}'",
        )
    user = find_requisition(sandbox, agreement)
    if user is not None:
        problems.list(
            "agreement",
            f"Agreement {agreement.id} is already associated",
            f"The agreement is already associated with requisition {user.id}. Please provide a "
            "valid agreement or use a different requisition.",
        )
    return agreement


def _language(fields: dict[str, Any], problems: Problems) -> str | None:
    language = text_field(fields, "user_language", problems)
    if language is not None and language.lower() not in LANGUAGES:
        problems.put(
            "user_language",
            "Provided user_language is invalid or not supported",
            f"'{language}' is an invalid or unsupported language",
        )
    return language


def _check_features(
    bank: Bank | None, ssn: str | None, problems: Problems, *, selection: bool
) -> None:
    bank_id, features = (bank.id, bank.features) if bank else ("", ())
    if ssn is not None and "ssn_verification" not in features:
        problems.list(
            "ssn", "SSN verification not supported", f"SSN verification not supported for {bank_id}"
        )
    elif ssn is not None and "verified" in ssn.lower():
        problems.list("ssn", "verified not allowed", "'ssn' contains verified")
    if selection and "account_selection" not in features:
        problems.put(
            "account_selection",
            "Account selection not supported",
            f"Account selection not supported for {bank_id}",
        )


def _check_allowance(sandbox: Sandbox) -> None:
    connections_max = sandbox.state.company.connections_max
    linked = sum(item.status == "LN" for item in sandbox.state.requisitions.values())
    if connections_max is not None and linked >= connections_max:
        raise errors.payment_required()
