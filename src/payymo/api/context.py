"""What is known of the request in hand: read by endpoints, the log and the limits."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy.orm import Session
from starlette.responses import Response
from starlette.types import Scope

from payymo.api.access_tokens import Member
from payymo.domain.errors import AuthenticationError

_SCOPE_KEY = "payymo.context"

#: The request that the present task or thread works for.
current_request: ContextVar["RequestContext | None"] = ContextVar("current_request", default=None)


@dataclass(slots=True)
class RequestContext:
    """One request.

    :ivar request_id: Goes into every log line and back to the client.
    :ivar member: Who asks; absent where the credentials are.
    :ivar refusal: What is wrong with the credentials, where something is.
    :ivar session: The request's one session, once an endpoint has asked for it.
    :ivar after_edit: Called before that transaction is committed, where it changed anything that
        people may see.
    :ivar before_commit: Called with the answer before the session's transaction is committed.
    """

    request_id: str
    member: Member | None = None
    refusal: AuthenticationError | None = None
    session: Session | None = None
    after_edit: Callable[[Session], None] | None = None
    before_commit: Callable[[Session, Response], None] | None = None

    def require_member(self) -> Member:
        """Return who asks.

        :raises AuthenticationError: If that could not be established.
        """
        if self.member is not None:
            return self.member
        if self.refusal is not None:
            raise self.refusal
        raise AuthenticationError(
            "Sign in first: send an access token as Authorization: Bearer <token>."
        )


def set_context(scope: Scope, context: RequestContext) -> None:
    """Remember what is known of a request."""
    scope[_SCOPE_KEY] = context
    current_request.set(context)


def get_context(scope: Scope) -> RequestContext:
    """Return what is known of a request."""
    context: RequestContext = scope[_SCOPE_KEY]
    return context
