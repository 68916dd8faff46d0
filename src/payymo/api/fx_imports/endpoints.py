"""How the reference rates came in, which are the same for every tenant."""

from fastapi import Response
from pydantic import TypeAdapter

from payymo.api.dependencies import MemberDep, SessionDep
from payymo.api.envelopes import Collection, page_response
from payymo.api.fx_imports.models import FxImportRead
from payymo.api.pagination import PagingDep
from payymo.api.routing import resource_router
from payymo.postgres.fx.operations.rates import list_imports

router = resource_router("/fx_imports", tag="fx_imports")

_IMPORTS = TypeAdapter(list[FxImportRead])


@router.get("", name="list", response_model=Collection[FxImportRead])
def list_all(_: MemberDep, session: SessionDep, paging: PagingDep) -> Response:
    """Return each attempt to take rates in, latest first, with its error where it failed."""
    page = list_imports(session, page=paging.page, per_page=paging.per_page)
    rows = [FxImportRead.of(attempt) for attempt in page.rows]
    return page_response(_IMPORTS, rows, total=page.total, paging=paging)
