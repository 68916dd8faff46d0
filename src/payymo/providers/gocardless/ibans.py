"""Account numbers in their normal form."""

from functools import lru_cache
from typing import Final

from stdnum import iban

_LENGTH_MAX: Final = 60


def as_iban(value: object) -> str | None:
    """Return a valid IBAN in upper case without blanks; anything else is none.

    :param value: Value of a JSON field, of any type.
    """
    if not isinstance(value, str) or not value or len(value) > _LENGTH_MAX:
        return None
    return _normal(value)


@lru_cache(maxsize=16_384)
def _normal(value: str) -> str | None:
    compact = "".join(value.split()).upper()
    return compact if iban.is_valid(compact, check_country=False) else None
