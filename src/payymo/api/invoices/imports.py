"""Files of invoices: all of a file is taken in, or nothing."""

from http import HTTPStatus
from uuid import UUID

from fastapi import Response
from pydantic import TypeAdapter

from payymo.api.dependencies import MemberDep, ServicesDep, SessionDep, WriterDep
from payymo.api.envelopes import Collection, Item, item_response, page_response
from payymo.api.invoices.models import InvoiceImportRead, InvoiceImportReport
from payymo.api.invoices.uploads import REQUEST_BODY, InvoiceFileDep
from payymo.api.openapi import errors
from payymo.api.pagination import PagingDep
from payymo.api.routing import API_PREFIX, resource_router
from payymo.postgres.reconciliation.operations.imports import get_import, list_imports
from payymo.workflows.invoices import import_invoices

router = resource_router("/invoices/imports", tag="invoices")

_IMPORTS = TypeAdapter(list[InvoiceImportRead])


@router.post(
    "",
    name="import",
    status_code=HTTPStatus.CREATED,
    response_model=Item[InvoiceImportReport],
    responses=errors(413, 415)
    | {200: {"model": Item[InvoiceImportReport], "description": "A dry run: nothing is kept."}},
    openapi_extra={"requestBody": REQUEST_BODY},
)
def create(
    file: InvoiceFileDep, member: WriterDep, services: ServicesDep, session: SessionDep
) -> Response:
    """Take in a file of new invoices, or say what is wrong with each line and keep nothing."""
    report = import_invoices(
        session,
        member.tenant_id,
        content=file.content,
        filename=file.filename,
        file_format=file.file_format,
        dry_run=file.dry_run,
        actor_id=member.user_id,
        now=services.clock(),
    )
    presented = InvoiceImportReport.model_validate(report)
    if report.import_id is None:
        return item_response(presented)
    services.queue.queue_match(session, member.tenant_id, requested_by=None)
    return item_response(
        presented,
        status=HTTPStatus.CREATED,
        headers={"Location": f"{API_PREFIX}/invoices/imports/{report.import_id}"},
    )


@router.get("", name="list_imports", response_model=Collection[InvoiceImportRead])
def list_all(member: MemberDep, session: SessionDep, paging: PagingDep) -> Response:
    """Return the files that were taken in, the latest first."""
    page = list_imports(session, member.tenant_id, page=paging.page, per_page=paging.per_page)
    rows = [InvoiceImportRead.model_validate(record) for record in page.rows]
    return page_response(_IMPORTS, rows, total=page.total, paging=paging)


@router.get("/{import_id}", name="read_import", response_model=Item[InvoiceImportRead])
def read(import_id: UUID, member: MemberDep, session: SessionDep) -> Response:
    """Return one file that was taken in."""
    record = get_import(session, member.tenant_id, import_id)
    return item_response(InvoiceImportRead.model_validate(record))
