"""What GoCardless's answers say of which request they answer."""

import re
from collections.abc import Mapping
from typing import Final

#: The first of these that an answer has. Its gateway names every request in ``CF-RAY``; the other
#: ids that are seen in answers (``x-c-uuid``, ``x-u-uuid``) do not name the request.
_HEADERS: Final = ("x-request-id", "cf-ray")
_FORM: Final = re.compile(r"[A-Za-z0-9._-]{8,128}", re.ASCII)


def read_request_id(headers: Mapping[str, str]) -> str | None:
    """Return by what name GoCardless can find a request again, to be quoted to its support.

    :param headers: Headers of the answer, compared without regard to case.
    :returns: The name; ``None`` where the answer has none, or not of the form of one.
    """
    told = {name.lower(): value.strip() for name, value in headers.items()}
    names = (told[header] for header in _HEADERS if header in told)
    return next((name for name in names if _FORM.fullmatch(name)), None)
