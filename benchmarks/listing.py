"""A page of transactions in a book of a million, against a bare endpoint with the same SQL."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx
import psutil
from sqlalchemy import create_engine, make_url, text

from benchmarks.bare_app import PER_PAGE
from benchmarks.load import Load, put_load
from benchmarks.measurement import Measurement
from payymo.access import open_database
from payymo.cli.journey import new_login, register
from payymo.cli.stack import free_port
from payymo.postgres.schema import init_database
from payymo.settings import load_settings

TENANT_COUNT = 100
ROW_COUNT = 1_000_000
CONNECTIONS = 16
ROUNDS = 3
ROUND_SECONDS = 8.0
WARM_UP_SECONDS = 3.0
START_SECONDS_MAX = 60.0

RATE_RATIO_MIN = 0.5
P99_RATIO_MAX = 5.0

PATH = f"/api/v1/transactions?per_page={PER_PAGE}"


def measure() -> list[Measurement]:
    """Return how a page of transactions bears a load."""
    with tempfile.TemporaryDirectory(prefix="payymo-bench-") as name:
        folder = Path(name)
        os.environ["PAYYMO_DATA_DIR"] = str(folder)
        os.environ.pop("DATABASE_URL", None)
        with open_database(load_settings()) as url:
            init_database(url)
            return _measure(url, folder)


def _measure(url: str, folder: Path) -> list[Measurement]:
    port, bare_port = free_port(), free_port()
    serve = [sys.executable, "-m", "payymo", "serve", "--port", str(port)]
    with server(serve, port, "/healthz", {}, folder / "api.log"):
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            token = register(http, name="Bench", login=new_login("bench"))
            headers = {"Authorization": f"Bearer {token}"}
            tenant_id = http.get("/api/v1/auth/me", headers=headers).json()["data"]["tenant"]["id"]
            fill(url, tenant_id)
            answer = http.get(PATH, headers=headers)
            answer.raise_for_status()
        body = folder / "page.json"
        body.write_bytes(answer.content)
        bare = [
            *(sys.executable, "-m", "uvicorn", "--factory", "benchmarks.bare_app:create"),
            *("--port", str(bare_port), "--no-access-log", "--log-level", "warning"),
        ]
        environment = {
            "BENCH_DATABASE_URL": url,
            "BENCH_TENANT_ID": tenant_id,
            "BENCH_BODY": str(body),
        }
        with server(bare, bare_port, "/bare", environment, folder / "bare.log"):
            return _compare((port, PATH, headers), (bare_port, "/bare", {}))


type _Target = tuple[int, str, Mapping[str, str]]


def _compare(api: _Target, bare: _Target) -> list[Measurement]:
    loads: dict[str, list[Load]] = {"api": [], "bare": []}
    client = psutil.Process()
    client.cpu_percent()
    for port, path, headers in (api, bare):
        put_load(port, path, headers, connections=CONNECTIONS, seconds=WARM_UP_SECONDS)
    for _ in range(ROUNDS):
        for name, (port, path, headers) in {"api": api, "bare": bare}.items():
            loads[name].append(
                put_load(port, path, headers, connections=CONNECTIONS, seconds=ROUND_SECONDS)
            )
    client_share = client.cpu_percent()
    rate, bare_rate = (median(load.rate for load in loads[name]) for name in ("api", "bare"))
    p99, bare_p99 = (median(load.p99 for load in loads[name]) for name in ("api", "bare"))
    p50, bare_p50 = (median(load.p50 for load in loads[name]) for name in ("api", "bare"))
    return [
        Measurement(
            "a page of 50 of 1,000,000 transactions, of a bare endpoint's requests/s",
            f"{rate:,.0f}/s of {bare_rate:,.0f}/s at {CONNECTIONS} connections; p50 "
            f"{p50 * 1000:.1f} ms and {bare_p50 * 1000:.1f} ms; the load took {client_share:.0f} % "
            "of a core",
            rate / bare_rate,
            RATE_RATIO_MIN,
        ),
        Measurement(
            "its p99, in p99s of the bare endpoint",
            f"{p99 * 1000:.1f} ms and {bare_p99 * 1000:.1f} ms",
            p99 / bare_p99,
            P99_RATIO_MAX,
            is_maximum=True,
        ),
    ]


@contextmanager
def server(
    command: list[str], port: int, path: str, environment: Mapping[str, str], log: Path
) -> Iterator[None]:
    """Run a server until the block ends; it is ready when it answers.

    :param command: What to run.
    :param port: Where it listens.
    :param path: What it answers once it is ready.
    :param environment: Variables besides our own.
    :param log: Where its output goes.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=os.environ | environment, stdout=output, stderr=output
        )
    try:
        give_up_at = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}{path}", timeout=10).raise_for_status()
                break
            except httpx.TransportError:
                if process.poll() is not None or time.monotonic() > give_up_at:
                    raise
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(30)


