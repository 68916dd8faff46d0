"""Customers: whom a tenant invoices."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import TypeAdapter

from payymo.api.customers.models import CustomerCreate, CustomerRead, CustomerUpdate, PayerRead
from payymo.api.dependencies import MemberDep, ServicesDep, SessionDep, WriterDep
from payymo.api.envelopes import Collection, Item, item_response, page_response
from payymo.api.fields import ShortText
from payymo.api.openapi import errors
from payymo.api.pagination import PagingDep
from payymo.api.routing import API_PREFIX, resource_router
from payymo.postgres.reconciliation.operations.customers import (
    CustomerValues,
    create_customer,
    delete_customer,
    get_customer,
    list_customers,
    update_customer,
)
from payymo.postgres.reconciliation.operations.memory import list_payers

router = resource_router("/customers", tag="customers")

_CUSTOMERS = TypeAdapter(list[CustomerRead])
_PAYERS = TypeAdapter(list[PayerRead])


@router.get("", name="list", response_model=Collection[CustomerRead])
def list_all(
    member: MemberDep,
    session: SessionDep,
    paging: PagingDep,
    q: Annotated[ShortText | None, Query(description="Words in the name or the number.")] = None,
) -> Response:
    """Return customers, by name."""
    page = list_customers(
        session, member.tenant_id, q=q, page=paging.page, per_page=paging.per_page
    )
    rows = [CustomerRead.of(customer) for customer in page.rows]
    return page_response(_CUSTOMERS, rows, total=page.total, paging=paging)


@router.post("", status_code=HTTPStatus.CREATED, response_model=Item[CustomerRead])
def create(body: CustomerCreate, member: WriterDep, session: SessionDep) -> Response:
    """Add a customer."""
    values = CustomerValues(
        number=body.number,
        name=body.name,
        email=body.email,
        country=body.country,
        ibans=tuple(body.ibans),
    )
    customer = create_customer(session, member.tenant_id, values, actor_id=member.user_id)
    location = f"{API_PREFIX}/customers/{customer.id}"
    return item_response(
        CustomerRead.of(customer), status=HTTPStatus.CREATED, headers={"Location": location}
    )


@router.get("/{customer_id}", response_model=Item[CustomerRead])
def read(customer_id: UUID, member: MemberDep, session: SessionDep) -> Response:
    """Return one customer."""
    return item_response(CustomerRead.of(get_customer(session, member.tenant_id, customer_id)))


@router.get("/{customer_id}/payers", name="payers", response_model=Collection[PayerRead])
def list_payers_of(
    customer_id: UUID, member: MemberDep, session: SessionDep, paging: PagingDep
) -> Response:
    """Return what decisions taught of who pays for a customer, the latest payer first."""
    get_customer(session, member.tenant_id, customer_id)
    payers = list_payers(session, member.tenant_id, customer_id)
    start = (paging.page - 1) * paging.per_page
    rows = [PayerRead.model_validate(payer) for payer in payers[start : start + paging.per_page]]
    return page_response(_PAYERS, rows, total=len(payers), paging=paging)


@router.patch("/{customer_id}", response_model=Item[CustomerRead], responses=errors(409))
def update(
    customer_id: UUID,
    body: CustomerUpdate,
    member: WriterDep,
    services: ServicesDep,
    session: SessionDep,
) -> Response:
    """Change a customer; what is left out stays."""
    customer = update_customer(
        session, member.tenant_id, customer_id, actor_id=member.user_id, **body
    )
    services.queue.queue_match(session, member.tenant_id, requested_by=None)
    return item_response(CustomerRead.of(customer))


@router.delete("/{customer_id}", status_code=HTTPStatus.NO_CONTENT, responses=errors(422))
def delete(customer_id: UUID, member: WriterDep, session: SessionDep) -> None:
    """Delete a customer who has no invoices."""
    delete_customer(session, member.tenant_id, customer_id, actor_id=member.user_id)
