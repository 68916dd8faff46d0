"""Invoices: what customers owe, and how much of it came."""

from http import HTTPStatus
from typing import Annotated, cast
from uuid import UUID

from fastapi import Query, Response
from pydantic import TypeAdapter

from payymo.api.dependencies import MemberDep, ServicesDep, SessionDep, WriterDep
from payymo.api.envelopes import Collection, Item, item_response, page_response
from payymo.api.invoices.models import InvoiceCreate, InvoiceQuery, InvoiceRead, InvoiceUpdate
from payymo.api.openapi import errors
from payymo.api.pagination import PagingDep
from payymo.api.routing import API_PREFIX, resource_router
from payymo.postgres.reconciliation.operations.invoices import (
    InvoiceChanges,
    InvoiceValues,
    create_invoice,
    delete_invoice,
    get_invoice,
    list_invoices,
    update_invoice,
    void_invoice,
)

router = resource_router("/invoices", tag="invoices")

_INVOICES = TypeAdapter(list[InvoiceRead])


@router.get("", name="list", response_model=Collection[InvoiceRead])
def list_all(
    query: Annotated[InvoiceQuery, Query()],
    member: MemberDep,
    services: ServicesDep,
    session: SessionDep,
    paging: PagingDep,
) -> Response:
    """Return invoices, the latest first."""
    today = services.clock().date()
    page = list_invoices(
        session,
        member.tenant_id,
        where=query.criteria(today),
        page=paging.page,
        per_page=paging.per_page,
    )
    rows = [InvoiceRead.of(invoice, today=today) for invoice in page.rows]
    return page_response(_INVOICES, rows, total=page.total, paging=paging)


@router.post(
    "", status_code=HTTPStatus.CREATED, response_model=Item[InvoiceRead], responses=errors(404, 422)
)
def create(
    body: InvoiceCreate, member: WriterDep, services: ServicesDep, session: SessionDep
) -> Response:
    """Add an invoice."""
    values = InvoiceValues(
        customer_id=body.customer_id,
        number=body.number,
        currency=body.currency,
        total=body.total,
        issue_date=body.issue_date,
        due_date=body.due_date,
        structured_reference=body.structured_reference,
        note=body.note,
    )
    invoice = create_invoice(session, member.tenant_id, values, actor_id=member.user_id)
    services.queue.queue_match(session, member.tenant_id, requested_by=None)
    return item_response(
        InvoiceRead.of(invoice, today=services.clock().date()),
        status=HTTPStatus.CREATED,
        headers={"Location": f"{API_PREFIX}/invoices/{invoice.id}"},
    )


@router.get("/{invoice_id}", response_model=Item[InvoiceRead])
def read(
    invoice_id: UUID, member: MemberDep, services: ServicesDep, session: SessionDep
) -> Response:
    """Return one invoice with its balance."""
    invoice = get_invoice(session, member.tenant_id, invoice_id)
    return item_response(InvoiceRead.of(invoice, today=services.clock().date()))


@router.patch("/{invoice_id}", response_model=Item[InvoiceRead], responses=errors(409, 422))
def update(
    invoice_id: UUID,
    body: InvoiceUpdate,
    member: WriterDep,
    services: ServicesDep,
    session: SessionDep,
) -> Response:
    """Change an invoice, or void it; what is left out stays."""
    now = services.clock()
    changes = cast(
        "InvoiceChanges", {name: value for name, value in body.items() if name != "status"}
    )
    invoice = update_invoice(
        session, member.tenant_id, invoice_id, actor_id=member.user_id, **changes
    )
    if "status" in body:
        invoice = void_invoice(
            session, member.tenant_id, invoice_id, actor_id=member.user_id, now=now
        )
    services.queue.queue_match(session, member.tenant_id, requested_by=None)
    return item_response(InvoiceRead.of(invoice, today=now.date()))


@router.delete("/{invoice_id}", status_code=HTTPStatus.NO_CONTENT, responses=errors(422))
def delete(invoice_id: UUID, member: WriterDep, services: ServicesDep, session: SessionDep) -> None:
    """Delete an invoice that no match names; others are voided instead."""
    delete_invoice(session, member.tenant_id, invoice_id, actor_id=member.user_id)
    services.queue.queue_match(session, member.tenant_id, requested_by=None)
