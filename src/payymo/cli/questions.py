"""What the demonstration asks the warehouse, and how its answers are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from payymo.cli.terminal import out, print_table

#: What the invented business mostly invoices in: amounts of several are never put together.
_CURRENCY: Final = "EUR"
_FORECAST: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Question:
    """Something that one request answers.

    :ivar name: What a program calls the answer.
    :ivar asked: The question, in words.
    :ivar path: Address below the API's prefix.
    :ivar columns: Head of each column of the table, by the name that it has in the answer.
    """

    name: str
    asked: str
    path: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said.

    :ivar rows: Its rows, as they came.
    """

    question: Question
    rows: Sequence[Mapping[str, Any]]


def list_questions(today: date) -> list[Question]:
    """Return what there is to ask.

    :param today: The day that the warehouse shows.
    """
    four_months = today.replace(day=1)
    for _ in range(3):
        four_months = (four_months - timedelta(days=1)).replace(day=1)
    return [
        Question(
            "cash_flow",
            f"What came in and went out in {_CURRENCY}, month by month?",
            f"/analytics/cash_flow?currency={_CURRENCY}&start_date={four_months}",
            {
                "month_start_date": "month from",
                "money_in": "in #",
                "money_out": "out #",
                "net_cash_flow": "net #",
            },
        ),
        Question(
            "receivables_ageing",
            f"What am I owed in {_CURRENCY}, and how late is it?",
            f"/analytics/receivables_ageing?currency={_CURRENCY}",
            {
                "ageing_bucket": "days overdue",
                "invoice_count": "invoices #",
                "balance": "left to pay #",
            },
        ),
        Question(
            "forecast",
            f"How much {_CURRENCY} shall I have on the next days? (Eight of ten: low to high.)",
            f"/analytics/forecast?currency={_CURRENCY}&end_date={today + _FORECAST}",
            {
                "forecast_date": "on",
                "expected_in": "in #",
                "expected_out": "out #",
                "expected_balance": "balance #",
                "balance_low": "low #",
                "balance_high": "high #",
            },
        ),
    ]


def print_answers(answers: Sequence[Answer], url: str) -> None:
    """Print each answer as a table, and the line that asks for it.

    :param url: Where the API listens.
    """
    for answer in answers:
        columns = answer.question.columns
        out.print()
        print_table(
            answer.question.asked,
            list(columns.values()),
            [[row[name] for name in columns] for row in answer.rows],
        )
        address = f"{url}/api/v1{answer.question.path}"
        out.print(f"  curl -s -H \"Authorization: Bearer $TOKEN\" '{address}'", markup=False)
