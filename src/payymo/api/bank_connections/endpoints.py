"""Bank connections: start, finish, look at, sync, renew, end, remove."""

from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import Query, Response
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from payymo.api.access_tokens import Member
from payymo.api.accounts.models import AccountRead
from payymo.api.accounts.presentation import present_accounts
from payymo.api.bank_connections.diagnosis import DiagnosisRead
from payymo.api.bank_connections.models import (
    ConnectionCreate,
    ConnectionRead,
    ConnectionStarted,
    ConnectionUpdate,
    DoubleRead,
    DoublesAnswerCreate,
    RenewalCreate,
    ReversalCreate,
    ReversalRead,
    SyncRunRead,
    SyncStarted,
    WaitingAccount,
)
from payymo.api.bank_connections.presentation import present_connection, present_connections
from payymo.api.bank_connections.syncs import request_sync
from payymo.api.dependencies import MemberDep, ServicesDep, SessionDep, WriterDep
from payymo.api.envelopes import Collection, Item, item_response, page_response
from payymo.api.jobs.models import JobRead
from payymo.api.openapi import errors
from payymo.api.pagination import PagingDep
from payymo.api.routing import API_PREFIX, FORGIVING, PUBLIC, resource_router
from payymo.api.services import ApiServices
from payymo.domain.enums import ConnectionStatus, DataDisposal
from payymo.postgres.common.operations.accounts import list_accounts
from payymo.postgres.common.operations.connections import get_connection, list_connections
from payymo.postgres.common.operations.doubles import list_doubles
from payymo.postgres.common.operations.sync_runs import list_sync_runs
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.account_choice import answer_doubles
from payymo.workflows.connect import (
    StartedConnection,
    change_connection,
    delete_connection,
    disconnect,
    finish_connection,
    renew_connection,
    start_connection,
)
from payymo.workflows.diagnostics import diagnose
from payymo.workflows.undo import revert_run

_PATH: Final = "/bank_connections"

router = resource_router(_PATH, tag="bank_connections")

_CONNECTIONS = TypeAdapter(list[ConnectionRead])
_ACCOUNTS = TypeAdapter(list[AccountRead])
_DOUBLES = TypeAdapter(list[DoubleRead])
_SYNC_RUNS = TypeAdapter(list[SyncRunRead])


@router.get("", name="list", response_model=Collection[ConnectionRead])
def list_all(
    member: MemberDep,
    session: SessionDep,
    paging: PagingDep,
    status: Annotated[
        ConnectionStatus | None, Query(description="Only those that stand so.")
    ] = None,
) -> Response:
    """Return the connections, newest first."""
    page = list_connections(
        session, member.tenant_id, status=status, page=paging.page, per_page=paging.per_page
    )
    rows = present_connections(session, member.tenant_id, page.rows)
    return page_response(_CONNECTIONS, rows, total=page.total, paging=paging)


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=Item[ConnectionStarted],
    responses=errors(404, 422, 502, 503),
)
def create(
    body: ConnectionCreate, member: WriterDep, services: ServicesDep, session: SessionDep
) -> Response:
    """Start connecting a bank, and return the page where consent is granted."""
    started = start_connection(
        services.sessions,
        services.providers,
        tenant_id=member.tenant_id,
        institution=body.institution_id,
        callback_url=_callback_url(services),
        return_url=str(body.return_url) if body.return_url else None,
        actor_id=member.user_id,
        clock=services.clock,
        name=body.name,
        account_selection=body.account_selection,
    )
    return _started_response(session, member, started)


@router.get(
    "/callback",
    response_model=Item[ConnectionRead],
    responses={
        HTTPStatus.SEE_OTHER.value: {"description": "To the `return_url` that was given."},
        **errors(404, 502, 503),
    },
    openapi_extra={**PUBLIC, **FORGIVING},
)
def finish(
    services: ServicesDep,
    ref: Annotated[
        str,
        Query(
            max_length=200,
            description="Our own name for the consent.",
            examples=["01985c1e7d3a7c449d0e5f1b2a3c4d5e.b2a3c4d5e6f7"],
        ),
    ],
    error: Annotated[str | None, Query(description="A hint; the provider is asked.")] = None,
    details: Annotated[str | None, Query(description="A hint; the provider is asked.")] = None,
) -> Response:
    """Learn what became of a consent: where the provider sends the browser back to."""
    del error, details  # hints that anybody could write: only the provider's own answer counts
    finished = finish_connection(
        services.sessions,
        services.providers,
        services.queue,
        reference=ref,
        clock=services.clock,
    )
    if finished.return_url is not None:
        headers = {"Location": finished.return_url}
        return Response(status_code=HTTPStatus.SEE_OTHER, headers=headers)
    tenant_id = finished.connection.tenant_id
    with tenant_transaction(services.sessions, tenant_id) as session:
        return item_response(present_connection(session, tenant_id, finished.connection.id))


