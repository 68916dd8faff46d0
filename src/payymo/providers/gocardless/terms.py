"""What to ask of a bank for consent, and what to ask instead when it refuses."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from payymo.domain.enums import AccessScope
from payymo.domain.errors import Problem

#: What a bank gives that does not say, and what every bank accepts.
DAYS_USUAL: Final = 90

_DAYS_FIELDS: Final = frozenset({"max_historical_days", "access_valid_for_days"})
_SUPPORTED: Final = re.compile(r"supported by the institution are \[([^\]]*)\]")


@dataclass(frozen=True, slots=True)
class Terms:
    """What an agreement is to cover.

    :ivar history_days: Days of history.
    :ivar access_days: Days of access.
    :ivar scopes: What may be read of an account.
    """

    history_days: int
    access_days: int
    scopes: tuple[AccessScope, ...] = (
        AccessScope.BALANCES,
        AccessScope.DETAILS,
        AccessScope.TRANSACTIONS,
    )


def narrow(terms: Terms, problems: Sequence[Problem]) -> Terms | None:
    """Return what to ask for after a refusal; ``None`` where asking for less does not help.

    Some banks refuse the history or the duration that they declare, and some have no details or
    balances to give. Without transactions a consent is of no use.

    :param terms: What was refused.
    :param problems: Why, as GoCardless puts it.
    """
    narrower = terms
    if {problem.field for problem in problems} & _DAYS_FIELDS:
        narrower = replace(
            narrower,
            history_days=min(terms.history_days, DAYS_USUAL),
            access_days=min(terms.access_days, DAYS_USUAL),
        )
    for problem in problems:
        if (named := _SUPPORTED.search(problem.message)) is not None:
            given = tuple(scope for scope in narrower.scopes if f"'{scope}'" in named[1])
            narrower = replace(narrower, scopes=given)
    is_useful = AccessScope.TRANSACTIONS in narrower.scopes
    return narrower if is_useful and narrower != terms else None
