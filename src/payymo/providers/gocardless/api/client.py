"""GoCardless's endpoints over HTTP, and nothing more."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec

from payymo.domain.banking import Clock, ProviderCredentials
from payymo.domain.errors import ProviderError, ProviderResponseError, ProviderUnavailableError
from payymo.providers.base import Permit, TokenStore
from payymo.providers.gocardless.api.auth import Tokens
from payymo.providers.gocardless.api.errors import (
    AccessTokenRejectedError,
    ErrorAnswer,
    error_from,
)
from payymo.providers.gocardless.api.request_ids import read_request_id
from payymo.providers.gocardless.api.retry import RetryPolicy

BASE_URL: Final = "https://bankaccountdata.gocardless.com/api/v2"

_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0, pool=10.0)
#: The bank is asked while we wait, and a long history takes it a minute.
_BANK_TIMEOUT: Final = httpx.Timeout(120.0, connect=5.0, pool=10.0)
_ANSWER_BYTES_MAX: Final = 512 * 1024 * 1024
#: What goes wrong before a request has left.
_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

_document = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer.

    :ivar received_at: When it came (aware).
    """

    body: bytearray
    headers: httpx.Headers
    received_at: datetime

    @property
    def request_id(self) -> str | None:
        """By what name GoCardless can find the request again, where it says so."""
        return read_request_id(self.headers)

    @contextmanager
    def being_read(self) -> Iterator[None]:
        """Let an error that is raised in the block name the request that was answered so."""
        try:
            yield
        except ProviderResponseError as error:
            error.request_id = error.request_id or self.request_id
            raise

    def document(self) -> dict[str, Any]:
        """Return the JSON object that the body is.

        :raises ProviderResponseError: If it is anything else.
        """
        document = self._parse()
        if not isinstance(document, dict):
            raise ProviderResponseError("GoCardless's answer is not the agreed JSON object.")
        return document

    def documents(self) -> list[dict[str, Any]]:
        """Return the list of JSON objects that the body is.

        :raises ProviderResponseError: If it is anything else.
        """
        documents = self._parse()
        if not isinstance(documents, list) or not all(isinstance(d, dict) for d in documents):
            raise ProviderResponseError("GoCardless's answer is not the agreed list.")
        return documents

    def _parse(self) -> object:
        try:
            return _document.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ProviderResponseError("GoCardless's answer is cut short or not JSON.") from error


