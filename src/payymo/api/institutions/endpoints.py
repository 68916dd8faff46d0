"""Banks that can be connected: listed by country, searched by name."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Response
from pydantic import TypeAdapter

from payymo.api.dependencies import MemberDep, ServicesDep, SessionDep
from payymo.api.envelopes import Collection, Item, item_response, page_response
from payymo.api.fields import CountryIn, ShortText
from payymo.api.institutions.models import InstitutionRead
from payymo.api.openapi import errors
from payymo.api.pagination import PagingDep
from payymo.api.routing import resource_router
from payymo.domain.enums import Provider
from payymo.domain.errors import NotFoundError
from payymo.postgres.common.operations.institutions import (
    find_institution,
    get_institution,
    list_institutions,
)
from payymo.workflows.institutions import ensure_institutions

router = resource_router("/institutions", tag="institutions")

_INSTITUTIONS = TypeAdapter(list[InstitutionRead])

_ID_CHARACTERS_MAX = 200

Country = Annotated[
    CountryIn | None,
    Query(
        description="ISO 3166-1 alpha-2 code; XX for the provider's test bank.",
        examples=["DE"],
    ),
]


@router.get(
    "",
    name="list",
    response_model=Collection[InstitutionRead],
    responses=errors(422, 502, 503),
)
def list_all(
    *,
    member: MemberDep,
    services: ServicesDep,
    session: SessionDep,
    paging: PagingDep,
    country: Country = None,
    q: Annotated[
        ShortText | None, Query(description="Part of the name or of the BIC.", examples=["sand"])
    ] = None,
) -> Response:
    """Return banks by name; the provider is asked for a country's banks at most once a day."""
    ensure_institutions(
        services.sessions,
        services.providers,
        tenant_id=member.tenant_id,
        provider=Provider.GOCARDLESS,
        country=country,
        clock=services.clock,
    )
    page = list_institutions(
        session, country=country, q=q, page=paging.page, per_page=paging.per_page
    )
    rows = [InstitutionRead.model_validate(row) for row in page.rows]
    return page_response(_INSTITUTIONS, rows, total=page.total, paging=paging)


@router.get(
    "/{institution_id}", response_model=Item[InstitutionRead], responses=errors(422, 502, 503)
)
def read(
    institution_id: Annotated[
        str,
        Path(
            max_length=_ID_CHARACTERS_MAX,
            pattern=r"^[\w.-]+$",
            description="Payymo's id of the bank, or the provider's.",
            examples=["SANDBOXFINANCE_SFIN0000"],
        ),
    ],
    member: MemberDep,
    services: ServicesDep,
    session: SessionDep,
) -> Response:
    """Return one bank."""
    own_id = _read_uuid(institution_id)
    if own_id is not None:
        return item_response(InstitutionRead.model_validate(get_institution(session, own_id)))
    ensure_institutions(
        services.sessions,
        services.providers,
        tenant_id=member.tenant_id,
        provider=Provider.GOCARDLESS,
        country=None,
        clock=services.clock,
    )
    institution = find_institution(session, Provider.GOCARDLESS, institution_id)
    if institution is None:
        raise NotFoundError("There is no such institution.")
    return item_response(InstitutionRead.model_validate(institution))


def _read_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
