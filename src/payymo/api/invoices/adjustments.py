"""What settles an invoice without money: write-offs and the like, as people book them."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Self
from uuid import UUID

from fastapi import Response
from pydantic import Field, TypeAdapter

from payymo.api.credits.models import Reason, line_status
from payymo.api.dependencies import MemberDep, ServicesDep, SessionDep, WriterDep
from payymo.api.envelopes import (
    Collection,
    Item,
    RequestModel,
    ResponseModel,
    item_response,
    page_response,
)
from payymo.api.fields import AmountOut, PositiveAmountIn
from payymo.api.openapi import errors
from payymo.api.pagination import PagingDep
from payymo.api.routing import API_PREFIX, resource_router
from payymo.domain.enums import AdjustmentKind, LineStatus
from payymo.domain.money import format_amount
from payymo.postgres.reconciliation.models import Adjustment
from payymo.postgres.reconciliation.operations.adjustments import (
    create_adjustment,
    get_adjustment,
    list_adjustments,
    reverse_adjustment,
)
from payymo.postgres.reconciliation.operations.invoices import get_invoice

router = resource_router("/invoices", tag="invoices")


class AdjustmentRead(ResponseModel):
    """What settles an invoice without money."""

    id: UUID
    invoice_id: UUID
    kind: AdjustmentKind
    status: LineStatus
    amount: Annotated[AmountOut, Field(examples=["2.50"])]
    currency: Annotated[str, Field(examples=["EUR"])]
    reason: str | None
    match_id: Annotated[
        UUID | None, Field(description="The match that it goes with; null when booked alone.")
    ]
    created_by: UUID | None
    created_at: datetime
    reversed_by: UUID | None
    reversed_at: datetime | None

    @classmethod
    def of(cls, adjustment: Adjustment, *, currency: str) -> Self:
        """Present an adjustment.

        :param adjustment: Row.
        :param currency: The invoice's.
        """
        return cls(
            id=adjustment.id,
            invoice_id=adjustment.invoice_id,
            kind=adjustment.kind,
            status=line_status(adjustment.reversed_at),
            amount=format_amount(adjustment.amount, currency),
            currency=currency,
            reason=adjustment.reason,
            match_id=adjustment.match_id,
            created_by=adjustment.created_by,
            created_at=adjustment.created_at,
            reversed_by=adjustment.reversed_by,
            reversed_at=adjustment.reversed_at,
        )


class AdjustmentCreate(RequestModel):
    """A new adjustment of an invoice."""

    kind: AdjustmentKind = AdjustmentKind.WRITE_OFF
    amount: Annotated[
        PositiveAmountIn, Field(description="In the invoice's currency.", examples=["2.50"])
    ]
    reason: Reason = None


_ADJUSTMENTS = TypeAdapter(list[AdjustmentRead])


@router.get("/{invoice_id}/adjustments", response_model=Collection[AdjustmentRead])
def list_of_adjustments(
    invoice_id: UUID, member: MemberDep, session: SessionDep, paging: PagingDep
) -> Response:
    """Return what settles an invoice without money, in order, what was reversed included."""
    currency = get_invoice(session, member.tenant_id, invoice_id).currency
    found = list_adjustments(session, member.tenant_id, invoice_id)
    rows = [AdjustmentRead.of(adjustment, currency=currency) for adjustment in paging.cut(found)]
    return page_response(_ADJUSTMENTS, rows, total=len(found), paging=paging)


@router.post(
    "/{invoice_id}/adjustments",
    status_code=HTTPStatus.CREATED,
    response_model=Item[AdjustmentRead],
    responses=errors(422),
)
def add_adjustment(
    invoice_id: UUID,
    body: AdjustmentCreate,
    member: WriterDep,
    services: ServicesDep,
    session: SessionDep,
) -> Response:
    """Settle some of an invoice without money: write it off, unless another kind is named."""
    adjustment = create_adjustment(
        session,
        member.tenant_id,
        invoice_id,
        kind=body.kind,
        amount=body.amount,
        reason=body.reason,
        actor_id=member.user_id,
        now=services.clock(),
    )
    services.queue.queue_match(session, member.tenant_id, requested_by=None)
    currency = get_invoice(session, member.tenant_id, invoice_id).currency
    return item_response(
        AdjustmentRead.of(adjustment, currency=currency),
        status=HTTPStatus.CREATED,
        headers={"Location": f"{API_PREFIX}/invoices/{invoice_id}/adjustments/{adjustment.id}"},
    )


@router.get("/{invoice_id}/adjustments/{adjustment_id}", response_model=Item[AdjustmentRead])
def read_adjustment(
    invoice_id: UUID, adjustment_id: UUID, member: MemberDep, session: SessionDep
) -> Response:
    """Return one adjustment of an invoice."""
    adjustment = get_adjustment(session, member.tenant_id, invoice_id, adjustment_id)
    currency = get_invoice(session, member.tenant_id, invoice_id).currency
    return item_response(AdjustmentRead.of(adjustment, currency=currency))


@router.delete(
    "/{invoice_id}/adjustments/{adjustment_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=errors(422),
)
def delete_adjustment(
    invoice_id: UUID,
    adjustment_id: UUID,
    member: WriterDep,
    services: ServicesDep,
    session: SessionDep,
) -> None:
    """Take an adjustment back, and keep it as history; one of a match goes with the match."""
    reverse_adjustment(
        session,
        member.tenant_id,
        invoice_id,
        adjustment_id,
        actor_id=member.user_id,
        now=services.clock(),
    )
    services.queue.queue_match(session, member.tenant_id, requested_by=None)
