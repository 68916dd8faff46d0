"""What the demonstration asks the warehouse."""

from datetime import date

import pytest

from payymo.cli.questions import Answer, Question, list_questions, print_answers


class TestListQuestions:
    def test_four_months_back_and_a_week_ahead_of_the_day(self) -> None:
        flow, ageing, forecast = list_questions(date(2026, 1, 31))

        assert flow.path == "/analytics/cash_flow?currency=EUR&start_date=2025-10-01"
        assert ageing.path == "/analytics/receivables_ageing?currency=EUR"
        assert forecast.path == "/analytics/forecast?currency=EUR&end_date=2026-02-07"

    def test_a_forecast_is_shown_with_its_band(self) -> None:
        *_, forecast = list_questions(date(2026, 1, 31))

        assert list(forecast.columns) == [
            "forecast_date",
            "expected_in",
            "expected_out",
            "expected_balance",
            "balance_low",
            "balance_high",
        ]

    def test_the_first_of_a_month_is_of_that_month(self) -> None:
        flow, *_ = list_questions(date(2026, 3, 1))

        assert flow.path.endswith("start_date=2025-12-01")


def test_an_answer_is_shown_with_the_line_that_asks_for_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    question = Question("debts", "Who owes?", "/debts?a=1&b=2", {"who": "who", "sum": "sum #"})

    print_answers([Answer(question, [{"who": "[b]Example", "sum": "1.50"}])], "http://x.test")

    title, head, row, line = capsys.readouterr().out.strip().splitlines()
    assert title.strip() == "Who owes?"
    assert head.split() == ["who", "sum"]
    assert row.split() == ["[b]Example", "1.50"]
    assert line.split("TOKEN")[1] == "\" 'http://x.test/api/v1/debts?a=1&b=2'"
