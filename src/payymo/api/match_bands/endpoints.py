"""How many matches wait, how sure they are, and how right such matches turned out to be."""

from fastapi import Response
from pydantic import TypeAdapter

from payymo.api.dependencies import MemberDep, SessionDep
from payymo.api.envelopes import Collection, page_response
from payymo.api.match_bands.models import BandRead
from payymo.api.pagination import PagingDep
from payymo.api.routing import resource_router
from payymo.postgres.reconciliation.operations.review_queue import list_bands

router = resource_router("/match_bands", tag="match_bands")

_BANDS = TypeAdapter(list[BandRead])


@router.get("", name="list", response_model=Collection[BandRead])
def list_all(member: MemberDep, session: SessionDep, paging: PagingDep) -> Response:
    """Return the bands of confidence with their matches of the engine, the surest last."""
    bands = list_bands(session, member.tenant_id)
    start = (paging.page - 1) * paging.per_page
    rows = [BandRead.model_validate(band) for band in bands[start : start + paging.per_page]]
    return page_response(_BANDS, rows, total=len(bands), paging=paging)
