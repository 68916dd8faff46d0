"""What endpoints may ask for.

Those that wait for nothing are ``async``: a thread would cost more than they do.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import Connection, event
from sqlalchemy.orm import Session, SessionTransaction

from payymo.api.access_tokens import Member
from payymo.api.context import get_context
from payymo.api.services import ApiServices
from payymo.domain.enums import Role
from payymo.domain.errors import ForbiddenError
from payymo.postgres.tenancy import enter_tenant

#: Roles from least to most; each may do what those before it may.
_RANKS = {role: rank for rank, role in enumerate(reversed(Role))}


async def get_services(request: Request) -> ApiServices:
    """Return the machines that the API was started with."""
    services: ApiServices = request.app.state.services
    return services


async def get_member(request: Request) -> Member:
    """Return who is asking.

    :raises AuthenticationError: If that could not be established.
    """
    return get_context(request.scope).require_member()


def require_role(least: Role) -> Callable[[Request], Coroutine[Any, Any, Member]]:
    """Return a dependency that lets in members of one role, and those who may do more.

    :param least: Role that suffices.
    """

    async def get_member_of_role(request: Request) -> Member:
        member = await get_member(request)
        if _RANKS[member.role] < _RANKS[least]:
            raise ForbiddenError(f"This needs the role {least.value} or a higher one.")
        return member

    return get_member_of_role


ServicesDep = Annotated[ApiServices, Depends(get_services)]
#: Anybody of the tenant: enough for reading.
MemberDep = Annotated[Member, Depends(get_member)]
#: Whoever may write.
WriterDep = Annotated[Member, Depends(require_role(Role.MEMBER))]
#: Whoever may change how the tenant is set up.
AdminDep = Annotated[Member, Depends(require_role(Role.ADMIN))]


async def get_session(request: Request, services: ServicesDep, member: MemberDep) -> Session:
    """Return the request's one session, whose transaction works for the member's tenant.

    Its route runs the endpoint and ends the transaction in one thread, before the answer is sent
    (see :mod:`payymo.api.routing`). The database is reached at the first query: a request never
    holds a connection while it waits for a thread, as one with a thread may wait for a connection.
    """
    session = services.sessions()

    def enter(_: Session, transaction: SessionTransaction, connection: Connection) -> None:
        if not transaction.nested:
            enter_tenant(connection, member.tenant_id)

    event.listen(session, "after_begin", enter)
    context = get_context(request.scope)
    context.session = session
    context.after_edit = partial(services.queue.queue_refresh, now=services.clock())
    return session


SessionDep = Annotated[Session, Depends(get_session)]
