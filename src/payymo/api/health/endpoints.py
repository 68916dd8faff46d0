"""Addresses for machines that watch over machines: outside the versions, without credentials."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from payymo.api.dependencies import ServicesDep
from payymo.api.envelopes import JSON, ResponseModel
from payymo.api.health.checks import READY, check_readiness
from payymo.api.metrics import CONTENT_TYPE, CallMetrics, KeptMetrics, Metrics, WarehouseMetrics

router = APIRouter(tags=["health"])


class Health(ResponseModel):
    """That the process answers."""

    status: Annotated[str, Field(examples=[READY])]


class Readiness(ResponseModel):
    """What is the matter with each part."""

    status: Annotated[str, Field(examples=[READY])]
    checks: Annotated[
        dict[str, str],
        Field(
            examples=[
                {"database": READY, "migrations": READY, "queue": READY, "worker": READY},
            ]
        ),
    ]


@router.get("/healthz", response_model=Health)
async def read_health() -> Response:
    """Return that the process answers."""
    return Response(Health(status=READY).model_dump_json(), media_type=JSON)


@router.get(
    "/readyz",
    response_model=Readiness,
    responses={
        HTTPStatus.SERVICE_UNAVAILABLE.value: {
            "model": Readiness,
            "description": "Some part is not ready.",
        }
    },
)
def read_readiness(services: ServicesDep) -> Response:
    """Return whether database, migrations, queue and worker are ready (503 if not)."""
    checks = check_readiness(services)
    is_ready = set(checks.values()) == {READY}
    readiness = Readiness(status=READY if is_ready else "not ready", checks=checks)
    status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(readiness.model_dump_json(), status, media_type=JSON)


@router.get(
    "/metrics",
    responses={
        HTTPStatus.OK.value: {
            "description": "Prometheus's text format.",
            "content": {
                "text/plain": {
                    "schema": {"type": "string"},
                    "example": "# HELP payymo_http_requests_total Requests answered.",
                }
            },
        }
    },
    response_class=Response,
)
def read_metrics(request: Request) -> Response:
    """Return how requests, calls, match runs and builds fared, and how many accounts add up."""
    metrics: Metrics = request.app.state.metrics
    kept: Sequence[KeptMetrics] = request.app.state.kept_metrics
    calls: CallMetrics = request.app.state.call_metrics
    warehouse: WarehouseMetrics = request.app.state.warehouse_metrics
    told = metrics.exposition() + calls.exposition() + warehouse.exposition()
    return Response(told + b"".join(each.exposition() for each in kept), media_type=CONTENT_TYPE)
