"""Customers' credit: where it came from, what is left of it, and what becomes of it."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import TypeAdapter

from payymo.api.credits.models import (
    CreditBalanceRead,
    CreditNoteCreate,
    CreditProposalRead,
    CreditQuery,
    CreditRead,
    CreditUseCreate,
    CreditUseRead,
)
from payymo.api.dependencies import MemberDep, ServicesDep, SessionDep, WriterDep
from payymo.api.envelopes import Collection, Item, item_response, page_response
from payymo.api.openapi import errors
from payymo.api.pagination import PagingDep
from payymo.api.routing import API_PREFIX, resource_router
from payymo.postgres.reconciliation.operations.credits import (
    CreditFilter,
    CreditNoteValues,
    create_credit_note,
    get_credit,
    get_use,
    list_credit_balances,
    list_credits,
    list_uses,
    reverse_credit_note,
    reverse_use,
    use_credit,
)
from payymo.postgres.reconciliation.operations.customers import get_customer
from payymo.workflows.credits import propose_credit_uses

router = resource_router("/credits", tag="credits")
notes = resource_router("/credit_notes", tag="credits")
proposals = resource_router("/credit_proposals", tag="credits")
of_customer = resource_router("/customers", tag="credits")

_CREDITS = TypeAdapter(list[CreditRead])
_BALANCES = TypeAdapter(list[CreditBalanceRead])
_PROPOSALS = TypeAdapter(list[CreditProposalRead])
_USES = TypeAdapter(list[CreditUseRead])


@router.get("", name="list", response_model=Collection[CreditRead])
def list_all(
    query: Annotated[CreditQuery, Query()],
    member: MemberDep,
    session: SessionDep,
    paging: PagingDep,
) -> Response:
    """Return what customers have good, the latest first, what was reversed included."""
    page = list_credits(
        session,
        member.tenant_id,
        where=query.criteria(),
        page=paging.page,
        per_page=paging.per_page,
    )
    rows = [CreditRead.of(credit) for credit in page.rows]
    return page_response(_CREDITS, rows, total=page.total, paging=paging)


@router.get("/{credit_id}", response_model=Item[CreditRead])
def read(credit_id: UUID, member: MemberDep, session: SessionDep) -> Response:
    """Return one credit with what is left of it."""
    return item_response(CreditRead.of(get_credit(session, member.tenant_id, credit_id)))


@router.delete("/{credit_id}", status_code=HTTPStatus.NO_CONTENT, responses=errors(422))
def delete(credit_id: UUID, member: WriterDep, services: ServicesDep, session: SessionDep) -> None:
    """Take a credit note back that is not used, and keep it as history.

    A payment's credit goes with its match.
    """
    reverse_credit_note(
        session, member.tenant_id, credit_id, actor_id=member.user_id, now=services.clock()
    )
    services.queue.queue_match(session, member.tenant_id, requested_by=None)


@router.get("/{credit_id}/uses", response_model=Collection[CreditUseRead])
def list_its_uses(
    credit_id: UUID, member: MemberDep, session: SessionDep, paging: PagingDep
) -> Response:
    """Return what became of a credit, in order, what was reversed included."""
    credit = get_credit(session, member.tenant_id, credit_id)
    rows = [
        CreditUseRead.of(use, currency=credit.currency)
        for use, _ in list_uses(session, member.tenant_id, credit_id)
    ]
    return page_response(_USES, paging.cut(rows), total=len(rows), paging=paging)


@router.post(
    "/{credit_id}/uses",
    status_code=HTTPStatus.CREATED,
    response_model=Item[CreditUseRead],
    responses=errors(422),
)
def create_use(
    credit_id: UUID,
    body: CreditUseCreate,
    member: WriterDep,
    services: ServicesDep,
    session: SessionDep,
) -> Response:
    """Apply credit to an invoice of its customer, note its refund, or write it off."""
    use = use_credit(
        session,
        member.tenant_id,
        credit_id,
        kind=body.kind,
        amount=body.amount,
        invoice_id=body.invoice_id,
        transaction_id=body.transaction_id,
        reason=body.reason,
        actor_id=member.user_id,
        now=services.clock(),
    )
    services.queue.queue_match(session, member.tenant_id, requested_by=None)
    credit = get_credit(session, member.tenant_id, credit_id)
    return item_response(
        CreditUseRead.of(use, currency=credit.currency),
        status=HTTPStatus.CREATED,
        headers={"Location": f"{API_PREFIX}/credits/{credit_id}/uses/{use.id}"},
    )


@router.get("/{credit_id}/uses/{use_id}", response_model=Item[CreditUseRead])
def read_use(credit_id: UUID, use_id: UUID, member: MemberDep, session: SessionDep) -> Response:
    """Return one use of a credit."""
    credit = get_credit(session, member.tenant_id, credit_id)
    use = get_use(session, member.tenant_id, credit_id, use_id)
    return item_response(CreditUseRead.of(use, currency=credit.currency))


@router.delete(
    "/{credit_id}/uses/{use_id}", status_code=HTTPStatus.NO_CONTENT, responses=errors(422)
)
def delete_use(
    credit_id: UUID,
    use_id: UUID,
    member: WriterDep,
    services: ServicesDep,
    session: SessionDep,
) -> None:
    """Take a use of credit back, and keep it as history; one of a match goes with the match."""
    reverse_use(
        session, member.tenant_id, credit_id, use_id, actor_id=member.user_id, now=services.clock()
    )
    services.queue.queue_match(session, member.tenant_id, requested_by=None)


@notes.post(
    "", status_code=HTTPStatus.CREATED, response_model=Item[CreditRead], responses=errors(404, 422)
)
def create_note(
    body: CreditNoteCreate, member: WriterDep, services: ServicesDep, session: SessionDep
) -> Response:
    """Add a credit note: it settles the invoice that it names, and is the customer's credit."""
    values = CreditNoteValues(
        customer_id=body.customer_id,
        number=body.number,
        currency=body.currency,
        total=body.total,
        issue_date=body.issue_date,
        invoice_id=body.invoice_id,
        note=body.note,
    )
    credit = create_credit_note(
        session, member.tenant_id, values, actor_id=member.user_id, now=services.clock()
    )
    services.queue.queue_match(session, member.tenant_id, requested_by=None)
    return item_response(
        CreditRead.of(credit),
        status=HTTPStatus.CREATED,
        headers={"Location": f"{API_PREFIX}/credits/{credit.id}"},
    )