@router.get("/{connection_id}", response_model=Item[ConnectionRead])
def read(connection_id: UUID, member: MemberDep, session: SessionDep) -> Response:
    """Return one connection."""
    return item_response(present_connection(session, member.tenant_id, connection_id))


@router.patch(
    "/{connection_id}",
    response_model=Item[ConnectionRead],
    responses=errors(409, 422, 502, 503),
)
def update(
    connection_id: UUID,
    body: ConnectionUpdate,
    member: WriterDep,
    services: ServicesDep,
    session: SessionDep,
) -> Response:
    """Name a connection, or end its consent at the provider and keep all that it brought."""
    change_connection(
        services.sessions,
        services.providers,
        tenant_id=member.tenant_id,
        connection_id=connection_id,
        name=body.name,
        is_ended=body.status is not None,
        actor_id=member.user_id,
        clock=services.clock,
    )
    return item_response(present_connection(session, member.tenant_id, connection_id))


@router.delete(
    "/{connection_id}", status_code=HTTPStatus.NO_CONTENT, responses=errors(409, 422, 502, 503)
)
def delete(
    connection_id: UUID,
    member: WriterDep,
    services: ServicesDep,
    data: Annotated[
        DataDisposal,
        Query(description="`purge` removes accounts, transactions and edits for good."),
    ] = DataDisposal.KEEP,
) -> Response:
    """End the consent at the provider, and keep or purge all that the connection brought.

    Kept, it is shown as revoked, and a renewal goes on with it. One whose payments were ever
    allocated to invoices cannot be purged.
    """
    verb = delete_connection if data is DataDisposal.PURGE else disconnect
    verb(
        services.sessions,
        services.providers,
        tenant_id=member.tenant_id,
        connection_id=connection_id,
        actor_id=member.user_id,
        clock=services.clock,
    )
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/{connection_id}/accounts", response_model=Collection[AccountRead])
def list_of_accounts(
    connection_id: UUID,
    member: MemberDep,
    services: ServicesDep,
    session: SessionDep,
    paging: PagingDep,
) -> Response:
    """Return the accounts of a connection, with the balances that the bank said last."""
    get_connection(session, member.tenant_id, connection_id)
    page = list_accounts(
        session,
        member.tenant_id,
        connection_id=connection_id,
        page=paging.page,
        per_page=paging.per_page,
    )
    rows = present_accounts(session, member.tenant_id, page.rows, now=services.clock())
    return page_response(_ACCOUNTS, rows, total=page.total, paging=paging)


@router.get("/{connection_id}/sync_runs", response_model=Collection[SyncRunRead])
def list_of_sync_runs(
    connection_id: UUID, member: MemberDep, session: SessionDep, paging: PagingDep
) -> Response:
    """Return the attempts to bring a connection up to date, newest first."""
    get_connection(session, member.tenant_id, connection_id)
    page = list_sync_runs(
        session, member.tenant_id, connection_id, page=paging.page, per_page=paging.per_page
    )
    rows = [SyncRunRead.of(run) for run in page.rows]
    return page_response(_SYNC_RUNS, rows, total=page.total, paging=paging)


@router.get("/{connection_id}/doubles", response_model=Collection[DoubleRead])
def list_of_doubles(
    connection_id: UUID, member: MemberDep, session: SessionDep, paging: PagingDep
) -> Response:
    """Return the accounts of a connection that another connection has: none is read twice."""
    connection = get_connection(session, member.tenant_id, connection_id)
    rows = [DoubleRead.of(double) for double in list_doubles(session, connection)]
    first = (paging.page - 1) * paging.per_page
    shown = rows[first : first + paging.per_page]
    return page_response(_DOUBLES, shown, total=len(rows), paging=paging)


