"""Places in a list of transactions, as text that a client hands back unread."""

import base64
from datetime import date
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

import msgspec
from pydantic import Field

from payymo.api.envelopes import PageMeta, ResponseModel
from payymo.api.transactions.models import TransactionRead
from payymo.domain.enums import TransactionSort
from payymo.domain.errors import InvalidInputError, Problem
from payymo.domain.money import parse_amount
from payymo.postgres.common.operations.transactions import TransactionCursor, TransactionLine

_BY_DATE: Final = frozenset({TransactionSort.NEWEST_FIRST, TransactionSort.OLDEST_FIRST})

NextCursor = Annotated[
    str | None,
    Field(description="Send it as `cursor` to go on after the last row; null at the end."),
]


class PagedMeta(PageMeta):
    """Which page this is, and how to go on."""

    next_cursor: NextCursor


class CursorMeta(ResponseModel):
    """How to go on; the rows of the whole list are not counted."""

    per_page: Annotated[int, Field(examples=[50])]
    next_cursor: NextCursor


class TransactionCollection(ResponseModel):
    """Part of a list of transactions."""

    data: list[TransactionRead]
    meta: PagedMeta | CursorMeta


class _Place(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A row's place in a list of one order."""

    sort: TransactionSort
    value: str
    id: UUID


def write_cursor(line: TransactionLine, sort: TransactionSort) -> str:
    """Return the place after a row.

    :param line: The last row that was shown.
    :param sort: Order of the list.
    """
    value = line.transaction_date if sort in _BY_DATE else line.amount
    place = msgspec.json.encode(_Place(sort, str(value), line.id))
    return base64.urlsafe_b64encode(place).rstrip(b"=").decode()


def read_cursor(text: str, sort: TransactionSort) -> TransactionCursor | None:
    """Return the place that a client wants to go on from; ``None`` is the beginning.

    :param text: What the client sent.
    :param sort: Order that it asked for.
    :raises InvalidInputError: If it is no cursor of ours, or one of another order.
    """
    if not text:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        place = msgspec.json.decode(
            base64.b64decode(padded, altchars=b"-_", validate=True), type=_Place
        )
        value: date | Decimal = (
            date.fromisoformat(place.value) if place.sort in _BY_DATE else parse_amount(place.value)
        )
    except (ValueError, InvalidInputError) as error:
        raise _refuse("Send meta.next_cursor of the answer before, unchanged.") from error
    if place.sort is not sort:
        raise _refuse("A cursor goes on in the order in which it began: keep sort unchanged.")
    return TransactionCursor(value, place.id)


def _refuse(sentence: str) -> InvalidInputError:
    return InvalidInputError("The input is not valid.", problems=[Problem("cursor", sentence)])