class GoCardlessClient:
    """Speaks to GoCardless for one company.

    Every method raises only :class:`~payymo.domain.errors.ProviderError` and its subclasses.

    :param http: Sends requests; its own base URL and timeouts are not used.
    :param base_url: Address of version 2 of the API, with or without a final slash.
    :param credentials: The company's secrets.
    :param store: Where the company's tokens live, for all workers.
    :param clock: Tells the time (aware).
    :param retry: How often calls that change nothing are tried.
    """

    def __init__(
        self,
        http: httpx.Client,
        *,
        base_url: str,
        credentials: ProviderCredentials,
        store: TokenStore,
        clock: Clock,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._retry = retry or RetryPolicy()
        self._tokens = Tokens(credentials, store, self._post_for_token, clock)

    def list_institutions(self, country: str | None) -> list[dict[str, Any]]:
        """Return the banks of a country (ISO alpha-2), or all."""
        params = {} if country is None else {"country": country.lower()}
        return self._get("institutions/", params=params).documents()

    def get_institution(self, institution_id: str) -> dict[str, Any]:
        """Return one bank."""
        return self._get(f"institutions/{_segment(institution_id)}/").document()

    def create_agreement(
        self, *, institution_id: str, history_days: int, access_days: int, scopes: Sequence[str]
    ) -> dict[str, Any]:
        """Make an agreement on what may be read, and for how long."""
        return self._post(
            "agreements/enduser/",
            {
                "institution_id": institution_id,
                "max_historical_days": history_days,
                "access_valid_for_days": access_days,
                "access_scope": list(scopes),
            },
        )

    def get_agreement(self, agreement_id: str) -> dict[str, Any]:
        """Return one agreement."""
        return self._get(f"agreements/enduser/{_segment(agreement_id)}/").document()

    def delete_agreement(self, agreement_id: str) -> None:
        """Delete one agreement."""
        self._call("DELETE", f"agreements/enduser/{_segment(agreement_id)}/")

    def create_requisition(
        self, *, institution_id: str, agreement_id: str, reference: str, redirect: str
    ) -> dict[str, Any]:
        """Ask for a page where the account holder consents to an agreement."""
        return self._post(
            "requisitions/",
            {
                "institution_id": institution_id,
                "agreement": agreement_id,
                "reference": reference,
                "redirect": redirect,
            },
        )

    def get_requisition(self, requisition_id: str) -> dict[str, Any]:
        """Return one requisition."""
        return self._get(f"requisitions/{_segment(requisition_id)}/").document()

    def delete_requisition(self, requisition_id: str) -> None:
        """Delete one requisition, with its agreements."""
        self._call("DELETE", f"requisitions/{_segment(requisition_id)}/")

    def get_account(self, account_id: str) -> dict[str, Any]:
        """Return what GoCardless itself knows of an account; the bank is not asked."""
        return self._get(f"accounts/{_segment(account_id)}/").document()

    def get_details(self, account_id: str, *, permit: Permit | None = None) -> Answer:
        """Return the bank's description of an account."""
        return self._get_counted(f"accounts/{_segment(account_id)}/details/", permit)

    def get_balances(self, account_id: str, *, permit: Permit | None = None) -> Answer:
        """Return an account's balances."""
        return self._get_counted(f"accounts/{_segment(account_id)}/balances/", permit)

    def get_transactions(
        self,
        account_id: str,
        *,
        date_from: date | None,
        date_to: date | None,
        permit: Permit | None = None,
    ) -> Answer:
        """Return an account's transactions; without dates, all that the agreement allows."""
        bounds = {"date_from": date_from, "date_to": date_to}
        return self._get_counted(
            f"accounts/{_segment(account_id)}/transactions/",
            permit,
            params={name: day.isoformat() for name, day in bounds.items() if day is not None},
        )

    def _get_counted(
        self, path: str, permit: Permit | None, *, params: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask the bank: a call that is counted, and so is each further try of it."""
        if permit is None:
            return self._call("GET", path, params=params, timeout=_BANK_TIMEOUT)
        return self._get(path, params=params, timeout=_BANK_TIMEOUT, may_repeat=permit.renew)

    def _get(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        timeout: httpx.Timeout = _TIMEOUT,
        may_repeat: Callable[[ProviderError], bool] = lambda _: True,
    ) -> Answer:
        """Try a call that changes nothing as often as the policy and a permit allow."""
        started, attempt = self._retry.elapsed(), 0
        while True:
            attempt += 1
            try:
                return self._call("GET", path, params=params, timeout=timeout)
            except ProviderError as error:
                cause = error.__cause__ if isinstance(error.__cause__, httpx.HTTPError) else error
                seconds = self._retry.wait_before(
                    attempt, cause, started=started, now=self._clock()
                )
                if seconds is None:
                    raise
                self._retry.sleep(seconds)
                if not may_repeat(error):
                    raise

    def _post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        return self._call("POST", path, body=body).document()

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        timeout: httpx.Timeout = _TIMEOUT,
    ) -> Answer:
        """Send one request, and once more where only its token was refused."""
        token = self._tokens.access()
        try:
            return self._send(method, path, token, params=params, body=body, timeout=timeout)
        except AccessTokenRejectedError:
            token = self._tokens.renew(token)
        try:
            return self._send(method, path, token, params=params, body=body, timeout=timeout)
        except AccessTokenRejectedError as error:
            raise ProviderResponseError(
                "GoCardless refuses a token that it issued a moment ago; try again later.",
                http_status=error.http_status,
            ) from error

    def _post_for_token(self, path: str, body: Mapping[str, str]) -> Mapping[str, Any]:
        return self._send("POST", path, None, body=body).document()

    def _send(
        self,
        method: str,
        path: str,
        token: str | None,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        timeout: httpx.Timeout = _TIMEOUT,
    ) -> Answer:
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        request = self._http.build_request(
            method,
            f"{self._base_url}/{path}",
            params=params or None,
            json=body,
            headers=headers,
            timeout=timeout,
        )
        try:
            response = self._http.send(request, stream=True, follow_redirects=False)
            try:
                received = _read(response)
            finally:
                response.close()
        except httpx.TimeoutException as error:
            raise ProviderUnavailableError(
                "GoCardless did not answer in time.",
                is_unanswered=not isinstance(error, _UNSENT),
            ) from error
        except httpx.HTTPError as error:
            raise ProviderUnavailableError(
                "GoCardless could not be reached, or broke off its answer.",
                is_unanswered=not isinstance(error, _UNSENT),
            ) from error
        if not response.is_success:
            raise error_from(
                ErrorAnswer(response.status_code, response.headers, received, self._clock())
            )
        return Answer(received, response.headers, self._clock())


def _read(response: httpx.Response) -> bytearray:
    """Return the body in one growing buffer, since a list of pieces would hold it twice."""
    received = bytearray()
    for piece in response.iter_bytes():
        received += piece
        if len(received) > _ANSWER_BYTES_MAX:
            raise ProviderResponseError("GoCardless's answer is larger than can be believed.")
    return received


def _segment(reference: str) -> str:
    return quote(reference, safe="")
