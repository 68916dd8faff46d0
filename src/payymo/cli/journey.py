"""The main job, from outside: everything through HTTP, as a browser and a program would."""

import csv
import io
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import httpx
import msgspec

from payymo.cli.browser import walk_consent
from payymo.cli.scoring import Score, Truth, score_links
from payymo.cli.stack import SandboxAddress
from payymo.domain.errors import PayymoError, Problem

#: The bank of the demonstration, and whose books it holds.
BANK = "SANDBOXFINANCE_SFIN0000"
BOOKS = "business"

_JOB_SECONDS_MAX = 600.0
_POLL_SECONDS = 0.2
_PAGE_SIZE = 200
_ENDED = {"succeeded", "failed", "cancelled"}

#: Tells a person what is going on: a line, and how far of how much where that is known.
type Progress = Callable[[str, int | None, int | None], None]


@dataclass(frozen=True, slots=True)
class Login:
    """Who signs in at the API."""

    email: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demonstration did.

    :ivar sync_seconds: From the start of the sync run to its end, the bank's answers included.
    :ivar payment_count: Booked payments that came in.
    :ivar applied_count: Those whose match was applied, by whichever run.
    :ivar suggested_count: Those with a match that waits for a person.
    :ivar applied: Links of confirmed matches against the truth.
    :ivar proposed: Links of confirmed and suggested matches against the truth.
    :ivar warehouse: Build of the warehouse that shows all this, as its job tells of it.
    :ivar build_seconds: What that took, from being asked for to its end.
    """

    login: Login
    pages_walked: int
    accounts: list[dict[str, Any]]
    transaction_count: int
    sync_seconds: float
    invoice_count: int
    customer_count: int
    match_seconds: float
    payment_count: int
    applied_count: int
    suggested_count: int
    applied: Score
    proposed: Score
    negative_count: int
    negatives_applied: int
    warehouse: Mapping[str, Any]
    build_seconds: float

    @property
    def unexplained_count(self) -> int:
        """Payments that nothing explains."""
        return self.payment_count - self.applied_count - self.suggested_count


class Api:
    """Payymo's API, for one member.

    :param http: Client whose base address is the API's.
    """

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def get(self, path: str, **params: str | int) -> Any:
        """Return what stands in ``data`` of an answer."""
        return self._data(self.http.get(f"/api/v1{path}", params=params))

    def page(self, path: str) -> dict[str, Any]:
        """Return a whole answer that holds a page of a list."""
        return self._answer(self.http.get(f"/api/v1{path}"))

    def post(self, path: str, body: Mapping[str, Any] | None = None, **files: Any) -> Any:
        """Create something and return what stands in ``data`` of the answer."""
        if files:
            response = self.http.post(f"/api/v1{path}", files=files, timeout=120)
        else:
            response = self.http.post(f"/api/v1{path}", json=body)
        return self._data(response)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Change something and return what stands in ``data`` of the answer."""
        return self._data(self.http.patch(f"/api/v1{path}", json=body))

    def every(self, path: str, **params: str | int) -> Iterator[dict[str, Any]]:
        """Yield every item of a long list, page by page; by cursor where the list gives one."""
        place: dict[str, str | int] = {"page": 1}
        while True:
            response = self.http.get(
                f"/api/v1{path}", params=params | place | {"per_page": _PAGE_SIZE}
            )
            answer = self._answer(response)
            yield from answer["data"]
            meta = answer["meta"]
            if "next_cursor" in meta:
                if meta["next_cursor"] is None:
                    return
                place = {"cursor": meta["next_cursor"]}
            elif meta["page"] < meta["total_pages"]:
                place = {"page": meta["page"] + 1}
            else:
                return

    def wait_for(self, job_id: str, progress: Progress, what: str) -> dict[str, Any]:
        """Return a background job once it has succeeded.

        :raises PayymoError: If it fails, or takes too long.
        """
        give_up_at = time.monotonic() + _JOB_SECONDS_MAX
        while time.monotonic() < give_up_at:
            job: dict[str, Any] = self.get(f"/jobs/{job_id}")
            if job["status"] in _ENDED:
                if job["status"] != "succeeded":
                    raise PayymoError(f"{what} did not succeed: {job['error']['message']}")
                return job
            shown = job["progress"] or {}
            progress(what, shown.get("done"), shown.get("total"))
            time.sleep(_POLL_SECONDS)
        raise PayymoError(f"{what} took longer than {_JOB_SECONDS_MAX:.0f} seconds.")

    def _data(self, response: httpx.Response) -> Any:
        return self._answer(response)["data"]

    @staticmethod
    def _answer(response: httpx.Response) -> dict[str, Any]:
        body: dict[str, Any] = msgspec.json.decode(response.content)
        if response.is_error:
            error = body["error"]
            problems = [Problem(each["field"], each["message"]) for each in error["details"]]
            raise PayymoError(error["message"], problems=problems)
        return body


