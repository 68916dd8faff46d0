"""The whole house on one command, as a newcomer and a program use it."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from payymo.analytics.warehouse import Warehouse
from payymo.cli.browser import walk_consent
from payymo.cli.journey import Api, Login

# One worker runs them all: the house is started once.
pytestmark = pytest.mark.xdist_group("house")

START_SECONDS_MAX = 90
STOP_SECONDS_MAX = 60
#: Amounts are shown to the cent, each rounded by itself.
COINS_MAX = Decimal("0.02")
INVOICES = (
    "number,customer_name,currency,total,issue_date\n"
    "INV-1,Example Ltd,EUR,10.00,2026-01-05\n"
    "INV-2,Example Ltd,EUR,12.50,2026-01-06\n"
)


@dataclass(frozen=True)
class House:
    """A running ``payymo up``, and what it said when it was ready."""

    url: str
    login: Login
    sandbox_url: str
    environment: dict[str, str]
    process: "subprocess.Popen[str]"

    def payymo(self, *arguments: str, expect: int = 0, given: str = "") -> str:
        """Run a command beside the house; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "payymo", *arguments],
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=START_SECONDS_MAX,
            check=False,
        )
        assert done.returncode == expect, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if expect == 0 else done.stderr


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="payymo-test-") as folder:
        yield from run_house(Path(folder))


