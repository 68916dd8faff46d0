"""``/institutions/…``: the banks that can be connected."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from payymo.sandbox import errors
from payymo.sandbox.api.body import Problems, check_query
from payymo.sandbox.banks import BANKS, COUNTRIES, FEATURE_FILTERS, list_banks
from payymo.sandbox.service import Sandbox, answer, visit

#: Old filter that clients still send; the sandbox has no payments.
_FORGIVEN = ("payments_enabled",)

router = APIRouter(prefix="/institutions")

SandboxDep = Annotated[Sandbox, Depends(visit("institutions", "institutions"))]


@router.get("/")
async def index(request: Request, _sandbox: SandboxDep) -> Response:
    """List the banks of a country, or all, with certain features."""
    check_query(request, ("country", *FEATURE_FILTERS, *_FORGIVEN))
    problems = Problems()
    country = request.query_params.get("country")
    if country is not None and country.upper() not in COUNTRIES:
        problems.put("country", "Invalid country choice.", f"{country} is not a valid choice.")
    wanted = {}
    for name, feature in FEATURE_FILTERS.items():
        value = request.query_params.get(name)
        if value is None:
            continue
        if value.lower() not in ("true", "false"):
            problems.say(name, "Must be a valid boolean.")
        wanted[feature] = value.lower() == "true"
    problems.refuse()
    return answer([bank.body() for bank in list_banks(country and country.upper(), wanted)])


@router.get("/{institution_id}/")
async def show(institution_id: str, _sandbox: SandboxDep) -> Response:
    """Show one bank."""
    bank = BANKS.get(institution_id)
    if bank is None:
        raise errors.not_found()
    return answer(bank.body())