@router.post("/{connection_id}/doubles", response_model=Item[ConnectionRead], responses=errors(422))
def answer_for_doubles(
    connection_id: UUID,
    body: DoublesAnswerCreate,
    member: WriterDep,
    services: ServicesDep,
    session: SessionDep,
) -> Response:
    """Say once what becomes of all accounts that other connections have."""
    answer_doubles(
        session,
        services.queue,
        member.tenant_id,
        connection_id,
        answer=body.answer,
        actor_id=member.user_id,
    )
    return item_response(present_connection(session, member.tenant_id, connection_id))


@router.get("/{connection_id}/diagnostics", response_model=Item[DiagnosisRead])
def read_diagnostics(
    connection_id: UUID, member: MemberDep, services: ServicesDep, session: SessionDep
) -> Response:
    """Return how a connection stands, to be pasted into a report: nobody is named in it."""
    diagnosis = diagnose(session, member.tenant_id, connection_id, now=services.clock())
    return item_response(DiagnosisRead.model_validate(diagnosis))


@router.post(
    "/{connection_id}/sync_runs/{sync_run_id}/reversals",
    status_code=HTTPStatus.CREATED,
    response_model=Item[ReversalRead],
    responses={
        HTTPStatus.OK.value: {"description": "A dry run.", "model": Item[ReversalRead]},
        **errors(422),
    },
)
def revert(
    connection_id: UUID,
    sync_run_id: UUID,
    member: WriterDep,
    services: ServicesDep,
    body: ReversalCreate | None = None,
) -> Response:
    """Take back what a sync run did; a dry run says what that would be, with 200."""
    reversal = revert_run(
        services.sessions,
        services.queue,
        tenant_id=member.tenant_id,
        sync_run_id=sync_run_id,
        connection_id=connection_id,
        is_trial=body is not None and body.dry_run,
        actor_id=member.user_id,
        clock=services.clock,
    )
    status = HTTPStatus.OK if reversal.run is None else HTTPStatus.CREATED
    return item_response(ReversalRead.of(reversal), status=status)


@router.post(
    "/{connection_id}/syncs",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Item[SyncStarted],
    responses=errors(422, 429),
)
def sync(
    connection_id: UUID, member: WriterDep, services: ServicesDep, session: SessionDep
) -> Response:
    """Queue a sync, and return its job; one that still waits is returned instead of a second.

    Accounts that the bank lets nobody read now are named, and follow by themselves.
    """
    job, waiting = request_sync(
        session,
        member.tenant_id,
        connection_id,
        queue=services.queue,
        requested_by=member.user_id,
        now=services.clock(),
    )
    headers = {"Location": f"{API_PREFIX}/jobs/{job.id}"}
    started = SyncStarted(
        **dict(JobRead.of(job)), waiting=[WaitingAccount.of(each) for each in waiting]
    )
    return item_response(started, status=HTTPStatus.ACCEPTED, headers=headers)


@router.post(
    "/{connection_id}/renewals",
    status_code=HTTPStatus.CREATED,
    response_model=Item[ConnectionStarted],
    responses=errors(422, 502, 503),
)
def renew(
    connection_id: UUID,
    member: WriterDep,
    services: ServicesDep,
    session: SessionDep,
    body: RenewalCreate | None = None,
) -> Response:
    """Ask for another consent; until it is given, the present one stays."""
    return_url = body.return_url if body is not None else None
    started = renew_connection(
        services.sessions,
        services.providers,
        tenant_id=member.tenant_id,
        connection_id=connection_id,
        callback_url=_callback_url(services),
        return_url=str(return_url) if return_url else None,
        actor_id=member.user_id,
        clock=services.clock,
    )
    return _started_response(session, member, started)


def _callback_url(services: ApiServices) -> str:
    return f"{services.public_url}{API_PREFIX}{_PATH}/callback"


def _started_response(session: Session, member: Member, started: StartedConnection) -> Response:
    connection = present_connection(session, member.tenant_id, started.connection.id)
    presented = ConnectionStarted(**dict(connection), consent_url=started.consent_url)
    headers = {"Location": f"{API_PREFIX}{_PATH}/{connection.id}"}
    return item_response(presented, status=HTTPStatus.CREATED, headers=headers)