def fill(url: str, tenant_id: str, *, row_count: int = ROW_COUNT) -> None:
    """Write transactions of a hundred tenants, one of them the given one.

    :param url: Address of the database.
    :param tenant_id: The tenant.
    :param row_count: How many transactions, of all tenants.
    """
    superuser = make_url(url).set(username="postgres")
    engine = create_engine(superuser)
    with engine.begin() as connection:
        for statement in _FILL.split(";\n"):
            connection.execute(
                text(statement),
                {"tenant_id": tenant_id, "tenants": TENANT_COUNT, "rows": row_count},
            )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE) transactions"))
    engine.dispose()


_FILL = """
CREATE TEMP TABLE numbered AS
SELECT 0 AS number, CAST(:tenant_id AS uuid) AS tenant_id
UNION ALL SELECT n, gen_random_uuid() FROM generate_series(1, :tenants - 1) AS n;
INSERT INTO tenants (id, name, currency, auto_apply, auto_apply_threshold)
SELECT tenant_id, 'Tenant ' || number, 'EUR', true, 0.95 FROM numbered WHERE number > 0;
INSERT INTO institutions (id, provider, reference, name, countries, history_days_max,
    consent_days_max, features, fetched_at)
VALUES (gen_random_uuid(), 'gocardless', 'BENCH', 'Bench Bank', '{DE}', 730, 180, '{}', now());
INSERT INTO connections (tenant_id, id, provider, institution_id, status)
SELECT tenant_id, gen_random_uuid(), 'gocardless', institutions.id, 'active'
FROM numbered, institutions;
INSERT INTO consents (tenant_id, id, connection_id, status, reference, provider_reference,
    consent_url, history_days, access_days)
SELECT tenant_id, gen_random_uuid(), id, 'granted', 'r', 'r', 'https://bank.test', 730, 180
FROM connections;
INSERT INTO accounts (tenant_id, id, connection_id, consent_id, provider_reference, iban, name,
    currency, account_type, status, is_sync_enabled, failure_count)
SELECT consents.tenant_id, gen_random_uuid(), connection_id, consents.id, 'a' || n,
    'DE02120300000000202051', 'Account ' || n, 'EUR', 'current', 'active', true, 0
FROM consents, generate_series(1, 2) AS n;
CREATE TEMP TABLE account_numbers AS
SELECT tenant_id, id, row_number() OVER (ORDER BY tenant_id, id) - 1 AS number FROM accounts;
INSERT INTO transactions (tenant_id, id, account_id, status, amount, currency, transaction_date,
    booking_date, value_date, provider_transaction_id, internal_id, end_to_end_id,
    counterparty_name, counterparty_iban, payee, description, remittance, bank_transaction_code,
    fingerprint, occurrence, raw_id, identity_version, identity_tier, match_status)
SELECT account_numbers.tenant_id, gen_random_uuid(), account_numbers.id, 'booked',
    (n::bigint * 7919 % 200000 - 100000) / 100.0, 'EUR', current_date - (n / :tenants % 730)::int,
    current_date - (n / :tenants % 730)::int, current_date - (n / :tenants % 730)::int,
    'T' || n, md5(n::text), 'E2E-' || n, 'Counterparty ' || n % 5000, 'DE02120300000000202051',
    'Counterparty ' || n % 5000, 'Invoice INV-' || n || ' of this month, with thanks',
    'Invoice INV-' || n || ' of this month, with thanks', 'PMNT-RCDT-ESCT',
    sha256(n::text::bytea), 1, gen_random_uuid(), 1, 'new', 'unmatched'
FROM generate_series(1, :rows) AS n
JOIN account_numbers ON account_numbers.number = n % (:tenants * 2)
"""