def register(http: httpx.Client, *, name: str, login: Login) -> str:
    """Register a tenant with its owner, and return the owner's access token.

    :param http: Client whose base address is the API's.
    :param name: Name of the tenant.
    :param login: The owner's future login.
    """
    data = Api(http).post(
        "/auth/register",
        {"tenant_name": name, "email": login.email, "password": login.password},
    )
    token: str = data["access_token"]
    return token


def new_login(name: str) -> Login:
    """Return a login that nobody has yet.

    :param name: What the address begins with.
    """
    return Login(f"{name}-{secrets.token_hex(3)}@example.com", secrets.token_urlsafe(18))


def run_journey(url: str, sandbox: SandboxAddress, progress: Progress) -> Outcome:
    """Do the whole main job on a tenant of its own.

    :param url: Where the API listens.
    :param sandbox: The sandbox that the API talks to: it knows the invoices and the truth.
    :param progress: Is told what is going on.
    :raises PayymoError: If a step fails.
    """
    login = new_login("demo")
    with httpx.Client(base_url=url, timeout=60) as http, _operator(sandbox) as operator:
        progress("Registering a tenant", None, None)
        token = register(http, name="Demo Hosting Ltd", login=login)
        http.headers["Authorization"] = f"Bearer {token}"
        api = Api(http)

        progress("Switching on that sure matches are applied (off unless you say so)", None, None)
        api.patch("/tenant", {"auto_apply": True})
        progress("Walking the bank's consent page", None, None)
        connection, pages = _connect(api, url)
        progress("Syncing 24 months of the business", None, None)
        run = _wait_for_first_sync(api, connection["id"], progress)

        progress("Importing its invoices", None, None)
        imported = _import_invoices(api, operator)
        progress("Matching payments to invoices", None, None)
        started = time.monotonic()
        job = api.post("/match_runs")
        api.wait_for(job["id"], progress, "Matching payments to invoices")
        match_seconds = time.monotonic() - started

        build = api.post("/analytics/builds")
        progress("Comparing the matches with the sandbox's own truth", None, None)
        truth = _read_truth(operator)
        accounts = list(api.every("/accounts"))
        payments = _read_payments(api, accounts)
        found = _read_matches(api, payments)
        progress("Building the warehouse, and testing it", None, None)
        build = api.wait_for(build["id"], progress, "Building the warehouse, and testing it")
        return Outcome(
            login=login,
            pages_walked=pages,
            accounts=accounts,
            transaction_count=sum(account["added_count"] for account in run["accounts"]),
            sync_seconds=_seconds_between(run["started_at"], run["finished_at"]),
            invoice_count=imported["invoice_count"],
            customer_count=imported["customer_count"],
            match_seconds=match_seconds,
            payment_count=len(payments),
            applied_count=len(found["confirmed"]),
            suggested_count=len(found["suggested"]),
            applied=score_links(found["confirmed"], truth),
            proposed=score_links(found["confirmed"] | found["suggested"], truth),
            negative_count=sum(not entry.invoices for entry in truth.values()),
            negatives_applied=sum(
                key in truth and not truth[key].invoices for key in found["confirmed"]
            ),
            warehouse=build["result"],
            build_seconds=_seconds_between(build["created_at"], build["finished_at"]),
        )