def clean_environment(data_folder: Path) -> dict[str, str]:
    """Return this process's environment, with nothing of Payymo's but the data folder."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PAYYMO_", "GOCARDLESS_")) and name != "DATABASE_URL"
    }
    return environment | {"PAYYMO_DATA_DIR": str(data_folder)}


def run_beside_no_house(
    *arguments: str, data_folder: Path, **variables: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "payymo", *arguments],
        env=clean_environment(data_folder) | variables,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def run_house(data_folder: Path) -> Iterator[House]:
    environment = clean_environment(data_folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "payymo", "up", "--port", "0", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        login = Login(said["email"], said["password"])
        yield House(said["url"], login, said["sandbox_url"], environment, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS_MAX) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
    assert not (data_folder / "postgres" / "data" / "postmaster.pid").exists()


@pytest.fixture
def api(house: House) -> Iterator[Api]:
    with httpx.Client(base_url=house.url, timeout=60) as http:
        credentials = {"email": house.login.email, "password": house.login.password}
        token = Api(http).post("/auth/login", credentials)["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield Api(http)


def connect(house: House, api: Api, bank: str, scenario: str) -> dict[str, Any]:
    connection: dict[str, Any] = api.post("/bank_connections", {"institution_id": bank})
    with httpx.Client(timeout=60) as browser:
        walk_consent(
            browser,
            connection["consent_url"],
            answers={"scenario": scenario},
            until=f"{house.url}/api/v1/bank_connections/callback",
        )
    return connection


class TestUp:
    def test_a_bank_is_connected_synced_and_matched_through_the_front_doors(
        self, house: House, api: Api
    ) -> None:
        assert house.sandbox_url.startswith("http://127.0.0.1:")
        connection = connect(house, api, "SANDBOXFINANCE_SFIN0000", "household")

        for job in api.get("/jobs", kind="sync"):
            api.wait_for(job["id"], lambda *_: None, "sync")

        accounts = api.get("/accounts", bank_connection_id=connection["id"])
        (run,) = api.get(f"/bank_connections/{connection['id']}/sync_runs")
        assert len(accounts) == 3
        assert run["status"] == "succeeded"

        # The same again from the terminal, beside the running house: nothing is new.
        report = json.loads(house.payymo("sync", connection["id"], "--json"))[connection["id"]]
        assert report["status"] == "succeeded"
        assert json.loads(house.payymo("connections", "list", "--json"))[0]["status"] == "active"
        assert len(json.loads(house.payymo("transactions", "list", "--json", "--limit", "5"))) == 5

    def test_invoices_are_checked_then_taken_in_then_matched(
        self, house: House, api: Api, tmp_path: Path
    ) -> None:
        file = tmp_path / "invoices.csv"
        file.write_text(INVOICES)

        assert "2 invoices would be imported" in house.payymo(
            "invoices", "import", str(file), "--dry-run"
        )
        assert api.get("/invoices") == []
        assert "2 invoices imported" in house.payymo("invoices", "import", str(file))
        assert {row["number"] for row in api.get("/invoices")} == {"INV-1", "INV-2"}

        refusal = house.payymo("invoices", "import", str(file), expect=1)
        assert "line 2" in refusal
        assert "INV-1" in refusal
        assert "open invoices" in house.payymo("match")

        settings = json.loads(house.payymo("tenants", "settings", "--json"))
        assert (settings["auto_apply"], settings["auto_apply_threshold"]) == (False, "0.95")
        changed = house.payymo("tenants", "settings", "--auto-apply", "--threshold", "0.97")
        assert re.search(r"auto_apply +True", changed)
        assert re.search(r"auto_apply_threshold +0\.97", changed)

    def test_setting_up_again_changes_nothing(self, house: House) -> None:
        before = json.loads(house.payymo("db", "status", "--json"))
        assert "is set up" in house.payymo("db", "init")
        assert json.loads(house.payymo("db", "status", "--json")) == before

    def test_a_second_shell_upgrades_the_same_database(self, house: House) -> None:
        assert "revision" in house.payymo("db", "upgrade")
        status = json.loads(house.payymo("db", "status", "--json"))
        assert status["revision"] == status["latest"]

    def test_the_warehouse_is_built_beside_the_running_house(self, house: House, api: Api) -> None:
        built = house.payymo("analytics", "build", "--full")
        assert re.match(r"Built \d+ models from everything", built)

        status = json.loads(house.payymo("analytics", "status", "--json"))
        assert (status["current"]["kind"], status["failure"]) == ("full", None)
        assert status["current"]["id"] in house.payymo("analytics", "status")
        folder = Path(house.environment["PAYYMO_DATA_DIR"]) / "analytics"
        with Warehouse(folder).reading() as (_, connection):
            rows = connection.execute("select account_id from mart.dim_accounts").fetchall()
        assert {str(row) for (row,) in rows} == {row["id"] for row in api.get("/accounts")}

        again = json.loads(house.payymo("analytics", "build", "--json"))
        assert again["kind"] == "incremental"

    def test_a_mistake_is_a_sentence(self, house: House) -> None:
        assert "no such tenant" in house.payymo("match", "--tenant", "Nobody", expect=1).lower()
        assert "cannot be read" in house.payymo("invoices", "import", "/nowhere.csv", expect=1)

    def test_a_tenant_has_credentials_of_its_own(self, house: House, tmp_path: Path) -> None:
        file = tmp_path / "secrets.json"
        file.write_text('{"secret_id": "only-id"}')
        assert "secret_id and secret_key" in house.payymo(
            "connections", "credentials", "--file", str(file), expect=1
        )

        file.write_text('{"secret_id": "own-id", "secret_key": "own-key"}')
        house.payymo("connections", "credentials", "--file", str(file))
        house.payymo("connections", "credentials", "--forget")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a killed parent")
def test_a_house_whose_parent_is_killed_closes_and_opens_again(data_folder: Path) -> None:
    command = [sys.executable, "-m", "payymo", "up", "--port", "0", "--customers", "1", "--json"]
    logins = []
    for _ in range(2):
        with subprocess.Popen(
            command, env=clean_environment(data_folder), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            logins.append(json.loads(process.stdout.readline())["email"])
            parts = psutil.Process(process.pid).children()
            process.kill()
        _, outliving = psutil.wait_procs(parts, timeout=STOP_SECONDS_MAX)
        assert len(parts) == 3
        assert outliving == []

    assert logins[0] == logins[1]


class TestTranslate:
    def test_each_line_is_answered_in_order_without_a_database(self, house: House) -> None:
        row = {
            "institution_id": None,
            "booked": True,
            "payload": {
                "transactionId": "t-1",
                "bookingDate": "2026-01-31",
                "transactionAmount": {"amount": "-12.5", "currency": "EUR"},
                "creditorName": "Bakery Example",
            },
        }

        printed = house.payymo("translate", "gocardless", given=f"{json.dumps(row)}\nno JSON\n")

        first, second = (json.loads(line) for line in printed.splitlines())
        assert (first["amount"], first["payee"]) == ("-12.5", "Bakery Example")
        assert first["booking_date"] == "2026-01-31"
        assert "error" in second


class TestDemo:
    def test_the_main_job_runs_whole_and_is_right(self, data_folder: Path) -> None:
        done = run_beside_no_house("demo", "--customers", "40", data_folder=data_folder)

        assert done.returncode == 0, done.stderr
        assert re.search(r"Main account +GL\d+ +-?[\d.]+ +EUR", done.stdout)
        synced = re.search(r"([\d,]+) transactions synced", done.stdout)
        assert synced is not None
        assert int(synced[1].replace(",", "")) > 4_000
        applied = re.search(r"^applied +\d+ +\d+ +([\d.]+) +[\d.]+$", done.stdout, re.MULTILINE)
        assert applied is not None
        assert float(applied[1]) > 0.95
        together = re.search(
            r"^applied or suggested +\d+ +[\d.]+ +([\d.]+)$", done.stdout, re.MULTILINE
        )
        assert together is not None
        assert float(together[1]) > 0.7
        assert done.stdout.count("curl -s") == 4
        self._check_answers(done.stdout)

    @staticmethod
    def _check_answers(printed: str) -> None:
        """Four months add up, every age is one, and each day to come goes on from the last."""
        assert re.search(r"^The warehouse was built in [\d.]+ s: \d+ models", printed, re.MULTILINE)
        amount = r" +(-?\d+\.\d\d)"
        months = re.findall(rf"^\d{{4}}-\d\d-01{amount * 3}$", printed, re.MULTILINE)
        assert len(months) == 4
        assert all(Decimal(came) - Decimal(went) == Decimal(net) for came, went, net in months)
        ages = re.findall(rf"^(\w+) +([1-9]\d*){amount}$", printed, re.MULTILINE)
        assert {age for age, *_ in ages} <= {
            *("no_due_date", "not_due", "1_to_30", "31_to_60", "61_to_90", "over_90")
        }
        assert len(ages) > 1
        days = re.findall(rf"^(\d{{4}}-\d\d-\d\d){amount * 5}$", printed, re.MULTILINE)
        assert len(days) == 7
        for (day, *_, held, _, _), (next_day, *amounts) in pairwise(days):
            assert (date.fromisoformat(next_day) - date.fromisoformat(day)).days == 1
            came, went, holds, low, high = map(Decimal, amounts)
            assert abs(holds - (Decimal(held) + came - went)) <= COINS_MAX
            assert low <= holds <= high

    def test_up_may_demonstrate_first_and_then_serves(self, data_folder: Path) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "payymo", "up", "--demo", "--customers", "10", "--port", "0"],
            env=clean_environment(data_folder),
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            printed = []
            for line in process.stdout:
                printed.append(line)
                if line.startswith("Ctrl-C"):
                    break
            url = re.search(r"Payymo serves at (http\S+)", "".join(printed))
            assert url is not None
            assert httpx.get(f"{url[1]}/readyz").json()["status"] == "ok"
            process.send_signal(signal.SIGINT)
            assert process.wait(STOP_SECONDS_MAX) == 0
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def test_it_refuses_to_demonstrate_at_a_real_provider(self, data_folder: Path) -> None:
        done = run_beside_no_house(
            "demo", data_folder=data_folder, GOCARDLESS_BASE_URL="https://bank.test"
        )

        assert done.returncode == 1
        assert "unset GOCARDLESS_BASE_URL" in done.stderr
