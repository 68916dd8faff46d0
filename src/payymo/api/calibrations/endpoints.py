"""What the engine's confidence turned out to be worth to a tenant."""

from fastapi import Response
from pydantic import TypeAdapter

from payymo.api.calibrations.models import CalibrationRead
from payymo.api.dependencies import MemberDep, SessionDep
from payymo.api.envelopes import Collection, page_response
from payymo.api.pagination import PagingDep
from payymo.api.routing import resource_router
from payymo.postgres.reconciliation.operations.calibrations import list_calibrations

router = resource_router("/calibrations", tag="calibrations")

_CALIBRATIONS = TypeAdapter(list[CalibrationRead])


@router.get("", name="list", response_model=Collection[CalibrationRead])
def list_all(member: MemberDep, session: SessionDep, paging: PagingDep) -> Response:
    """Return the versions of the tenant's curve, the latest first."""
    page = list_calibrations(session, member.tenant_id, page=paging.page, per_page=paging.per_page)
    rows = [CalibrationRead.of(calibration) for calibration in page.rows]
    return page_response(_CALIBRATIONS, rows, total=page.total, paging=paging)
