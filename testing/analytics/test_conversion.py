"""The warehouse converts amounts as the domain does: one is held against the other."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader

from payymo.analytics.project import project_folder
from payymo.domain.enums import RateSource
from payymo.domain.exchange import DayRate, convert
from payymo.domain.money import CURRENCIES, exponent_of

TODAY = date(2026, 3, 2)
MACROS = (
    Environment(loader=FileSystemLoader(project_folder() / "macros"), autoescape=False)
    .get_template("convert.sql")
    .module
)

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=4)
RATES = st.decimals(min_value=Decimal("0.0000000001"), max_value=10**6, places=10)
CODES = st.sampled_from(["USD", "JPY", "KWD", "UYW"])
QUOTES = st.one_of(st.just(("EUR", Decimal(1))), st.tuples(CODES, RATES))


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


type Quote = tuple[str, Decimal | None]


def convert_in_sql(
    engine: duckdb.DuckDBPyConnection, amount: Decimal, source: Quote, target: Quote
) -> Decimal | None:
    """Convert an amount between two currencies, each with its rate."""
    names = ("amount", "currency", "rate", "target", "target_rate")
    expression = call_macro("convert", *names)
    ((converted,),) = engine.execute(
        f"select {expression} from (select ?::decimal(20, 4) as amount, ?::varchar as currency, "
        "?::decimal(20, 10) as rate, ?::varchar as target, ?::decimal(20, 10) as target_rate)",
        [amount, *source, *target],
    ).fetchall()
    assert converted is None or isinstance(converted, Decimal)
    return converted


def call_macro(name: str, *arguments: str) -> str:
    return str(getattr(MACROS, name)(*arguments))


def rate_of(currency: str, rate: Decimal) -> DayRate:
    return DayRate(TODAY, currency, rate, TODAY, RateSource.ECB)


@settings(deadline=None)
@given(amount=AMOUNTS, source=QUOTES, target=QUOTES)
def test_any_amount_is_converted_alike(
    engine: duckdb.DuckDBPyConnection,
    amount: Decimal,
    source: tuple[str, Decimal],
    target: tuple[str, Decimal],
) -> None:
    expected = convert(amount, source[0], target[0], TODAY, [rate_of(*source), rate_of(*target)])

    converted = convert_in_sql(engine, amount, source, target)

    assert expected is not None
    if source[0] != target[0] and abs(expected.amount) >= 10**16:
        assert converted is None
    else:
        assert converted == expected.amount


@pytest.mark.parametrize(
    ("amount", "converted"),
    # At two dollars for one euro, a cent more or less than half a cent decides.
    [("0.01", "0.00"), ("0.03", "0.02"), ("0.05", "0.02"), ("-0.03", "-0.02"), ("0.07", "0.04")],
)
def test_halves_go_to_the_even_cent(
    engine: duckdb.DuckDBPyConnection, amount: str, converted: str
) -> None:
    assert convert_in_sql(
        engine, Decimal(amount), ("USD", Decimal(2)), ("EUR", Decimal(1))
    ) == Decimal(converted)


@pytest.mark.parametrize(("rate", "target_rate"), [(None, "1"), ("1", None), (None, None)])
def test_a_missing_rate_is_no_amount(
    engine: duckdb.DuckDBPyConnection, rate: str | None, target_rate: str | None
) -> None:
    rates = [None if text is None else Decimal(text) for text in (rate, target_rate)]

    assert convert_in_sql(engine, Decimal(1), ("USD", rates[0]), ("EUR", rates[1])) is None


def test_what_is_in_its_currency_already_is_never_rounded(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    amount = Decimal("1.2345")

    assert convert_in_sql(engine, amount, ("USD", None), ("USD", None)) == amount


def test_every_currency_has_the_decimals_of_the_domain(engine: duckdb.DuckDBPyConnection) -> None:
    units = call_macro("units_of", "currency")
    rows = engine.execute(
        f"select currency, {units} from (select unnest(?) as currency)",
        [sorted(CURRENCIES)],
    ).fetchall()

    assert dict(rows) == {currency: 10 ** exponent_of(currency) for currency in CURRENCIES}
