"""The European Central Bank's files over HTTP, and nothing more."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import httpx

from payymo.domain.errors import (
    InvalidInputError,
    ProviderError,
    ProviderResponseError,
    ProviderUnavailableError,
)
from payymo.domain.exchange import ReferenceRate
from payymo.providers.ecb.formats import FILE_BYTES_MAX, read_rates

ALL_HISTORY: Final = "eurofxref-hist.zip"
LAST_NINETY_DAYS: Final = "eurofxref-hist-90d.xml"

#: The short file holds ninety days; what is asked for within these is surely in it.
_SHORT_DAYS: Final = timedelta(days=80)
_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)


class EcbClient:
    """Reads reference rates from where the European Central Bank publishes them.

    :param http: Sends requests; its own base URL and timeouts are not used.
    :param base_url: Folder of the files, with or without a final slash.
    """

    def __init__(self, http: httpx.Client, *, base_url: str) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")

    def read_rates(self, *, since: date | None, today: date) -> Sequence[ReferenceRate]:
        """Return the reference rates from a day on, or from earlier, out of one file.

        :param since: First day that is wanted; ``None`` is all history.
        :param today: The present day.
        :raises ProviderUnavailableError: If the bank is down, slow or unreachable.
        :raises ProviderError: If it answers otherwise than agreed.
        """
        is_near = since is not None and since > today - _SHORT_DAYS
        content = self._get(LAST_NINETY_DAYS if is_near else ALL_HISTORY)
        try:
            return read_rates(content)
        except InvalidInputError as error:
            raise ProviderResponseError(
                f"The European Central Bank's answer cannot be used. {error.message}",
                problems=error.problems,
            ) from error

    def _get(self, name: str) -> bytes:
        try:
            with self._http.stream("GET", f"{self._base_url}/{name}", timeout=_TIMEOUT) as answer:
                _check_status(answer.status_code)
                body = bytearray()
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > FILE_BYTES_MAX:
                        raise ProviderResponseError(
                            "The European Central Bank's answer is too large to be its rates."
                        )
                return bytes(body)
        except httpx.TimeoutException as error:
            raise ProviderUnavailableError(
                "The European Central Bank did not answer in time: try again later."
            ) from error
        except httpx.HTTPError as error:
            raise ProviderUnavailableError(
                "The European Central Bank cannot be reached: check this machine's network and "
                "ECB_BASE_URL, or import a downloaded file with `payymo rates import FILE`."
            ) from error


def _check_status(status: int) -> None:
    if status == httpx.codes.OK:
        return
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS:
        raise ProviderUnavailableError(
            f"The European Central Bank has no answer now (HTTP {status}): try again later.",
            http_status=status,
        )
    raise ProviderError(
        f"The European Central Bank refused to give its rates (HTTP {status}): check ECB_BASE_URL.",
        http_status=status,
    )