@proposals.get("", response_model=Collection[CreditProposalRead])
def list_proposals(
    member: MemberDep,
    session: SessionDep,
    paging: PagingDep,
    customer_id: Annotated[UUID | None, Query(description="Only this customer's.")] = None,
) -> Response:
    """Return how customers' credit could settle what they owe: the oldest of each first."""
    found = propose_credit_uses(session, member.tenant_id, customer_id=customer_id)
    rows = [CreditProposalRead.of(credit, applied) for credit, applied in found]
    return page_response(_PROPOSALS, paging.cut(rows), total=len(rows), paging=paging)


@of_customer.get("/{customer_id}/credits", response_model=Collection[CreditRead])
def list_of_customer(
    customer_id: UUID, member: MemberDep, session: SessionDep, paging: PagingDep
) -> Response:
    """Return what one customer has, or had, good; the latest first."""
    get_customer(session, member.tenant_id, customer_id)
    page = list_credits(
        session,
        member.tenant_id,
        where=CreditFilter(customer_id=customer_id),
        page=paging.page,
        per_page=paging.per_page,
    )
    rows = [CreditRead.of(credit) for credit in page.rows]
    return page_response(_CREDITS, rows, total=page.total, paging=paging)


@of_customer.get("/{customer_id}/credit_balances", response_model=Collection[CreditBalanceRead])
def list_balances_of_customer(
    customer_id: UUID, member: MemberDep, session: SessionDep, paging: PagingDep
) -> Response:
    """Return what one customer has good in all, by currency."""
    get_customer(session, member.tenant_id, customer_id)
    found = list_credit_balances(session, member.tenant_id, customer_id)
    rows = [CreditBalanceRead.of(balance) for balance in found]
    return page_response(_BALANCES, paging.cut(rows), total=len(rows), paging=paging)
