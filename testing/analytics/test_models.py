"""What every model of the warehouse has beside it, and that its words are the domain's."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from payymo.analytics.project import project_folder
from payymo.domain import enums
from payymo.domain.quotas import CALLS_A_DAY
from payymo.postgres.reconciliation.operations.review_queue import BAND_EDGES

MODELS = project_folder() / "models"
TESTS = project_folder() / "tests"
MARTS = sorted((MODELS / "mart").glob("*.sql"))

#: Marts that are the same for every tenant.
WITHOUT_TENANT = {"dim_dates"}

#: Columns that hold only some of an enum's words.
NARROWER = {("fct_transactions", "transaction_status"): {"pending", "booked"}}

type Properties = dict[str, Any]


def name_of(path: Path) -> str:
    return path.stem


def properties(path: Path) -> Properties:
    """Return what stands in the file beside a mart."""
    (model,) = yaml.safe_load(path.with_suffix(".yml").read_text())["models"]
    assert model["name"] == path.stem
    found: Properties = model
    return found


def accepted_values(model: Properties) -> list[tuple[str, Properties]]:
    """Return each closed set of words of a mart, with the column that it is of."""
    return [
        (column["name"], test["accepted_values"])
        for column in model["columns"]
        for test in column.get("data_tests", ())
        if "accepted_values" in test
    ]


def test_there_are_marts_to_look_at() -> None:
    assert len(MARTS) >= 9


@pytest.mark.parametrize("layer", ["source", "staging", "intermediate"])
def test_every_model_below_the_marts_is_described(layer: str) -> None:
    described = {
        model["name"]
        for model in yaml.safe_load((MODELS / layer / f"_{layer}.yml").read_text())["models"]
        if model["description"]
    }

    assert described == {path.stem for path in (MODELS / layer).glob("*.sql")}


def test_every_source_is_staged_once() -> None:
    sources = {path.stem.removeprefix("src_") for path in (MODELS / "source").glob("src_*.sql")}
    staged = {path.stem.removeprefix("stg_") for path in (MODELS / "staging").glob("stg_*.sql")}

    assert sources == staged


def test_only_sources_read_postgresql_and_only_staging_reads_sources() -> None:
    texts = {path: path.read_text() for path in MODELS.rglob("*.sql")}

    assert {path.parent.name for path, text in texts.items() if "operational(" in text} == {
        "source"
    }
    assert {path.parent.name for path, text in texts.items() if "ref('src_" in text} == {"staging"}


@pytest.mark.parametrize("path", sorted(MODELS.rglob("*.sql")), ids=name_of)
def test_a_model_knows_no_clock_and_no_chance(path: Path) -> None:
    """Or what a build leaves alone would not be what it would have made."""
    words = re.compile(
        r"\b(now|today|current_\w+|get_current_\w+|transaction_timestamp|localtime\w*|random|"
        r"uuid|gen_random_uuid|uuidv\d|txid_current|nextval|run_started_at|invocation_id|var)\b"
    )

    assert words.findall(re.sub("--.*", "", path.read_text())) == []


@pytest.mark.parametrize(
    "path", sorted([*MODELS.rglob("*.sql"), *TESTS.glob("*.sql")]), ids=name_of
)
def test_what_is_compiled_is_the_same_for_every_build(path: Path) -> None:
    """An incremental build runs again what dbt compiled for another moment."""
    asked = re.findall(r"\b(env_var|execute|target|builtins|modules|run_query)\b", path.read_text())

    assert asked == []


@pytest.mark.parametrize(
    "path",
    sorted([*MODELS.rglob("*.yml"), *TESTS.glob("*"), *project_folder().glob("macros/*.sql")]),
    ids=name_of,
)
def test_a_test_breaks_by_its_rows_alone(path: Path) -> None:
    """An incremental build counts them itself, and knows no other way to fail."""
    said = re.findall(
        r"\b(severity|error_if|warn_if|limit|fail_calc|store_failures)\b *[:=]", path.read_text()
    )

    assert said == []


@pytest.mark.parametrize("path", MARTS, ids=name_of)
def test_every_mart_says_its_grain_and_tests_it(path: Path) -> None:
    model = properties(path)
    grain = model["config"]["meta"]["grain"]

    assert {"unique_key": {"arguments": {"columns": grain}}} in model["data_tests"]
    constraints = {column["name"]: column.get("constraints") for column in model["columns"]}
    assert [constraints[name] for name in grain] == [[{"type": "not_null"}]] * len(grain)
    assert ("tenant_id" in grain) == (path.stem not in WITHOUT_TENANT)


@pytest.mark.parametrize("path", MARTS, ids=name_of)
def test_every_column_of_a_mart_is_described_and_typed(path: Path) -> None:
    model = properties(path)

    assert model["description"].endswith((".", ".\n"))
    assert [
        column["name"]
        for column in model["columns"]
        if not column.get("description", "").endswith(".") or not column.get("data_type")
    ] == []


@pytest.mark.parametrize("path", MARTS, ids=name_of)
def test_closed_sets_of_words_are_the_domains(path: Path) -> None:
    for column, test in accepted_values(properties(path)):
        enum = test.get("config", {}).get("meta", {}).get("enum")
        if enum is None:
            continue
        words = {member.value for member in getattr(enums, enum)}
        assert set(test["arguments"]["values"]) == NARROWER.get((path.stem, column), words), column


@pytest.mark.parametrize("path", MARTS, ids=name_of)
def test_averages_and_numbers_of_days_are_not_to_be_added_up(path: Path) -> None:
    """Every number that is no exact amount is one, and so is what is named for days."""
    assert [
        column["name"]
        for column in properties(path)["columns"]
        if (
            column["data_type"] == "double"
            or (column["data_type"] in {"integer", "bigint"} and "days" in column["name"])
        )
        and column.get("config", {}).get("meta", {}).get("additive") is not False
    ] == []


def test_every_narrower_set_is_one_of_a_mart() -> None:
    known = {
        (path.stem, column)
        for path in MARTS
        for column, test in accepted_values(properties(path))
        if "enum" in test.get("config", {}).get("meta", {})
    }

    assert NARROWER.keys() - known == set()


def test_syncs_are_counted_by_every_kind_of_fault() -> None:
    sql = (MODELS / "mart" / "fct_sync_health.sql").read_text()

    assert [kind for kind in enums.FaultKind if f"error_kind = '{kind}'" not in sql] == []
    assert [
        status
        for status in enums.RunStatus
        if f"sync_status = '{status}'" not in sql and status is not enums.RunStatus.RUNNING
    ] == []


def test_as_many_calls_are_allowed_as_the_domain_allows() -> None:
    sql = (MODELS / "mart" / "fct_quota_use.sql").read_text()

    assert f"greatest({CALLS_A_DAY}, told_remaining), {CALLS_A_DAY})" in sql


def test_matches_fall_into_the_bands_that_the_api_shows() -> None:
    quality = MODELS / "mart" / "fct_reconciliation_quality.sql"

    (bands,) = [
        test["arguments"]["values"]
        for column, test in accepted_values(properties(quality))
        if column == "confidence_band"
    ]

    assert bands == [f"{low} to {high}" for low, high in pairwise(BAND_EDGES)]
