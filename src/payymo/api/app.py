"""The API as an ASGI application.

A resource is a folder ``<resource>/`` with ``endpoints.py`` and ``models.py``. Its router is made
by :func:`~payymo.api.routing.resource_router`, which makes its routes strict and its paths whole
(``/api/v1/<resource>``), and is registered by a line in :data:`RESOURCES` below. Routes nested
below another resource stand in a router of their own with that resource's path.

An endpoint is a plain ``def`` that parses, calls one thing and presents. It asks for what it needs
by the aliases of ``dependencies.py`` (``MemberDep`` to read, ``WriterDep`` to write,
``SessionDep``, ``ServicesDep``, ``PagingDep``) and answers with ``item_response`` or
``page_response`` of ``envelopes.py``, documented as ``response_model=Item[…]`` or
``Collection[…]``. Errors are raised as families of ``domain/errors.py``; those that every route
has are documented by ``openapi.py``, others by ``responses=errors(409, 422)``.
"""

from collections.abc import Sequence
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from payymo.api.accounts import endpoints as accounts
from payymo.api.analytics import builds, reports
from payymo.api.analytics import endpoints as datasets
from payymo.api.auth import endpoints as auth
from payymo.api.bank_connections import endpoints as bank_connections
from payymo.api.calibrations import endpoints as calibrations
from payymo.api.categories import endpoints as categories
from payymo.api.category_rules import endpoints as category_rules
from payymo.api.credits import endpoints as customer_credits
from payymo.api.customers import endpoints as customers
from payymo.api.errors import install_error_handlers
from payymo.api.events import endpoints as events
from payymo.api.fx_conversions import endpoints as fx_conversions
from payymo.api.fx_imports import endpoints as fx_imports
from payymo.api.fx_rates import endpoints as fx_rates
from payymo.api.health import endpoints as health
from payymo.api.institutions import endpoints as institutions
from payymo.api.invoices import adjustments
from payymo.api.invoices import endpoints as invoices
from payymo.api.invoices import imports as invoice_imports
from payymo.api.jobs import endpoints as jobs
from payymo.api.match_bands import endpoints as match_bands
from payymo.api.match_runs import endpoints as match_runs
from payymo.api.matches import endpoints as matches
from payymo.api.metrics import (
    CallMetrics,
    KeptMetrics,
    Metrics,
    WarehouseMetrics,
    read_matching,
    read_proofs,
)
from payymo.api.middleware import RateLimitMiddleware, RequestMiddleware
from payymo.api.openapi import install_openapi
from payymo.api.provider_credentials import endpoints as provider_credentials
from payymo.api.services import ApiServices
from payymo.api.settlement_policy import endpoints as settlement_policy
from payymo.api.tenant import endpoints as tenant
from payymo.api.transactions import endpoints as transactions

#: The router of every resource; routes are tried in this order, so the busiest stand first.
RESOURCES: Sequence[APIRouter] = (
    transactions.router,
    transactions.of_connection,
    transactions.of_account,
    health.router,
    auth.router,
    institutions.router,
    bank_connections.router,
    accounts.router,
    provider_credentials.router,
    tenant.router,
    jobs.router,
    events.router,
    customers.router,
    customer_credits.of_customer,
    customer_credits.router,
    customer_credits.notes,
    customer_credits.proposals,
    matches.router,
    match_runs.router,
    calibrations.router,
    match_bands.router,
    invoice_imports.router,
    invoices.router,
    adjustments.router,
    settlement_policy.router,
    categories.router,
    categories.sets,
    categories.runs,
    category_rules.router,
    category_rules.order,
    category_rules.tests,
    fx_rates.router,
    fx_imports.router,
    fx_conversions.router,
    datasets.router,
    reports.router,
    builds.router,
)


def create_app(services: ApiServices) -> FastAPI:
    """Return the API.

    :param services: The machines that it may reach.
    """
    metrics = Metrics()
    app = FastAPI(
        title="Payymo",
        version=version("payymo"),
        summary="Bank accounts in a clean ledger, and invoices matched to their payments.",
        redoc_url=None,
        redirect_slashes=False,
        middleware=[
            Middleware(RequestMiddleware, services=services, metrics=metrics),
            Middleware(RateLimitMiddleware, services=services),
        ],
    )
    app.state.services = services
    app.state.metrics = metrics
    app.state.kept_metrics = [
        KeptMetrics(services.sessions, services.clock, read)
        for read in (read_proofs, read_matching)
    ]
    app.state.call_metrics = CallMetrics(services.sessions)
    app.state.warehouse_metrics = WarehouseMetrics(services.warehouse, services.clock)
    install_error_handlers(app)
    for router in RESOURCES:
        # Taken over as they are: an included router would be searched in two steps.
        app.router.routes.extend(router.routes)
    install_openapi(app)
    return app
