"""A POST that is repeated with the same ``Idempotency-Key`` runs once.

Its first answer is kept in the transaction that made it true, where the endpoint has one: either
both are there or neither. Only success is kept; after an error nothing was done, and the request
may be sent again. Routes without credentials keep nothing, so that no token is ever stored.
"""

import hashlib
import re
from collections.abc import Callable, Coroutine
from typing import Any, Final
from uuid import UUID

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from payymo.api.access_tokens import Member
from payymo.api.context import RequestContext
from payymo.api.services import ApiServices
from payymo.domain.errors import InvalidInputError, Problem
from payymo.postgres.auth.operations.idempotency import (
    StoredAnswer,
    claim_key,
    record_answer,
    release_key,
)
from payymo.postgres.tenancy import tenant_transaction

IDEMPOTENCY_HEADER: Final = "idempotency-key"
REPLAYED_HEADER: Final = "Idempotent-Replayed"

_KEY_FORM: Final = re.compile(r"[!-~]{1,255}", re.ASCII)
_KEPT_HEADERS: Final = ("content-type", "location")


async def answer_once(
    request: Request,
    context: RequestContext,
    handle: Callable[[Request], Coroutine[Any, Any, Response]],
) -> Response:
    """Return the answer to a request that carries a key: the first one, if there was one.

    :param request: The request.
    :param context: What is known of it.
    :param handle: Answers it.
    :raises InvalidInputError: If the key is not one.
    :raises ConflictError: If the key came with another request, or that is still running.
    """
    services: ApiServices = request.app.state.services
    member = context.require_member()
    key = _check_key(request.headers[IDEMPOTENCY_HEADER])
    request_hash = _hash(request, await request.body(), member)
    stored = await run_in_threadpool(_claim, services, member.tenant_id, key, request_hash)
    if stored is not None:
        headers = {**stored.headers, REPLAYED_HEADER: "true"}
        return Response(stored.body, stored.status, headers=headers)

    def record(session: Session, response: Response) -> None:
        record_answer(session, member.tenant_id, key=key, answer=_keep(response))

    def record_by_itself(response: Response) -> None:
        with tenant_transaction(services.sessions, member.tenant_id) as session:
            record(session, response)

    context.before_commit = record
    try:
        response = await handle(request)
        if context.session is None:
            await run_in_threadpool(record_by_itself, response)
    except Exception:
        await run_in_threadpool(_release, services, member.tenant_id, key)
        raise
    return response


def _check_key(key: str) -> str:
    if not _KEY_FORM.fullmatch(key):
        problem = Problem(
            "Idempotency-Key", "This must be 1 to 255 visible ASCII characters, such as a UUID."
        )
        raise InvalidInputError("The input is not valid.", problems=[problem])
    return key


def _hash(request: Request, body: bytes, member: Member) -> bytes:
    """Return what makes two requests the same: who asks for what, where."""
    parts = (str(member.user_id), request.method, request.url.path, request.url.query)
    return hashlib.sha256("\0".join(parts).encode() + b"\0" + body).digest()


def _claim(
    services: ApiServices, tenant_id: UUID, key: str, request_hash: bytes
) -> StoredAnswer | None:
    with tenant_transaction(services.sessions, tenant_id) as session:
        return claim_key(
            session, tenant_id, key=key, request_hash=request_hash, now=services.clock()
        )


def _keep(response: Response) -> StoredAnswer:
    headers = {
        name: value for name, value in response.headers.items() if name.lower() in _KEPT_HEADERS
    }
    return StoredAnswer(response.status_code, headers, bytes(response.body))


def _release(services: ApiServices, tenant_id: UUID, key: str) -> None:
    with tenant_transaction(services.sessions, tenant_id) as session:
        release_key(session, tenant_id, key=key)
