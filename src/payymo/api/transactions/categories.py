"""What a person says a transaction, or a part of one, is for: by a category's id or by its name."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.api.access_tokens import Member
from payymo.api.transactions.models import SplitCreate, TransactionUpdate
from payymo.domain.enums import CategoryKind
from payymo.domain.errors import InvalidInputError, Problem
from payymo.domain.ledger.splits import SplitPart
from payymo.postgres.categories.operations.categories import get_category, name_category
from payymo.postgres.common.operations.categorisation import choose_category, release_category
from payymo.postgres.common.operations.transactions import TransactionLine

_WAYS: Final = ("category", "category_id", "category_source")


def change_category(
    session: Session,
    member: Member,
    line: TransactionLine,
    body: TransactionUpdate,
    *,
    now: datetime,
) -> None:
    """Do what a change of a transaction says of its category; without a word it stays.

    :param session: Open session; the caller manages the transaction.
    :param member: Who says so.
    :param line: The transaction.
    :param body: The change.
    :param now: The time (aware).
    :raises InvalidInputError: If it says so in two ways.
    :raises NotFoundError: If the tenant has no such category.
    """
    said = [way for way in _WAYS if way in body]
    if len(said) > 1:
        raise _ambiguous(said[-1])
    if "category_source" in body:
        release_category(session, member.tenant_id, line.id, actor_id=member.user_id)
    elif said:
        category_id = _resolve(
            session, member, body.get("category"), body.get("category_id"), line.amount
        )
        choose_category(
            session, member.tenant_id, line.id, category_id, now=now, actor_id=member.user_id
        )


def read_parts(session: Session, member: Member, parts: Sequence[SplitCreate]) -> list[SplitPart]:
    """Return the parts that a request divides a transaction into.

    :param session: Open session; the caller manages the transaction.
    :param member: Who divides it.
    :param parts: The parts, as they are sent.
    :raises InvalidInputError: If one names its category in two ways.
    :raises NotFoundError: If the tenant has no such category.
    """
    for number, part in enumerate(parts):
        if part.category is not None and part.category_id is not None:
            raise _ambiguous(f"splits.{number}.category_id")
    return [
        SplitPart(
            part.amount,
            _resolve(session, member, part.category, part.category_id, part.amount),
            part.note,
        )
        for part in parts
    ]


def _resolve(
    session: Session,
    member: Member,
    name: str | None,
    category_id: UUID | None,
    amount: Decimal,
) -> UUID | None:
    if category_id is not None:
        return get_category(session, member.tenant_id, category_id).id
    if name is None:
        return None
    kind = CategoryKind.INCOME if amount > 0 else CategoryKind.EXPENSE
    return name_category(session, member.tenant_id, name, kind=kind, actor_id=member.user_id).id


def _ambiguous(field: str) -> InvalidInputError:
    sentence = "Say the category once: by its name, by its id, or taken back."
    return InvalidInputError("The input is not valid.", problems=[Problem(field, sentence)])
