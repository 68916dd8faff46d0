"""JSON bodies in which a number stays the number that was written."""

import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, Never, override

from fastapi import Request, Response
from fastapi.routing import APIRoute


class _ExactRequest(Request):
    """A request whose JSON holds decimals rather than floats."""

    @override
    async def json(self) -> Any:
        return json.loads(
            await self.body(), parse_float=Decimal, parse_constant=_refuse_constant
        )


class ExactJsonRoute(APIRoute):
    """A route that reads ``0.1`` as a tenth, and not as the nearest binary number to it."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_exactly(request: Request) -> Response:
            return await handle(_ExactRequest(request.scope, request.receive))

        return handle_exactly


def _refuse_constant(name: str) -> Never:
    raise json.JSONDecodeError(f"{name} is not JSON", name, 0)
