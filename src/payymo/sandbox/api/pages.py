"""Lists in pages, with addresses of the next and the previous one."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request
from starlette.responses import Response

from payymo.sandbox.service import answer

LIMIT_DEFAULT = 100


def page(request: Request, items: Sequence[dict[str, Any]]) -> Response:
    """Answer one page of a list; nonsense in ``limit`` or ``offset`` means the default."""
    limit = _number(request, "limit", LIMIT_DEFAULT, least=1)
    offset = _number(request, "offset", 0, least=0)

    def address(start: int) -> str:
        return str(request.url.include_query_params(limit=limit, offset=start))

    has_next = offset + limit < len(items)
    return answer(
        {
            "count": len(items),
            "next": address(offset + limit) if has_next else None,
            "previous": address(max(0, offset - limit)) if offset > 0 else None,
            "results": list(items[offset : offset + limit]),
        }
    )


def _number(request: Request, name: str, default: int, *, least: int) -> int:
    text = request.query_params.get(name, "")
    if not text.isdecimal() or int(text) < least:
        return default
    return min(int(text), LIMIT_DEFAULT) if name == "limit" else int(text)
