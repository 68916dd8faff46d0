"""What people's own choices teach: which category a payee's transactions have.

Nothing is stored: memory is what the choices that stand say, so that a choice that is taken back
teaches nothing any more.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from payymo.domain.categories.rules import simplify
from payymo.domain.enums import Direction

#: Choices of one payee that are looked at, the latest first.
CHOICES_REMEMBERED: Final = 5

_LETTER: Final = re.compile(r"[A-Z]")


@dataclass(frozen=True, slots=True)
class Choice:
    """A person's choice of a category for a transaction."""

    payee: str | None
    direction: Direction
    category_id: UUID


type PayeeKey = tuple[str, Direction]


def payee_key(payee: str | None, direction: Direction) -> PayeeKey | None:
    """Return by what a payee is remembered, or ``None`` for one without a name.

    Words with digits are left out: they are numbers of shops, cards and days.

    :param payee: What a person would call the other side.
    :param direction: Which way the money went: a refund is not a purchase.
    """
    words = [word for word in simplify(payee or "").split() if word.isalpha()]
    name = " ".join(words)
    return (name, direction) if _LETTER.search(name) else None


def learn(choices: Iterable[Choice]) -> Mapping[PayeeKey, UUID]:
    """Return which category each payee's transactions have, by what people chose.

    Of the last five choices the most frequent category counts; of equally frequent ones the one
    that was chosen last.

    :param choices: What people chose, the latest first.
    """
    chosen: dict[PayeeKey, list[UUID]] = {}
    for choice in choices:
        key = payee_key(choice.payee, choice.direction)
        if key is not None:
            latest = chosen.setdefault(key, [])
            if len(latest) < CHOICES_REMEMBERED:
                latest.append(choice.category_id)
    # Counter keeps the order of first sight, which is the latest.
    return {key: Counter(latest).most_common(1)[0][0] for key, latest in chosen.items()}
