"""``payymo rates``, as the operator sees it."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker
from testing.cli.running import payymo, told
from testing.factories import add_tenant
from testing.providers.ecb.files import DAILY_XML, HISTORY, zipped
from testing.providers.ecb.publishing import Publisher, publishing
from typer.testing import CliRunner

from payymo.cli.app import app
from payymo.domain.errors import InvalidInputError, NotFoundError, RuleError


@pytest.fixture(autouse=True)
def tenant(committed: sessionmaker[Session]) -> None:
    with committed.begin() as session:
        add_tenant(session)


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    with publishing() as publisher:
        monkeypatch.setenv("ECB_BASE_URL", publisher.url)
        publisher.files = {"eurofxref-hist.zip": zipped(HISTORY)}
        yield publisher


@pytest.fixture
def history(tmp_path: Path) -> str:
    path = tmp_path / "eurofxref-hist.csv"
    path.write_text(HISTORY)
    return str(path)


def test_before_any_import_it_says_how_to_get_rates() -> None:
    assert "run `payymo rates update`" in told("rates", "status")


def test_a_file_is_taken_in_and_its_rates_are_shown(history: str) -> None:
    taken = told("rates", "import", history)

    assert taken == "10 rates of 2007-12-31 to 2026-02-27: 10 new, 0 corrected.\n"
    assert "known up to 2026-02-27" in told("rates", "status")
    shown = told("rates", "show", "usd", "--date", "2026-03-01")
    assert shown == "1 EUR = 1.0842 USD on 2026-03-01 (ecb, carried forward from 2026-02-27)\n"
    listed = told("rates", "list", "--currency", "USD", "--since", "2026-01-01", "--limit", "1")
    assert "1 of 2 rates" in listed
    assert "2026-02-27" in listed
    status = json.loads(told("rates", "status", "--json"))
    assert (status["last_date"], status["imports"][0]["added_count"]) == ("2026-02-27", 10)


def test_standard_input_is_a_file_too() -> None:
    result = CliRunner().invoke(app, ["rates", "import", "-", "--json"], input=DAILY_XML)

    assert result.exit_code == 0
    assert json.loads(result.stdout)["read_count"] == 3


def test_a_damaged_file_is_refused_with_its_faults(history: str) -> None:
    Path(history).write_text(HISTORY.replace("159.9", "?"))

    result = payymo("rates", "import", history)

    assert isinstance(result.exception, InvalidInputError)
    assert [problem.field for problem in result.exception.problems] == ["line 3"]
    assert "failed: The file is not as" in told("rates", "status")


def test_a_file_that_is_not_there_is_named() -> None:
    result = payymo("rates", "import", "nowhere.csv")

    assert isinstance(result.exception, InvalidInputError)
    assert "nowhere.csv cannot be read" in result.exception.message


def test_rates_are_downloaded(publisher: Publisher) -> None:
    assert "10 new" in told("rates", "update")
    assert publisher.asked == ["eurofxref-hist.zip"]


def test_a_download_that_fails_says_so_and_exits_with_1(publisher: Publisher) -> None:
    publisher.status = HTTPStatus.SERVICE_UNAVAILABLE

    result = payymo("rates", "update")

    assert result.exit_code == 1
    assert "HTTP 503" in result.stderr
    assert "HTTP 503" in told("rates", "status")


def test_an_installation_without_updates_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYYMO_RATES_UPDATE", "false")

    assert "PAYYMO_RATES_UPDATE is false" in told("rates", "status")


def test_ones_own_rate_counts_until_it_is_removed(history: str) -> None:
    told("rates", "import", history)

    said = told("rates", "set", "USD", "2026-02-27", "2.0", "--note", "Agreed")
    converted = told("rates", "convert", "10.00", "USD", "--date", "2026-02-27")

    assert said == "On 2026-02-27 one euro is 2 USD for this tenant.\n"
    # 10 / 2 = 5
    assert converted.splitlines() == [
        "10.00 USD = 5.00 EUR",
        "1 EUR = 2 USD on 2026-02-27 (override)",
    ]
    told("rates", "unset", "USD", "2026-02-27")
    assert isinstance(payymo("rates", "unset", "USD", "2026-02-27").exception, NotFoundError)
    # 10.842 is no amount of dollars, 108.42 / 1.0842 = 100 and 100 * 0.8450 = 84.50
    found = told(
        "rates", "convert", "108.42", "USD", "--to", "GBP", "--date", "2026-02-27", "--json"
    )
    assert json.loads(found)["amount"] == "84.50"


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "EUR"),
        ("show", "USD", "--date", "yesterday"),
        ("set", "XYZ", "2026-02-27", "1"),
        ("set", "USD", "2026-02-27", "0"),
        ("set", "USD", "1998-01-01", "1"),
        ("convert", "ten", "USD"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...]) -> None:
    assert isinstance(payymo("rates", *arguments).exception, InvalidInputError)


def test_without_a_rate_there_is_no_amount() -> None:
    result = payymo("rates", "convert", "1", "USD", "--date", "2026-02-27")

    assert isinstance(result.exception, RuleError)


def test_the_reporting_currency_is_a_setting_of_the_tenant() -> None:
    settings = json.loads(told("tenants", "settings", "--currency", "gbp", "--json"))

    assert settings["currency"] == "GBP"
    assert isinstance(
        payymo("tenants", "settings", "--currency", "XYZ").exception, InvalidInputError
    )
