"""Bank transactions: filter, look at one and where it came from, annotate."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from payymo.api.access_tokens import Member
from payymo.api.dependencies import MemberDep, ServicesDep, SessionDep, WriterDep
from payymo.api.envelopes import Collection, Item, envelope, page_meta, page_response
from payymo.api.openapi import errors
from payymo.api.pagination import Paging, PagingDep
from payymo.api.queries import query_parameters, read_query
from payymo.api.routing import resource_router
from payymo.api.services import ApiServices
from payymo.api.transactions.categories import change_category, read_parts
from payymo.api.transactions.cursors import (
    CursorMeta,
    PagedMeta,
    TransactionCollection,
    read_cursor,
    write_cursor,
)
from payymo.api.transactions.models import (
    RawVersionRead,
    SplitRead,
    SplitsReplace,
    TransactionRead,
    TransactionUpdate,
)
from payymo.api.transactions.presentation import (
    present_raw_version,
    transaction_response,
    write_transactions,
)
from payymo.api.transactions.queries import (
    AllTransactionQuery,
    ConnectionTransactionQuery,
    TransactionQuery,
)
from payymo.domain.ledger.splits import PART_COUNT_MAX
from payymo.postgres.common.operations.accounts import get_account
from payymo.postgres.common.operations.connections import get_connection
from payymo.postgres.common.operations.splits import delete_splits, list_splits, replace_splits
from payymo.postgres.common.operations.transactions import (
    TransactionFilter,
    annotate_transaction,
    get_transaction,
    list_transactions,
    list_transactions_after,
)
from payymo.postgres.gocardless.operations.transactions import list_raw_versions
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.deletions import delete_transaction, restore_transaction

router = resource_router("/transactions", tag="transactions")
of_connection = resource_router(
    "/bank_connections/{connection_id}/transactions", tag="transactions"
)
of_account = resource_router("/accounts/{account_id}/transactions", tag="transactions")

_SPLITS = TypeAdapter(list[SplitRead])
_RAW_VERSIONS = TypeAdapter(list[RawVersionRead])


@router.get(
    "",
    name="list",
    response_model=TransactionCollection,
    openapi_extra=query_parameters(AllTransactionQuery),
)
def list_all(
    query: Annotated[AllTransactionQuery, Depends(read_query(AllTransactionQuery))],
    member: MemberDep,
    services: ServicesDep,
) -> Response:
    """Return the transactions of all accounts."""
    criteria = query.criteria(
        account_id=query.account_id,
        connection_id=query.bank_connection_id,
        institution_id=query.institution,
    )
    # Its own transaction rather than the request's: entering and leaving that one would take two
    # more turns of a thread, in the list that is asked for most.
    with tenant_transaction(services.sessions, member.tenant_id) as session:
        return _answer_list(session, member.tenant_id, criteria, query)


@of_connection.get(
    "",
    response_model=TransactionCollection,
    openapi_extra=query_parameters(ConnectionTransactionQuery),
)
def list_of_connection(
    connection_id: UUID,
    query: Annotated[ConnectionTransactionQuery, Depends(read_query(ConnectionTransactionQuery))],
    member: MemberDep,
    session: SessionDep,
) -> Response:
    """Return the transactions of one bank connection."""
    get_connection(session, member.tenant_id, connection_id)
    criteria = query.criteria(connection_id=connection_id, account_id=query.account_id)
    return _answer_list(session, member.tenant_id, criteria, query)


@of_account.get(
    "",
    response_model=TransactionCollection,
    openapi_extra=query_parameters(TransactionQuery),
)
def list_of_account(
    account_id: UUID,
    query: Annotated[TransactionQuery, Depends(read_query(TransactionQuery))],
    member: MemberDep,
    session: SessionDep,
) -> Response:
    """Return the transactions of one account."""
    get_account(session, member.tenant_id, account_id)
    criteria = query.criteria(account_id=account_id)
    return _answer_list(session, member.tenant_id, criteria, query)


@router.get("/{transaction_id}", response_model=Item[TransactionRead])
def read(transaction_id: UUID, member: MemberDep, session: SessionDep) -> Response:
    """Return one transaction, also one that was superseded or removed."""
    return transaction_response(get_transaction(session, member.tenant_id, transaction_id))


@router.get("/{transaction_id}/raw", response_model=Collection[RawVersionRead])
def list_raw(
    transaction_id: UUID,
    member: MemberDep,
    session: SessionDep,
    paging: PagingDep,
) -> Response:
    """Return every payload that the bank sent for one transaction, oldest first."""
    get_transaction(session, member.tenant_id, transaction_id)
    versions = list_raw_versions(session, member.tenant_id, transaction_id)
    start = (paging.page - 1) * paging.per_page
    rows = [present_raw_version(version) for version in versions[start : start + paging.per_page]]
    return page_response(_RAW_VERSIONS, rows, total=len(versions), paging=paging)


@router.patch("/{transaction_id}", response_model=Item[TransactionRead], responses=errors(422))
def update(
    transaction_id: UUID,
    body: TransactionUpdate,
    member: WriterDep,
    services: ServicesDep,
    session: SessionDep,
) -> Response:
    """Change the category or the note of a transaction, or restore it; what is left out stays."""
    line = get_transaction(session, member.tenant_id, transaction_id)
    change_category(session, member, line, body, now=services.clock())
    if "note" in body:
        annotate_transaction(session, member.tenant_id, transaction_id, note=body["note"])
    match body.get("is_deleted"):
        case True:
            _delete(session, member, services, transaction_id)
        case False:
            restore_transaction(
                session,
                member.tenant_id,
                transaction_id,
                queue=services.queue,
                actor_id=member.user_id,
            )
    return transaction_response(get_transaction(session, member.tenant_id, transaction_id))


@router.delete("/{transaction_id}", status_code=HTTPStatus.NO_CONTENT, responses=errors(404, 422))
def delete(
    transaction_id: UUID, member: WriterDep, services: ServicesDep, session: SessionDep
) -> None:
    """Delete a transaction: nothing lists or counts it, and no sync brings it back.

    PATCH with `{"is_deleted": false}` restores it.
    """
    _delete(session, member, services, transaction_id)


def _delete(session: Session, member: Member, services: ApiServices, transaction_id: UUID) -> None:
    delete_transaction(
        session,
        member.tenant_id,
        transaction_id,
        queue=services.queue,
        actor_id=member.user_id,
        now=services.clock(),
    )


@router.get("/{transaction_id}/splits", response_model=Collection[SplitRead])
def list_parts(transaction_id: UUID, member: MemberDep, session: SessionDep) -> Response:
    """Return the parts into which a person divided a transaction, in their order, all at once."""
    get_transaction(session, member.tenant_id, transaction_id)
    return _answer_splits(session, member.tenant_id, transaction_id)


@router.put("/{transaction_id}/splits", response_model=Collection[SplitRead], responses=errors(422))
def replace_parts(
    transaction_id: UUID, body: SplitsReplace, member: WriterDep, session: SessionDep
) -> Response:
    """Divide a transaction into parts, in the place of those that it has."""
    parts = read_parts(session, member, body.splits)
    replace_splits(session, member.tenant_id, transaction_id, parts, actor_id=member.user_id)
    return _answer_splits(session, member.tenant_id, transaction_id)


@router.delete("/{transaction_id}/splits", status_code=HTTPStatus.NO_CONTENT)
def delete_parts(transaction_id: UUID, member: WriterDep, session: SessionDep) -> None:
    """Let a transaction be whole again."""
    delete_splits(session, member.tenant_id, transaction_id, actor_id=member.user_id)


def _answer_splits(session: Session, tenant_id: UUID, transaction_id: UUID) -> Response:
    parts = list_splits(session, tenant_id, transaction_id)
    return page_response(
        _SPLITS,
        [SplitRead.of(part) for part in parts],
        total=len(parts),
        paging=Paging(page=1, per_page=PART_COUNT_MAX),
    )


def _answer_list(
    session: Session,
    tenant_id: UUID,
    criteria: TransactionFilter,
    query: TransactionQuery,
) -> Response:
    if query.cursor is not None:
        return _answer_after(session, tenant_id, criteria, query)
    page = list_transactions(
        session,
        tenant_id,
        criteria,
        sort=query.sort,
        page=query.page,
        per_page=query.per_page,
    )
    is_full = len(page.rows) == query.per_page
    has_more = is_full and query.page * query.per_page < page.total
    meta = PagedMeta(
        **page_meta(page.total, query.paging).model_dump(),
        next_cursor=write_cursor(page.rows[-1], query.sort) if has_more else None,
    )
    return envelope(write_transactions(page.rows), meta=meta)


def _answer_after(
    session: Session,
    tenant_id: UUID,
    criteria: TransactionFilter,
    query: TransactionQuery,
) -> Response:
    lines = list_transactions_after(
        session,
        tenant_id,
        criteria,
        sort=query.sort,
        cursor=read_cursor(query.cursor or "", query.sort),
        limit=query.per_page + 1,
    )
    shown = lines[: query.per_page]
    meta = CursorMeta(
        per_page=query.per_page,
        next_cursor=write_cursor(shown[-1], query.sort) if len(lines) > len(shown) else None,
    )
    return envelope(write_transactions(shown), meta=meta)