def _operator(sandbox: SandboxAddress) -> httpx.Client:
    """Return a client for what only the sandbox's operator may do."""
    return httpx.Client(
        base_url=sandbox.base_url.removesuffix("/api/v2"),
        headers={"Authorization": f"Bearer {sandbox.secret_key}"},
        timeout=120,
    )


def _connect(api: Api, url: str) -> tuple[dict[str, Any], int]:
    connection = api.post("/bank_connections", {"institution_id": BANK})
    with httpx.Client(timeout=60) as browser:
        answer, pages = walk_consent(
            browser,
            connection["consent_url"],
            answers={"scenario": BOOKS, "user_id": "demo", "password": "demo"},
            until=f"{url}/api/v1/bank_connections/callback",
        )
    if answer.status_code != HTTPStatus.OK:
        raise PayymoError(f"The bank was not connected: {answer.json()['error']['message']}")
    return connection, pages


def _wait_for_first_sync(api: Api, connection_id: str, progress: Progress) -> dict[str, Any]:
    # The sync sets off a matching, which finds no invoices yet: it is not the one to measure.
    for kind in ("sync", "match"):
        for job in api.get("/jobs", kind=kind):
            api.wait_for(job["id"], progress, "Syncing 24 months of the business")
    (run,) = api.get(f"/bank_connections/{connection_id}/sync_runs")
    if run["status"] != "succeeded":
        raise PayymoError(f"The sync did not succeed: {run['error'] or run['status']}")
    result: dict[str, Any] = run
    return result


def _import_invoices(api: Api, operator: httpx.Client) -> dict[str, Any]:
    answer = operator.get(f"/control/books/{BOOKS}/invoices", params={"format": "csv"})
    answer.raise_for_status()
    imported: dict[str, Any] = api.post(
        "/invoices/imports", file=("invoices.csv", answer.content, "text/csv")
    )
    rows = sum(1 for _ in csv.reader(io.StringIO(answer.text))) - 1
    if imported["invoice_count"] != rows:
        raise PayymoError(f"Only {imported['invoice_count']} of {rows} invoices were imported.")
    return imported


def _read_truth(operator: httpx.Client) -> dict[str, Truth]:
    """Return what each incoming payment really paid, by its key at the bank."""
    answer = operator.get(f"/control/books/{BOOKS}/truth")
    answer.raise_for_status()
    truth: dict[str, Truth] = {}
    for line in answer.text.splitlines():
        entry = msgspec.json.decode(line)
        truth[f"{entry['account_iban']} {entry['internal_transaction_id']}"] = Truth(
            frozenset(part["number"] for part in entry["allocations"]),
            {number: frozenset(others) for number, others in entry["equivalents"].items()},
        )
    return truth


def _read_payments(api: Api, accounts: list[dict[str, Any]]) -> dict[str, str]:
    """Return what came in and is booked: by its id, its key at the bank."""
    ibans = {account["id"]: account["iban"] for account in accounts}
    return {
        row["id"]: f"{ibans[row['account_id']]} {row['internal_id']}"
        for row in api.every("/transactions", direction="credit", status="booked")
    }


def _read_matches(api: Api, payments: dict[str, str]) -> dict[str, dict[str, list[str]]]:
    """Return invoice numbers by payment, for each status of a match."""
    found: dict[str, dict[str, list[str]]] = {}
    for status in ("confirmed", "suggested"):
        found[status] = {
            payments[match["transaction"]["id"]]: [
                line["invoice_number"] for line in match["lines"]
            ]
            for match in api.every("/matches", status=status)
        }
    return found


def _seconds_between(start: str, end: str) -> float:
    return (
        datetime.fromisoformat(end).astimezone(UTC) - datetime.fromisoformat(start).astimezone(UTC)
    ).total_seconds()
