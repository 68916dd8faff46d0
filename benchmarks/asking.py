"""The monthly cash flow of a tenant, by the API: from the warehouse, and from its transactions."""

import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from benchmarks.listing import ROW_COUNT, TENANT_COUNT, fill, server
from benchmarks.measurement import Measurement
from payymo.access import open_database
from payymo.cli.journey import new_login, register
from payymo.cli.stack import free_port
from payymo.postgres.schema import init_database
from payymo.settings import load_settings

ROUNDS = 5
PER_PAGE = 200

RATIO_MIN = 10.0

DATASET = "/api/v1/analytics/datasets/fct_monthly_cash_flow/rows"
QUESTION = {
    "group_by": "month_start_date,currency",
    "aggregates": "net_cash_flow.sum",
    "per_page": "500",
}
TRANSACTIONS = "/api/v1/transactions"

type CashFlow = dict[tuple[str, str], Decimal]


def measure() -> list[Measurement]:
    """Return how much sooner the warehouse answers than a client that adds up the rows."""
    with tempfile.TemporaryDirectory(prefix="payymo-bench-") as name:
        folder = Path(name)
        os.environ["PAYYMO_DATA_DIR"] = str(folder)
        os.environ.pop("DATABASE_URL", None)
        with open_database(load_settings()) as url:
            init_database(url)
            return [_measure(url, folder)]


def _measure(url: str, folder: Path) -> Measurement:
    port = free_port()
    serve = [sys.executable, "-m", "payymo", "serve", "--port", str(port)]
    with (
        server(serve, port, "/healthz", {}, folder / "api.log"),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as http,
    ):
        token = register(http, name="Bench", login=new_login("bench"))
        http.headers["Authorization"] = f"Bearer {token}"
        fill(url, http.get("/api/v1/auth/me").json()["data"]["tenant"]["id"])
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "payymo", "analytics", "build"], check=True, stdout=sys.stderr
        )
        build_seconds = time.perf_counter() - began
        asked, added = [], []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            answer = _ask(http)
            asked.append(time.perf_counter() - began)
            began = time.perf_counter()
            sums = _add_up(http)
            added.append(time.perf_counter() - began)
            if answer != sums:
                raise AssertionError("the warehouse and the transactions say different things")
    return Measurement(
        f"monthly cash flow of one of {TENANT_COUNT} tenants with {ROW_COUNT:,} transactions: how "
        "much sooner the warehouse answers than a client has added up its rows",
        f"{median(asked) * 1000:.0f} ms and {median(added) * 1000:,.0f} ms for {len(answer)} "
        f"months; the build took {build_seconds:.0f} s",
        median(added) / median(asked),
        RATIO_MIN,
    )


def _ask(http: httpx.Client) -> CashFlow:
    answer = _read(http, DATASET, QUESTION)
    return {
        (row["month_start_date"], row["currency"]): Decimal(row["net_cash_flow_sum"])
        for row in answer["data"]
    }


def _add_up(http: httpx.Client) -> CashFlow:
    """Read all booked transactions by the fastest way that there is, and add them up."""
    sums: CashFlow = defaultdict(Decimal)
    cursor: str | None = ""
    while cursor is not None:
        asked = {"status": "booked", "per_page": str(PER_PAGE), "cursor": cursor}
        page = _read(http, TRANSACTIONS, asked)
        for row in page["data"]:
            month = f"{row['transaction_date'][:7]}-01"
            sums[month, row["currency"]] += Decimal(row["amount"])
        cursor = page["meta"]["next_cursor"]
    return dict(sums)


def _read(http: httpx.Client, path: str, parameters: dict[str, str]) -> Any:
    answer = http.get(path, params=parameters)
    answer.raise_for_status()
    return answer.json()
